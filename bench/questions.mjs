// questions.mjs: Q1 to Q9 of the benchmark, as the interface asks them and as DuckDB answers them. The SQL is the best form found
// for the peer, changed only where the interface defines a question otherwise (said at each). `rows` turns our answer into
// the peer's rows, so that the two can be compared.
const july = { from: '2026-07-01', to: '2026-07-30' };
const inJuly = "ts >= TIMESTAMP '2026-07-01' AND ts < TIMESTAMP '2026-07-31'";
const steps = ['view_item', 'add_to_cart', 'begin_checkout', 'purchase'].map((event) => ({ event }));
const week = { value: 7, unit: 'day' };

// The four steps as an as-of chain: each step knows the latest start that reaches it. Only the first step must lie in July.
// `keys` are held constant.
const chain = (keys) => {
    const on = ['user_id', ...keys].map((k) => `x.${k}=y.${k}`).join(' AND ');
    const columns = ['user_id', ...keys];
    const list = columns.join(', '), xs = columns.map((c) => `x.${c}`).join(', ');
    return `WITH f AS MATERIALIZED (SELECT ${list}, epoch_ms(ts) AS t, CASE event WHEN 'view_item' THEN 1 WHEN 'add_to_cart' THEN 2 WHEN 'begin_checkout' THEN 3 ELSE 4 END AS e FROM ev WHERE event IN ('view_item','add_to_cart','begin_checkout','purchase') AND ts >= TIMESTAMP '2026-07-01' AND ts < TIMESTAMP '2026-08-07'),
s1 AS (SELECT * FROM f WHERE e=1 AND t < epoch_ms(TIMESTAMP '2026-07-31')),
s2 AS (SELECT ${xs}, x.t, y.t AS f FROM (SELECT * FROM f WHERE e=2) x ASOF JOIN s1 y ON ${on} AND x.t>y.t WHERE x.t-y.t<=604800000),
s3 AS (SELECT ${xs}, x.t, y.f FROM (SELECT * FROM f WHERE e=3) x ASOF JOIN s2 y ON ${on} AND x.t>y.t WHERE x.t-y.f<=604800000),
s4 AS (SELECT ${xs}, x.t, y.f FROM (SELECT * FROM f WHERE e=4) x ASOF JOIN s3 y ON ${on} AND x.t>y.t WHERE x.t-y.f<=604800000)
`;
};
const counts = (group) => [1, 2, 3, 4].map((n) => `SELECT ${group ? `${group}, ` : ''}${n} AS step, count(DISTINCT user_id) AS n FROM s${n}${group ? ' GROUP BY 1' : ''}`).join(' UNION ALL ');
const bySeries = (a) => a.series.flatMap((s) => s.steps.map((x, i) => [...s.breakdown, i + 1, x.count])).filter((r) => r.at(-1) > 0);
const byBucket = (a) => a.series.filter((s) => s.breakdown[0] !== '$other').flatMap((s) => s.values.map((v, i) => [...s.breakdown, a.buckets[i], v])).filter((r) => r.at(-1) !== 0);

