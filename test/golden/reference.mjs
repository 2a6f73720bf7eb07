// reference.mjs: a slow, obvious answer to every report of the interface. Nothing here is shared with the engine; where the
// interface leaves a choice (the order of equal things, which of two equal completions), the answer says so in fields that
// begin with `$`, and compare.mjs accepts all of them.
import { model } from './model.mjs';
import { DAY, HOUR, MINUTE, SECOND, addDays, dayOf, instantOf, intervalAt, intervals, startOfDay } from './zone.mjs';
import { compareKeys, cutIsFree, keysOf, matches, passesAll, valuesOf } from './values.mjs';
import { formulaOf } from './formula.mjs';
import { funnel } from './funnel.mjs';

const isDay = (s) => /^\d{4}-\d\d-\d\d$/.test(s);

export function rangeOf(m, q) {
    const today = dayOf(m.zone, m.now);
    const from = q.from ?? addDays(today, -29), to = q.to ?? today;
    return {
        from: isDay(from) ? startOfDay(m.zone, from) : instantOf(m.zone, from),
        to: isDay(to) ? startOfDay(m.zone, addDays(to, 1)) : instantOf(m.zone, to) + SECOND,
    };
}
const inRange = (r, t) => t >= r.from && t < r.to;
export const lengthOf = (w) => (w?.value ?? 7) * { second: SECOND, minute: MINUTE, hour: HOUR, day: DAY, week: 7 * DAY }[w?.unit ?? 'day'];

export function prepare(world) {
    const m = model(world);
    m.userProperties = (person) => m.users.get(person) ?? {};
    m.groupProperties = (key, id) => m.groups.get(JSON.stringify([key, id])) ?? {};
    return m;
}

// ---- insights ----

const sorted = (list) => [...list].sort((a, b) => a - b);
const rank = (p) => (list) => (list.length ? sorted(list)[Math.max(0, Math.ceil(p * list.length) - 1)] : 0);
const sum = (list) => list.reduce((a, b) => a + b, 0);
const ofNumbers = {
    sum, average: (l) => (l.length ? sum(l) / l.length : 0), min: (l) => (l.length ? Math.min(...l) : 0), max: (l) => (l.length ? Math.max(...l) : 0),
    median: rank(0.5), p25: rank(0.25), p75: rank(0.75), p90: rank(0.9), p99: rank(0.99),
};
const trailing = { dau: 1, wau: 7, mau: 30 };
const distinct = (list) => new Set(list).size;

// The measure of a bag of events.
function measureOf(m, metric, measure, events) {
    if (measure === 'total') return events.length;
    if (measure === 'sessions') return events.filter((e) => e.startsSession).length;
    if (measure === 'unique' || measure in trailing) return distinct(events.map((e) => e.person));
    const values = events.flatMap((e) => valuesOf(m, e, metric.property));
    if (measure === 'distinct') return distinct(values.map((v) => JSON.stringify(v)));
    return ofNumbers[measure](values.filter((v) => typeof v === 'number'));
}

function perUser(m, metric, measure, events) {
    const people = groupBy(events, (e) => e.person);
    return people.size ? sum([...people.values()].map((own) => measureOf(m, metric, measure, own))) / people.size : 0;
}
function groupBy(list, key) {
    const map = new Map();
    for (const x of list) {
        if (!map.has(key(x))) map.set(key(x), []);
        map.get(key(x)).push(x);
    }
    return map;
}
const valueOf = (m, metric, events) => {
    const measure = metric.measure ?? 'total';
    return measure.startsWith('per_user_') ? perUser(m, metric, measure.slice(9), events) : measureOf(m, metric, measure, events);
};

// A session is a run of a person's events (those the metric counts) without a gap of more than 30 minutes, counted at its start.
function markSessions(events) {
    return [...groupBy(events, (e) => e.person).values()].flatMap((own) => {
        const list = [...own].sort((a, b) => a.t - b.t);
        return list.map((e, i) => ({ ...e, startsSession: i === 0 || e.t - list[i - 1].t > 30 * MINUTE }));
    });
}

function bucketsOf(m, q, range) {
    if (q.interval === 'total') return [{ label: 'total', start: range.from, end: range.to }];
    return intervals(m.zone, q.interval ?? 'day', range.from, range.to)
        .map((b) => ({ label: b.label, start: Math.max(b.start, range.from), end: Math.min(b.end, range.to), whole: b }));
}
// The span that one bucket looks at: itself, or the trailing days that end with it.
function spanOf(m, metric, b) {
    const days = trailing[metric.measure];
    if (!days) return b;
    return { start: startOfDay(m.zone, addDays(dayOf(m.zone, b.end - 1), 1 - days)), end: b.end };
}

