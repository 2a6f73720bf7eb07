// unit-count.mjs TESTLOG.JSON: "passed failed skipped" over the single tests inside Meson's programs.
// A program that died counts one failure even if cmocka could not say which test it was.
import { readFileSync } from 'node:fs';

const last = (text, pattern) => {
    const all = [...text.matchAll(pattern)];
    return all.length ? all.reduce((sum, m) => sum + Number(m[1]), 0) : 0;
};
let passed = 0, failed = 0, skipped = 0;
for (const line of readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean)) {
    const t = JSON.parse(line);
    const text = `${t.stdout ?? ''}\n${t.stderr ?? ''}`;
    const ok = last(text, /\[  PASSED  \] (\d+) test\(s\)\./g);
    const bad = last(text, /\[  FAILED  \] (\d+) test\(s\), listed below/g);
    const good = t.result === 'OK' || t.result === 'EXPECTEDFAIL';
    passed += good ? Math.max(ok, 1) : ok;
    failed += good ? bad : Math.max(bad, 1);
    skipped += t.result === 'SKIP' ? 1 : last(text, /\[  SKIPPED \] (\d+) test\(s\), listed/g);
}
console.log(passed, failed, skipped);
