// questions.mjs: Q1 to Q9 of the benchmark as the interface asks them; duckdb.mjs and clickhouse.mjs hold the peers' SQL under the same
// names. `rows` turns an answer into the peers' rows, so that they can be compared (agree.mjs).
const july = { from: '2026-07-01', to: '2026-07-30' }, all = { from: '2026-06-01', to: '2026-09-01' };
const steps = ['view_item', 'add_to_cart', 'begin_checkout', 'purchase'].map((event) => ({ event }));
const week = { value: 7, unit: 'day' };
const reached = (a) => a.series.flatMap((s) => s.steps.map((x, i) => [...s.breakdown, i + 1, x.count])).filter((r) => r.at(-1) > 0);
const named = (a) => a.series.filter((s) => s.breakdown[0] !== '$other');
const byBucket = (a) => named(a).flatMap((s) => s.values.map((v, i) => [...s.breakdown, a.buckets[i], v])).filter((r) => r.at(-1) !== 0);
const revenue = (a) => {
    const [sums, counts] = [0, 1].map((m) => new Map(named(a).filter((s) => s.metric === m).map((s) => [s.breakdown[0], s.total])));
    return [...sums].map(([path, r]) => [path, Math.round(r * 100) / 100, counts.get(path)]);
};
const cohort = (c) => [Math.round((Date.parse(c.start) - 1780272000000) / 604800000), c.size, ...c.returned.map((v) => v ?? 0)];

export const questions = [
    {
        name: 'Q1', says: 'daily count of one event, 30 days', rows: byBucket,
        query: { report: 'insights', ...july, interval: 'day', metrics: [{ event: 'add_to_cart', measure: 'total' }] },
    },
    {
        name: 'Q2', says: 'daily uniques of one event, 30 days, top 10 countries', rows: byBucket,
        query: { report: 'insights', ...july, interval: 'day', metrics: [{ event: 'view_item', measure: 'unique' }], breakdown: ['country'], limit: 10 },
    },
    {
        name: 'Q3', says: 'exact uniques, 90 days', rows: (a) => [[a.series[0].total]],
        query: { report: 'insights', ...all, interval: 'total', metrics: [{ event: null, measure: 'unique' }] },
    },
    {
        name: 'Q4', says: 'four-step ordered funnel, 7-day window, 30 days', rows: reached,
        query: { report: 'funnel', ...july, steps, window: week },
    },
    {
        name: 'Q5', says: 'the same, os held constant and broken down', rows: reached,
        query: { report: 'funnel', ...july, steps, window: week, hold: ['os'], breakdown: ['os'] },
    },
    {
        name: 'Q6', says: 'weekly cohorts by first event, any return event, 12 weeks', rows: (a) => a.cohorts.filter((c) => c.size).map(cohort),
        query: { report: 'retention', from: '2026-06-01', to: '2026-08-30', interval: 'week', periods: 12, start: { event: null }, return: { event: null }, start_mode: 'first_in_range', mode: 'on' },
    },
    {
        name: 'Q7', says: 'purchases by country and plan, revenue by path, top 100', rows: revenue,
        query: { report: 'insights', ...all, interval: 'total', metrics: [{ event: 'purchase', measure: 'sum', property: 'revenue' }, { event: 'purchase', measure: 'total' }], breakdown: ['path'], limit: 100, filters: [{ property: 'country', op: 'is', value: 'AB' }, { property: 'plan', op: 'is_not', value: 'free' }] },
    },
    {
        name: 'Q8', says: 'the next three events after sign_up, 30 days', rows: (a) => a.paths.map((p) => [...p.events.slice(1).map((e) => e ?? ''), p.count]),
        query: { report: 'flows', ...july, anchor: { event: 'sign_up' }, forward: 3, backward: 0, rows: 10000, window: { value: 30, unit: 'day' } },
        timed: { rows: 20 }, // all paths are compared, the first 20 are timed
    },
];

export const exportDay = { name: 'Q9', says: 'one day exported as NDJSON', from: '2026-07-15', to: '2026-07-15', where: "ts >= TIMESTAMP '2026-07-15' AND ts < TIMESTAMP '2026-07-16'" };
