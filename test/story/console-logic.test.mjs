// console-logic.test.mjs: what the console works out by itself, without a browser: addresses, days, questions, words.
import assert from 'node:assert';
import { createRequire } from 'node:module';
import path from 'node:path';
import test, { before } from 'node:test';
import { pathToFileURL } from 'node:url';
import { freshFolder, root } from './lib/server.mjs';

let m;

before(async () => {
    const { build } = createRequire(path.join(root, 'web/build.mjs'))('esbuild');
    const outfile = path.join(freshFolder('console-logic'), 'logic.mjs');
    const files = ['state', 'dates', 'query', 'format'];
    const contents = files.map((f) => `export * from './${f}';`).join('\n');
    await build({ stdin: { contents, resolveDir: path.join(root, 'web/src'), loader: 'ts' }, bundle: true, format: 'esm', outfile });
    m = await import(pathToFileURL(outfile));
});

const lexicon = { events: [{ name: '$session_start', count: 9 }, { name: 'Open', count: 5 }, { name: 'Buy', count: 2 }], properties: [], user_properties: [], group_keys: [] };
const january = { from: '2026-01-01', to: '2026-01-31' };

test('an address reads back to the state it was written from', () => {
    const state = {
        ...m.DEFAULTS, range: '2026-01-01..2026-01-31', interval: 'week', metrics: [{ event: 'a&b=c#?', measure: 'sum', property: { user: 'plan' } }], filters: [{ property: 'ü', op: 'between', value: [1, 2] }], compare: true, limit: 25, who: 'a@b.c +1',
    };
    const place = m.decode(m.encode(7, 'funnel', state));
    assert.deepStrictEqual(place, { project: 7, page: 'funnel', state });
});

test('a fresh address says nothing but project and page', () => {
    assert.strictEqual(m.encode(1, 'insights', m.DEFAULTS), '#/1/insights');
});

test('what an address cannot mean falls back to what is usual', () => {
    for (const hash of ['', '#', '#/x/y?metrics=5', '#/1/insights?limit="x"&metrics=%7B%7D&start=null', '#/1/insights?metrics=[']) {
        const { state } = m.decode(hash);
        assert.deepStrictEqual(state, m.DEFAULTS, hash);
    }
});

test('another page keeps range, filters and breakdown and nothing else', () => {
    const place = m.decode('#/1/insights?range=7d&compare=true&breakdown=["os"]');
    assert.strictEqual(decodeURIComponent(m.elsewhere(place, 'funnel')), '#/1/funnel?range=7d&breakdown=["os"]');
});

test('days are counted over clock changes, leap days and years', () => {
    assert.strictEqual(m.addDays('2024-02-28', 2), '2024-03-01');
    assert.strictEqual(m.addDays('2026-01-01', -1), '2025-12-31');
    assert.strictEqual(m.daysBetween({ from: '2026-03-28', to: '2026-03-30' }), 3);
    assert.deepStrictEqual(m.before(january), { from: '2025-12-01', to: '2025-12-31' });
});

test('a range is two days, or a preset that ends today in the zone', () => {
    assert.deepStrictEqual(m.resolve('2026-01-01..2026-01-31', 'UTC'), january);
    for (const nonsense of ['2026-02-30..x', '2026-01-31..2026-01-01', 'zz']) assert.strictEqual(m.daysBetween(m.resolve(nonsense, 'UTC')), 30, nonsense);
    const week = m.resolve('7d', 'Pacific/Kiritimati');
    assert.strictEqual(m.daysBetween(week), 7);
    assert.strictEqual(week.to, m.today('Pacific/Kiritimati'));
    assert.match(m.today('No/Such_Zone'), /^\d{4}-\d\d-\d\d$/);
});

test('intervals fit the range, and one that does not is replaced', () => {
    assert.deepStrictEqual(m.intervalsFor({ from: '2026-01-01', to: '2026-01-01' }), ['minute', 'hour', 'total']);
    assert.deepStrictEqual(m.intervalsFor(january), ['day', 'week', 'total']);
    const s = m.filled({ ...m.DEFAULTS, interval: 'minute' }, lexicon, january);
    assert.strictEqual(s.interval, 'day');
});

test('a fresh report opens on the most frequent event of the product itself', () => {
    const s = m.filled(m.DEFAULTS, lexicon, january);
    assert.deepStrictEqual(s.metrics, [{ event: 'Open', measure: 'total' }]);
    assert.deepStrictEqual(s.steps.map((x) => x.event), ['Open', 'Buy']);
    assert.deepStrictEqual(m.filled(m.DEFAULTS, { ...lexicon, events: [] }, january).metrics, [{ event: null, measure: 'total' }]);
});

test('a filter still being written asks nothing', () => {
    const half = [{ property: '', op: 'is', value: [] }, { property: 'a', op: 'is', value: [] }, { property: 'a', op: 'gt', value: '' }, { property: 'a', op: 'between', value: [1, ''] }, { property: 'a', op: 'contains' }];
    const whole = [{ property: 'a', op: 'set' }, { property: 'a', op: 'is', value: [0] }, { property: 'a', op: 'between', value: [0, 0] }, { property: 'a', op: 'gt', value: 0 }];
    const q = m.insightsQuery(1, { ...m.filled(m.DEFAULTS, lexicon, january), filters: [...half, ...whole] }, january);
    assert.deepStrictEqual(q.filters, whole);
});

test('filters of a funnel hold on every step', () => {
    const filters = [{ property: 'os', op: 'is', value: ['iOS'] }];
    const q = m.funnelQuery(1, { ...m.filled(m.DEFAULTS, lexicon, january), filters }, january);
    assert.deepStrictEqual(q.steps, [{ event: 'Open', filters }, { event: 'Buy', filters }]);
});

test('numbers, shares and spans read as people write them', () => {
    assert.deepStrictEqual([1234567, 0.5, 12.345, null].map(m.number), ['1,234,567', '0.5', '12.35', '–']);
    assert.deepStrictEqual([0, 0.034, 0.5, 1, null, NaN].map(m.percent), ['0 %', '3.4 %', '50.0 %', '100 %', '–', '–']);
    assert.deepStrictEqual([0.25, 59, 61, 3600, 93784, null].map(m.span), ['250 ms', '59 s', '1 m 1 s', '1 h', '1 d 2 h', '–']);
});

test('labels without text and sealed labels are named, never blank', () => {
    const sealed = `sealed:${'ab12'.padEnd(32, '0')}`;
    assert.deepStrictEqual([null, '$none', '$other', '', true, 0, sealed].map(m.plain), ['(not set)', '(not set)', 'Other', '(empty)', 'true', '0', 'sealed ab12…']);
    assert.strictEqual(m.sealedHead('sealed:xyz'), null);
});
