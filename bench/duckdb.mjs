// duckdb.mjs: the tables and questions as DuckDB answers them best, in the two layouts of clickhouse.mjs. `table` holds the events.
// Definitions are the interface's: only the first step of a funnel and only the anchor of a flow lie in the range, what
// follows may come after it; week 0 of a cohort counts what came after the first event.
const july = "ts >= TIMESTAMP '2026-07-01' AND ts < TIMESTAMP '2026-07-31'";
const columns = "{'event':'VARCHAR','ts':'TIMESTAMP','user_id':'VARCHAR','os':'VARCHAR','browser':'VARCHAR','country':'VARCHAR','city':'VARCHAR','plan':'VARCHAR','referrer':'VARCHAR','utm_source':'VARCHAR','path':'VARCHAR','org_id':'VARCHAR','session_id':'VARCHAR','insert_id':'UBIGINT','revenue':'DOUBLE'}";
const order = { none: '', user: 'ORDER BY user_id, ts', posthog: 'ORDER BY ts::DATE, event, hash(user_id), hash(insert_id)' };
export const load = (csv, layout) => `CREATE TABLE ev AS SELECT * FROM read_csv('${csv}', header=true, columns=${columns}) ${order[layout]}`;

// The four steps as an as-of chain: each step knows the latest start that reaches it. `keys` are held constant.
const chain = (keys) => {
    const on = ['user_id', ...keys].map((k) => `x.${k}=y.${k}`).join(' AND ');
    const held = ['user_id', ...keys], list = held.join(', '), xs = held.map((c) => `x.${c}`).join(', ');
    return `WITH f AS MATERIALIZED (SELECT ${list}, epoch_ms(ts) AS t, CASE event WHEN 'view_item' THEN 1 WHEN 'add_to_cart' THEN 2 WHEN 'begin_checkout' THEN 3 ELSE 4 END AS e FROM ev WHERE event IN ('view_item','add_to_cart','begin_checkout','purchase') AND ts >= TIMESTAMP '2026-07-01' AND ts < TIMESTAMP '2026-08-07'),
s1 AS (SELECT * FROM f WHERE e=1 AND t < epoch_ms(TIMESTAMP '2026-07-31')),
s2 AS (SELECT ${xs}, x.t, y.t AS f FROM (SELECT * FROM f WHERE e=2) x ASOF JOIN s1 y ON ${on} AND x.t>y.t WHERE x.t-y.t<=604800000),
s3 AS (SELECT ${xs}, x.t, y.f FROM (SELECT * FROM f WHERE e=3) x ASOF JOIN s2 y ON ${on} AND x.t>y.t WHERE x.t-y.f<=604800000),
s4 AS (SELECT ${xs}, x.t, y.f FROM (SELECT * FROM f WHERE e=4) x ASOF JOIN s3 y ON ${on} AND x.t>y.t WHERE x.t-y.f<=604800000)
`;
};
const counts = (group) => [1, 2, 3, 4].map((n) => `SELECT ${group ? `${group}, ` : ''}${n} AS step, count(DISTINCT user_id) AS n FROM s${n}${group ? ' GROUP BY 1' : ''}`).join(' UNION ALL ');
const weeks = Array.from({ length: 12 }, (_, n) => `sum((mask>>(w0+${n + 1}))&1)`).join(', ');
const next = (what) => [1, 2, 3].map(what).join(', ');

export const questions = {
    Q1: () => `SELECT strftime(ts::DATE, '%Y-%m-%d') AS d, count(*) AS n FROM ev WHERE event='add_to_cart' AND ${july} GROUP BY 1 ORDER BY 1`,
    Q2: () => `WITH u AS MATERIALIZED (SELECT DISTINCT country, ts::DATE AS d, user_id FROM ev WHERE event='view_item' AND ${july}),
top AS (SELECT country FROM u GROUP BY country ORDER BY count(DISTINCT user_id) DESC, country LIMIT 10)
SELECT country, strftime(d, '%Y-%m-%d'), count(*) FROM u WHERE country IN (SELECT country FROM top) GROUP BY 1,2 ORDER BY 1,2`,
    Q3: () => 'SELECT count(*) FROM (SELECT user_id FROM ev GROUP BY user_id)',
    Q4: () => `${chain([])}${counts('')}`,
    Q5: () => `${chain(['os'])}${counts('os')}`,
    Q6: () => `SELECT w0, count(*), count(*) FILTER ((twice >> w0) & 1 = 1), ${weeks} FROM (SELECT user_id, min(w) AS w0, bit_or(1::UINTEGER << w) AS mask, bit_or(CASE WHEN c > 1 THEN 1::UINTEGER << w ELSE 0 END) AS twice FROM (SELECT user_id, ((epoch_ms(ts)-1780272000000)//604800000)::UINTEGER AS w, count(*) AS c FROM ev GROUP BY 1, 2) GROUP BY user_id) WHERE w0 < 13 GROUP BY 1 ORDER BY 1`,
    Q7: () => "SELECT path, round(sum(revenue),2) AS r, count(*) FROM ev WHERE event='purchase' AND country='AB' AND plan<>'free' GROUP BY 1 ORDER BY r DESC, path LIMIT 100",
    Q8: (limit) => `WITH u AS (SELECT DISTINCT user_id FROM ev WHERE event='sign_up' AND ${july}),
l AS (SELECT event, ts, ${next((n) => `lead(event,${n}) OVER w AS e${n}, lead(ts,${n}) OVER w AS t${n}`)} FROM ev WHERE ts >= TIMESTAMP '2026-07-01' AND ts < TIMESTAMP '2026-08-30' AND user_id IN (SELECT user_id FROM u) WINDOW w AS (PARTITION BY user_id ORDER BY ts))
SELECT ${next((n) => `CASE WHEN t${n} - ts <= INTERVAL 720 HOUR THEN e${n} ELSE '' END AS x${n}`)}, count(*) n FROM l WHERE event='sign_up' AND ${july} GROUP BY 1,2,3 ORDER BY n DESC, 1,2,3 LIMIT ${limit}`,
    Q9: (out) => `COPY (SELECT * FROM ev WHERE ts >= TIMESTAMP '2026-07-15' AND ts < TIMESTAMP '2026-07-16') TO '${out}' (FORMAT JSON)`,
};