function insights(m, q) {
    const range = rangeOf(m, q), buckets = bucketsOf(m, q, range), breakdown = q.breakdown ?? [], limit = q.limit ?? 10;
    const counted = q.metrics.map((metric) => markSessions(m.events.filter((e) => matches(m, e, metric) && passesAll(m, e, q.filters)))
        .flatMap((e) => keysOf(m, e, breakdown).map((key) => ({ ...e, key, id: JSON.stringify(key) }))));
    const within = (list, span) => list.filter((e) => e.t >= span.start && e.t < span.end);
    const whole = { start: range.from, end: range.to };
    const keys = new Map();
    for (const list of counted) for (const e of within(list, whole)) keys.set(e.id, e.key);
    const first = (id) => valueOf(m, q.metrics[0], within(counted[0].filter((e) => e.id === id), whole));
    const ranked = [...keys].map(([id, key]) => ({ id, key, rank: breakdown.length ? first(id) : 0 }))
        .sort((a, b) => b.rank - a.rank || compareKeys(a.key, b.key));
    const cut = ranked.slice(0, limit), rest = ranked.slice(limit);
    const rows = breakdown.length ? cut.map((k) => ({ key: k.key, rank: k.rank, has: (e) => e.id === k.id })) : [{ key: [], has: () => true }];
    if (rest.length) {
        const ids = new Set(rest.map((k) => k.id));
        rows.push({ key: breakdown.map(() => '$other'), other: true, has: (e) => ids.has(e.id) });
    }
    const series = [];
    q.metrics.forEach((metric, i) => {
        for (const row of rows) {
            let own = counted[i].filter(row.has);
            // An event with several keys of one row (a list, both elements in $other) is one event of that row.
            const once = new Set();
            own = own.filter((e) => !once.has(e.sent) && once.add(e.sent));
            series.push({
                metric: i, breakdown: row.key, values: buckets.map((b) => valueOf(m, metric, within(own, spanOf(m, metric, b)))),
                total: valueOf(m, metric, within(own, whole)), $rank: row.rank, $total_free: metric.measure in trailing,
            });
        }
    });
    if (q.formula) {
        const f = formulaOf(q.formula);
        for (const row of rows) {
            const parts = q.metrics.map((_, i) => series.find((s) => s.metric === i && s.breakdown === row.key));
            series.push({
                metric: 'formula', breakdown: row.key, values: buckets.map((_, b) => f(parts.map((s) => s.values[b]))),
                total: f(parts.map((s) => s.total)), $rank: row.rank, $total_free: q.metrics.some((x) => x.measure in trailing),
            });
        }
    }
    // A group in which nothing was counted (its events began no session) may be left out.
    const counts = (s) => s.metric !== 'formula' && [s.total, ...s.values].some((v) => v !== 0);
    for (const s of series) s.$empty = breakdown.length > 0 && !series.some((x) => x.breakdown === s.breakdown && counts(x));
    // A cut between equals of different kinds may fall either way.
    const $cut_free = cutIsFree(m, cut, rest, (k) => k.rank, (k) => k.key);
    return { report: 'insights', buckets: buckets.map((b) => b.label), series, $cut_free };
}

// ---- retention ----

function retention(m, q) {
    const range = rangeOf(m, q), cohorts = new Map();
    const at = (t) => intervalAt(m.zone, q.interval, t);
    for (const events of m.people.values()) {
        const own = events.filter((e) => passesAll(m, e, q.filters));
        const starts = own.filter((e) => matches(m, e, q.start));
        const begin = q.start_mode === 'first_ever' ? starts[0] : starts.find((e) => inRange(range, e.t));
        if (!begin || !inRange(range, begin.t)) continue;
        const c = at(begin.t);
        if (!cohorts.has(c.label)) cohorts.set(c.label, newCohort(m, q, c));
        const cohort = cohorts.get(c.label);
        cohort.size++;
        const returns = own.filter((e) => e.sent !== begin.sent && matches(m, e, q.return));
        const hit = cohort.$intervals.map((i, n) => returns.some((e) => e.t >= i.start && e.t < i.end && (n > 0 || e.t > begin.t)));
        const hitAtOnce = hit.slice();
        hitAtOnce[0] ||= returns.some((e) => e.t === begin.t); // "after" between equal times is free
        for (const [counts, h] of [[cohort.returned, hit], [cohort.$returned_high, hitAtOnce]]) {
            counts.forEach((v, n) => { if (v !== null && (q.mode === 'on_or_after' ? h.slice(n) : [h[n]]).some(Boolean)) counts[n]++; });
        }
    }
    return { report: 'retention', cohorts: [...cohorts.values()].sort((a, b) => (a.start < b.start ? -1 : 1)).map(({ $intervals, ...c }) => c) };
}
function newCohort(m, q, c) {
    const $intervals = [c];
    while ($intervals.length <= q.periods) $intervals.push(intervalAt(m.zone, q.interval, $intervals.at(-1).end));
    const returned = $intervals.map((i) => (i.start > m.now ? null : 0));
    return { start: c.label, size: 0, returned, $returned_high: returned.slice(), $intervals };
}