export const questions = [
    {
        name: 'Q1', says: 'daily count of one event, 30 days',
        query: { report: 'insights', ...july, interval: 'day', metrics: [{ event: 'add_to_cart', measure: 'total' }] },
        sql: `SELECT strftime(ts::DATE, '%Y-%m-%d') AS d, count(*) AS n FROM ev WHERE event='add_to_cart' AND ${inJuly} GROUP BY 1 ORDER BY 1`,
        rows: byBucket,
    },
    {
        name: 'Q2', says: 'daily uniques of one event, 30 days, top 10 countries',
        query: { report: 'insights', ...july, interval: 'day', metrics: [{ event: 'view_item', measure: 'unique' }], breakdown: ['country'], limit: 10 },
        sql: `WITH u AS MATERIALIZED (SELECT DISTINCT country, ts::DATE AS d, user_id FROM ev WHERE event='view_item' AND ${inJuly}),
top AS (SELECT country FROM u GROUP BY country ORDER BY count(DISTINCT user_id) DESC, country LIMIT 10)
SELECT country, strftime(d, '%Y-%m-%d'), count(*) FROM u WHERE country IN (SELECT country FROM top) GROUP BY 1,2 ORDER BY 1,2`,
        rows: byBucket,
    },
    {
        name: 'Q3', says: 'exact uniques, 90 days',
        query: { report: 'insights', from: '2026-06-01', to: '2026-09-01', interval: 'total', metrics: [{ event: null, measure: 'unique' }] },
        sql: 'SELECT count(*) FROM (SELECT user_id FROM ev GROUP BY user_id)',
        rows: (a) => [[a.series[0].total]],
    },
    {
        name: 'Q4', says: 'four-step ordered funnel, 7-day window, 30 days', // later steps may lie after the range
        query: { report: 'funnel', ...july, steps, window: week },
        sql: `${chain([])}${counts('')}`,
        rows: bySeries,
    },
    {
        name: 'Q5', says: 'the same, os held constant and broken down',
        query: { report: 'funnel', ...july, steps, window: week, hold: ['os'], breakdown: ['os'] },
        sql: `${chain(['os'])}${counts('os')}`,
        rows: bySeries,
    },
    {
        name: 'Q6', says: 'weekly cohorts by first event, any return event, 12 weeks', // week 0 counts what came after the first event
        query: { report: 'retention', from: '2026-06-01', to: '2026-08-30', interval: 'week', periods: 12, start: { event: null }, return: { event: null }, start_mode: 'first_in_range', mode: 'on' },
        sql: `SELECT w0, count(*), ${Array.from({ length: 13 }, (_, n) => (n === 0 ? 'sum((again)::INTEGER)' : `sum((mask>>(w0+${n}))&1)`)).join(', ')} FROM (SELECT user_id, min(w) AS w0, bit_or(1::UINTEGER << w) AS mask, count(*) FILTER (w = first) > 1 AS again FROM (SELECT user_id, w, min(w) OVER (PARTITION BY user_id) AS first FROM (SELECT user_id, ((epoch_ms(ts)-1780272000000)//604800000)::UINTEGER AS w FROM ev WHERE ts < TIMESTAMP '2026-11-30')) GROUP BY user_id) WHERE w0 < 13 GROUP BY 1 ORDER BY 1`,
        rows: (a) => a.cohorts.filter((c) => c.size).map((c) => [Math.round((Date.parse(c.start) - 1780272000000) / 604800000), c.size, ...c.returned.map((v) => v ?? 0)]),
    },
    {
        name: 'Q7', says: 'purchases by country and plan, revenue by path, top 100',
        query: { report: 'insights', from: '2026-06-01', to: '2026-09-01', interval: 'total', metrics: [{ event: 'purchase', measure: 'sum', property: 'revenue' }, { event: 'purchase', measure: 'total' }], breakdown: ['path'], limit: 100, filters: [{ property: 'country', op: 'is', value: 'AB' }, { property: 'plan', op: 'is_not', value: 'free' }] },
        sql: "SELECT path, round(sum(revenue),2) AS r, count(*) FROM ev WHERE event='purchase' AND country='AB' AND plan<>'free' GROUP BY 1 ORDER BY r DESC, path LIMIT 100",
        rows: (a) => a.series.filter((s) => s.metric === 0 && s.breakdown[0] !== '$other').map((s) => [s.breakdown[0], Math.round(s.total * 100) / 100, a.series.find((x) => x.metric === 1 && x.breakdown[0] === s.breakdown[0]).total]),
    },
    {
        name: 'Q8', says: 'the next three events after sign_up, 30 days', // what follows may lie after the range
        query: { report: 'flows', ...july, anchor: { event: 'sign_up' }, forward: 3, backward: 0, rows: 10000, window: { value: 30, unit: 'day' } },
        sql: `WITH u AS (SELECT DISTINCT user_id FROM ev WHERE event='sign_up' AND ${inJuly}),
l AS (SELECT event, ts, ${[1, 2, 3].map((n) => `lead(event,${n}) OVER w AS e${n}, lead(ts,${n}) OVER w AS t${n}`).join(', ')} FROM ev WHERE ts >= TIMESTAMP '2026-07-01' AND ts <= TIMESTAMP '2026-08-30 00:00:00' + INTERVAL 30 DAY AND user_id IN (SELECT user_id FROM u) WINDOW w AS (PARTITION BY user_id ORDER BY ts))
SELECT ${[1, 2, 3].map((n) => `CASE WHEN t${n} - ts <= INTERVAL 720 HOUR THEN e${n} ELSE '' END AS x${n}`).join(', ')}, count(*) n FROM l WHERE event='sign_up' AND ${inJuly} GROUP BY 1,2,3 ORDER BY n DESC, 1,2,3`,
        rows: (a) => a.paths.map((p) => [...p.events.slice(1).map((e) => e ?? ''), p.count]),
    },
];

export const exportDay = { name: 'Q9', says: 'one day exported as NDJSON', from: '2026-07-15', to: '2026-07-15', where: "ts >= TIMESTAMP '2026-07-15' AND ts < TIMESTAMP '2026-07-16'" };
export const columns = "{'event':'VARCHAR','ts':'TIMESTAMP','user_id':'VARCHAR','os':'VARCHAR','browser':'VARCHAR','country':'VARCHAR','city':'VARCHAR','plan':'VARCHAR','referrer':'VARCHAR','utm_source':'VARCHAR','path':'VARCHAR','org_id':'VARCHAR','session_id':'VARCHAR','insert_id':'UBIGINT','revenue':'DOUBLE'}";
