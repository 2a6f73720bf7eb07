// reference.test.mjs: the reference itself, against a second opinion: DuckDB on 30,000 events of the benchmark's data; and against
// answers worked out by hand for what SQL has no word for.
import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { DuckDBInstance } from '@duckdb/node-api';
import { difference } from '../../bench/agree.mjs';
import * as peer from '../../bench/duckdb.mjs';
import { questions } from '../../bench/questions.mjs';
import { answer, prepare } from './reference.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const plain = (v) => (typeof v === 'bigint' ? Number(v) : v);

test('the reference agrees with DuckDB on the questions of the benchmark', { timeout: 240000 }, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'reference-'));
    try {
        const file = (name) => path.join(folder, name);
        execFileSync('gcc', ['-std=gnu17', '-D_GNU_SOURCE', '-O2', path.join(root, 'bench/generate.c'), '-o', file('generate'), '-lm']);
        execFileSync(file('generate'), ['30000', '1500', '--ndjson', file('e.ndjson'), '--csv', file('e.csv')]);
        const duck = await (await DuckDBInstance.create(':memory:')).connect();
        await duck.run(peer.load(file('e.csv'), 'none'));
        const parts = [readFileSync(file('e.ndjson'), 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l))];
        const model = prepare({ timezone: 'UTC', now: '2026-11-29T00:00:00Z', parts });
        for (const q of questions) {
            const want = (await duck.runAndReadAll(peer.questions[q.name](1e6))).getRows().map((r) => r.map(plain));
            const got = answer(model, { project: 1, ...q.query });
            assert.strictEqual(difference(want, q.rows(got)), null, q.name);
        }
    } finally {
        rmSync(folder, { recursive: true, force: true });
    }
});

// A world written as "person event minute [properties]".
function world(lines, more = {}) {
    const begin = Date.parse('2026-03-02T00:00:00Z'); // a Monday
    const parts = [lines.map((l, i) => {
        const [who, event, minute, properties = '{}'] = l.split(' ');
        return { event, properties: { time: begin + Number(minute) * 60000, distinct_id: who, $insert_id: `i${i}`, ...JSON.parse(properties) } };
    })];
    return prepare({ timezone: 'UTC', now: '2026-03-20T12:00:00Z', parts, ...more });
}
const range = { project: 1, from: '2026-03-02', to: '2026-03-08' };
const funnelOf = (m, q) => answer(m, { ...range, report: 'funnel', window: { value: 1, unit: 'hour' }, ...q }).series.map((s) => s.steps.map((x) => x.count));
const steps = (...names) => names.map((event) => ({ event }));

test('funnel: equal times in step order, each event once, the deepest of all starts, the window from the start', () => {
    assert.deepStrictEqual(funnelOf(world(['a B 5', 'a A 5']), { steps: steps('A', 'B') }), [[1, 1]]);
    assert.deepStrictEqual(funnelOf(world(['a A 5']), { steps: steps('A', 'A') }), [[1, 0]]);
    assert.deepStrictEqual(funnelOf(world(['a A 0', 'a A 50', 'a B 100']), { steps: steps('A', 'B') }), [[1, 1]]);
    assert.deepStrictEqual(funnelOf(world(['a A 0', 'a B 60', 'b A 0', 'b B 61']), { steps: steps('A', 'B') }), [[2, 1]]);
    assert.deepStrictEqual(funnelOf(world(['a A 0', 'a B 50', 'a C 70']), { steps: steps('A', 'B', 'C') }), [[1, 1, 0]]);
});
test('funnel: an exclusion strictly between; hold; any order; breakdown by the first step', () => {
    const exclude = [{ event: 'X', after_step: 1 }];
    assert.deepStrictEqual(funnelOf(world(['a A 0', 'a X 1', 'a B 2', 'b A 0', 'b X 0', 'b B 2']), { steps: steps('A', 'B'), exclude }), [[2, 1]]);
    assert.deepStrictEqual(funnelOf(world(['a A 0', 'a X 1', 'a A 2', 'a B 3']), { steps: steps('A', 'B'), exclude }), [[1, 1]]);
    assert.deepStrictEqual(funnelOf(world(['a A 0 {"p":1}', 'a B 1 {"p":2}', 'b A 0 {"p":1}', 'b B 1 {"p":1}', 'c A 0', 'c B 1']), { steps: steps('A', 'B'), hold: ['p'] }), [[2, 1]]);
    assert.deepStrictEqual(funnelOf(world(['a C 0', 'a A 1', 'a B 2', 'b B 0']), { steps: steps('A', 'B', 'C'), order: 'any' }), [[2, 1, 1]]);
    const m = world(['a A 0 {"p":"x"}', 'a A 1 {"p":"y"}', 'a B 2', 'b A 0 {"p":"x"}']);
    assert.deepStrictEqual(answer(m, { ...range, report: 'funnel', steps: steps('A', 'B'), breakdown: ['p'] }).series.map((s) => [s.breakdown[0], ...s.steps.map((x) => x.count)]), [['x', 2, 1], ['y', 1, 1]]);
});
test('retention: calendar weeks, null before they begin, week 0 after the start only', () => {
    const day = 1440, m = world(['a A 0', 'a A 10', `b A ${day}`, `a B ${8 * day}`, `b B ${15 * day}`]);
    const ask = (mode) => answer(m, { ...range, report: 'retention', interval: 'week', periods: 3, start: { event: 'A' }, return: { event: null }, start_mode: 'first_ever', mode }).cohorts.map((c) => [c.start, c.size, c.returned]);
    assert.deepStrictEqual(ask('on'), [['2026-03-02', 2, [1, 1, 1, null]]]);
    assert.deepStrictEqual(ask('on_or_after'), [['2026-03-02', 2, [2, 2, 1, null]]]);
});
test('insights: devices become users, duplicates fold, sessions by gaps, percentiles by lower nearest rank', () => {
    const m = world(['x E 0 {"$device_id":"d","n":1}', 'u E 20 {"$device_id":"d","$user_id":"u","n":2}', 'u E 60 {"n":3}', 'v E 60 {"n":4}', 'v E 60 {"n":4}'],
        {});
    const ask = (measure, property) => answer(m, { ...range, report: 'insights', interval: 'total', metrics: [{ event: 'E', measure, property }] }).series[0].total;
    assert.deepStrictEqual([ask('total'), ask('unique'), ask('sessions'), ask('median', 'n'), ask('p90', 'n'), ask('per_user_total')], [5, 2, 3, 3, 4, 2.5]);
});
test('flows: nothing follows as null; equal paths are counted', () => {
    const m = world(['a S 0', 'a X 1', 'a Y 2', 'b S 0', 'b X 5', 'c S 0']);
    const a = answer(m, { ...range, report: 'flows', anchor: { event: 'S' }, forward: 2, window: { value: 1, unit: 'day' } });
    assert.deepStrictEqual(a.paths.map((p) => [...p.events, p.count]), [['S', 'X', 'Y', 1], ['S', 'X', null, 1], ['S', null, null, 1]]);
    assert.deepStrictEqual(a.links.find((l) => l.at === 0), { at: 0, from: 'S', to: 'X', count: 2 });
});