// ---- flows ----

function flows(m, q) {
    const range = rangeOf(m, q), window = lengthOf(q.window), rows = q.rows ?? 10;
    const forward = q.forward ?? 3, backward = q.backward ?? 0;
    const paths = new Map(), steps = new Map(), links = new Map();
    const add = (map, key) => map.set(JSON.stringify(key), (map.get(JSON.stringify(key)) ?? 0) + 1);
    for (const events of m.people.values()) {
        const own = events.filter((e) => passesAll(m, e, q.filters));
        own.forEach((e, i) => {
            if (!inRange(range, e.t) || !matches(m, e, q.anchor)) return;
            const next = own.slice(i + 1, i + 1 + forward).filter((x) => x.t - e.t <= window).map((x) => x.event);
            const previous = own.slice(Math.max(0, i - backward), i).filter((x) => e.t - x.t <= window).map((x) => x.event);
            const path = [...Array(backward - previous.length).fill(null), ...previous, e.event, ...next, ...Array(forward - next.length).fill(null)];
            add(paths, path);
            path.forEach((name, n) => {
                if (name !== null) add(steps, [n - backward, name]);
                if (n + 1 < path.length && name !== null && path[n + 1] !== null) add(links, [n - backward, name, path[n + 1]]);
            });
        });
    }
    const list = (map, make) => [...map].map(([k, count]) => ({ ...make(JSON.parse(k)), count }));
    return {
        report: 'flows', $rows: rows,
        paths: list(paths, (events) => ({ events })),
        steps: list(steps, ([at, event]) => ({ at, event })),
        links: list(links, ([at, from, to]) => ({ at, from, to })),
    };
}

// ---- lists ----

// Filters of users and groups look at the profile's own properties, by plain name or as {"user": name}.
const profileEvent = (properties, person) => ({ properties, person });

function users(m, q) {
    const wanted = q.distinct_ids?.length ? new Set(q.distinct_ids.map(m.canonical)) : null;
    const all = [...m.users].filter(([id]) => !wanted || wanted.has(id)).filter(([id, p]) => passesAll(m, profileEvent(p, id), q.filters));
    return { report: 'users', total: all.length, $limit: q.limit ?? 100, users: all.map(([id, properties]) => ({ $id: id, properties, $seen: m.seen.get(id) ?? null })) };
}
function groups(m, q) {
    const wanted = q.ids?.length ? new Set(q.ids) : null;
    const all = [...m.groups].map(([k, properties]) => ({ group_key: JSON.parse(k)[0], group_id: JSON.parse(k)[1], properties }))
        .filter((g) => g.group_key === q.group_key && (!wanted || wanted.has(g.group_id)))
        .filter((g) => passesAll(m, profileEvent(g.properties, null), q.filters));
    return { report: 'groups', total: all.length, $limit: q.limit ?? 100, groups: all };
}
function events(m, q) {
    const range = rangeOf(m, q), person = q.distinct_id ? m.canonical(q.distinct_id) : null;
    const all = m.events.filter((e) => inRange(range, e.t) && (!person || e.person === person) && matches(m, e, { event: q.event, filters: q.filters }))
        .sort((a, b) => b.t - a.t);
    return { report: 'events', $limit: q.limit ?? 100, events: all.map((e) => ({ event: e.event, $t: e.t, $sent: e.sent.properties })) };
}

const reports = { insights, retention, flows, users, groups, events, funnel: (m, q) => funnel(m, q, rangeOf(m, q), lengthOf(q.window)) };
export const answer = (m, q) => reports[q.report](m, q);
