// count-reporter.mjs: a node:test reporter that writes "passed failed skipped" over single tests.
export default async function* count(source) {
    let passed = 0, failed = 0, skipped = 0;
    for await (const { type, data } of source) {
        if (data?.details?.type === 'suite') continue;
        if (type === 'test:fail') failed++;
        else if (type === 'test:pass' && (data.skip || data.todo)) skipped++;
        else if (type === 'test:pass') passed++;
    }
    yield `${passed} ${failed} ${skipped}\n`;
}
