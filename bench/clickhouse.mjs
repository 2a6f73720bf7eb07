// clickhouse.mjs: the tables and questions as ClickHouse answers them best. `layout` is 'user' (ordered by person and time) or
// 'posthog' (PostHog's: by team, day, event and hashes, by month). Definitions are the interface's: only the first step of a
// funnel and only the anchor of a flow lie in the range, what follows may come after it.
const T = (day) => `toDateTime64('${day} 00:00:00',3,'UTC')`;
const within = (from, to) => `ts >= ${T(from)} AND ts < ${T(to)}`;
const july = within('2026-07-01', '2026-07-31');
const from = { user: 'FROM ev WHERE', posthog: 'FROM ev WHERE team_id=1 AND' };
const ordered = 'SETTINGS optimize_aggregation_in_order=1';

const low = ['event', 'os', 'browser', 'country', 'city', 'plan', 'referrer', 'utm_source', 'path'];
const fields = [['event', 'String'], ['ts', "DateTime64(3,'UTC')"], ['user_id', 'String'], ...low.slice(1).map((n) => [n, 'String']), ['org_id', 'String'], ['session_id', 'String'], ['insert_id', 'UInt64'], ['revenue', 'Nullable(Float64)']];
const stored = ([name, type]) => `${name} ${low.includes(name) ? 'LowCardinality(String)' : name === 'ts' ? `${type} CODEC(Delta, LZ4)` : type}`;
const columns = fields.map(stored).join(', ');

export const tables = {
    user: `CREATE TABLE ev (${columns}) ENGINE=MergeTree ORDER BY (user_id, ts)`,
    posthog: `CREATE TABLE ev (team_id UInt64, ${columns}) ENGINE=MergeTree PARTITION BY toYYYYMM(ts) ORDER BY (team_id, toDate(ts), event, cityHash64(user_id), cityHash64(insert_id))`,
};

// The lines that `weir import` takes, or the CSV.
const properties = [['time', 'Int64'], ['distinct_id', 'String'], ['`$insert_id`', 'String'], ...fields.slice(3, 13), ['revenue', 'Nullable(Float64)']];
const list = (pairs) => pairs.map((f) => f.join(' ')).join(', ').replaceAll("'", "\\'");
const read = `event, fromUnixTimestamp64Milli(p.time, 'UTC'), p.distinct_id, ${fields.slice(3, 13).map(([n]) => `p.${n}`).join(', ')}, reinterpretAsUInt64(reverse(unhex(p.\`$insert_id\`))), p.revenue`;
const team = { user: '', posthog: '1, ' };
export const loads = {
    json: (folder, layout) => `INSERT INTO ev SELECT ${team[layout]}${read} FROM (SELECT event, properties AS p FROM file('${folder}/events.ndjson', 'JSONEachRow', 'event String, properties Tuple(${list(properties)})'))`,
    csv: (folder, layout) => `INSERT INTO ev SELECT ${team[layout]}* FROM file('${folder}/events.csv', 'CSVWithNames', '${list(fields)}')`,
};
export const size = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table='ev'";

const funnelRows = `event IN ('view_item','add_to_cart','begin_checkout','purchase') AND ${within('2026-07-01', '2026-08-07')}`;
const level = `windowFunnel(604800000)(toUInt64(toUnixTimestamp64Milli(ts)), event='view_item' AND ts < ${T('2026-07-31')}, event='add_to_cart', event='begin_checkout', event='purchase') AS lvl`;
const reached = `arrayJoin(arrayZip([1,2,3,4], [${[1, 2, 3, 4].map((i) => `countIf(lvl >= ${i})`).join(', ')}])) AS r`;

export const questions = {
    Q1: (l) => `SELECT toDate(ts) AS d, count() ${from[l]} event='add_to_cart' AND ${july} GROUP BY d ORDER BY d`,
    Q2: (l) => `SELECT country, x.1, x.2 FROM (SELECT country, uniqExactMerge(st) AS tot, groupArray((d, finalizeAggregation(st))) AS days FROM (SELECT country, toDate(ts) AS d, uniqExactState(user_id) AS st ${from[l]} event='view_item' AND ${july} GROUP BY country, d) GROUP BY country ORDER BY tot DESC, country LIMIT 10) ARRAY JOIN days AS x`,
    Q3: (l) => `SELECT count() FROM (SELECT user_id ${from[l]} 1 GROUP BY user_id) ${ordered}`,
    Q4: (l) => `SELECT r.1, r.2 FROM (SELECT ${reached} FROM (SELECT ${level} ${from[l]} ${funnelRows} GROUP BY user_id)) ${ordered}`,
    Q5: (l) => `SELECT os, r.1, r.2 FROM (SELECT os, ${reached} FROM (SELECT os, ${level} ${from[l]} ${funnelRows} GROUP BY user_id, os) GROUP BY os) WHERE r.2 > 0 ${ordered}`,
    Q6: (l) => `SELECT w0, count(), countIf(again), ${Array.from({ length: 12 }, (_, i) => `countIf(bitTest(mask, w0 + ${i + 1}))`).join(', ')} FROM (SELECT groupBitOr(bitShiftLeft(toUInt32(1), w)) AS mask, min(w) AS w0, countResample(0, 13, 1)(w)[w0 + 1] > 1 AS again FROM (SELECT user_id, toUInt8(intDiv(toUnixTimestamp64Milli(ts) - 1780272000000, 604800000)) AS w ${from[l]} 1) GROUP BY user_id) WHERE w0 < 13 GROUP BY w0 ${ordered}`,
    Q7: (l) => `SELECT path, round(sum(revenue),2) AS r, count() ${from[l]} event='purchase' AND country='AB' AND plan<>'free' GROUP BY path ORDER BY r DESC, path LIMIT 100`,
    Q8: (l, limit) => `WITH arraySort(groupArray((ts, toString(event)))) AS a SELECT if(p.2.1 <= p.1.1 + INTERVAL 30 DAY, p.2.2, '') AS x1, if(p.3.1 <= p.1.1 + INTERVAL 30 DAY, p.3.2, '') AS x2, if(p.4.1 <= p.1.1 + INTERVAL 30 DAY, p.4.2, '') AS x3, count() AS n FROM (SELECT arrayJoin(arrayFilter(z -> z.1.2='sign_up' AND z.1.1 < ${T('2026-07-31')}, arrayZip(a, arrayShiftLeft(a,1), arrayShiftLeft(a,2), arrayShiftLeft(a,3)))) AS p ${from[l]} ${within('2026-07-01', '2026-08-30')} AND user_id IN (SELECT user_id ${from[l]} event='sign_up' AND ${july}) GROUP BY user_id) GROUP BY ALL ORDER BY n DESC, x1, x2, x3 LIMIT ${limit}`,
    Q9: (l, out) => `INSERT INTO FUNCTION file('${out}','JSONEachRow') SELECT * ${from[l]} ${within('2026-07-15', '2026-07-16')} SETTINGS engine_file_truncate_on_insert=1`,
};
