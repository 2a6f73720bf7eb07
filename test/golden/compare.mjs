// compare.mjs: does the engine's answer equal the reference's? Returns null or what differs, as one line. Numbers to 1e-9
// relative. Where the interface leaves the order of equals open, any order is right; nothing else is free.
export function near(a, b) {
    if (a === null || b === null || typeof a !== 'number' || typeof b !== 'number') return a === b;
    return a === b || Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}
const show = (v) => { const s = JSON.stringify(v); return s === undefined ? 'nothing' : s.length > 200 ? `${s.slice(0, 200)}…` : s; };
const differ = (what, want, got) => `${what}: want ${show(want)}, got ${show(got)}`;
const first = (list, check) => { for (const x of list) { const r = check(x); if (r) return r; } return null; };
const id = JSON.stringify;

// Rows found by a key: the same set on both sides.
function byKey(what, want, got, key, check) {
    if (!Array.isArray(got)) return differ(what, 'a list', got);
    const rows = new Map(got.map((g) => [key(g), g]));
    if (rows.size !== got.length) return `${what}: two rows of one key in ${show(got.map(key))}`;
    const surplus = got.find((g) => !want.some((w) => key(w) === key(g)));
    return first(want, (w) => (rows.has(key(w)) ? check(w, rows.get(key(w))) : w.$empty ? null : differ(`${what} ${key(w)}`, w, undefined)))
        ?? (surplus ? differ(`${what} ${key(surplus)}`, undefined, surplus) : null);
}

// Both lists in the order of a rank that falls; equals may change places.
function sameOrder(what, want, got, key, rank) {
    const ranks = new Map(want.map((w) => [key(w), rank(w)]));
    const list = got.map((g) => ranks.get(key(g))).filter((r) => r !== undefined);
    const bad = list.findIndex((r, i) => i > 0 && r > list[i - 1]);
    return bad < 0 ? null : `${what}: order, ${key(got[bad])} should come before ${key(got[bad - 1])}`;
}

const rowKey = (s) => id([s.metric, s.breakdown]);
function insights(want, got) {
    if (want.buckets[0] !== 'total' && id(want.buckets) !== id(got.buckets)) return differ('buckets', want.buckets, got.buckets);
    if (want.buckets.length !== got.buckets?.length) return differ('buckets', want.buckets, got.buckets);
    if (want.$cut_free) return null;
    return byKey('series', want.series, got.series, rowKey, (w, g) => {
        if (w.values.length !== g.values.length) return differ(`values of ${rowKey(w)}`, w.values, g.values);
        const at = w.values.findIndex((v, i) => !near(v, g.values[i]));
        if (at >= 0) return differ(`series ${rowKey(w)} at ${want.buckets[at]}`, w.values[at], g.values[at]);
        return w.$total_free || near(w.total, g.total) ? null : differ(`total of ${rowKey(w)}`, w.total, g.total);
    }) ?? first([...new Set(want.series.map((s) => s.metric))], (metric) => sameOrder('series', want.series.filter((s) => s.metric === metric),
        got.series.filter((s) => s.metric === metric), rowKey, (s) => s.$rank ?? -Infinity));
}

function funnelStep(where, w, g, before) {
    if ((w.event ?? null) !== (g.event ?? null) || w.count !== g.count) return differ(where, { event: w.event, count: w.count }, g);
    if (w.$median_low === null ? !w.$median_free && g.median_s !== null : !(g.median_s >= w.$median_low - 1e-6 && g.median_s <= w.$median_high + 1e-6)) {
        return differ(`${where} median_s`, [w.$median_low, w.$median_high], g.median_s);
    }
    if (before.first && !near(g.from_first, w.count / before.first)) return differ(`${where} from_first`, w.count / before.first, g.from_first);
    if (before.previous && !near(g.from_previous, w.count / before.previous)) return differ(`${where} from_previous`, w.count / before.previous, g.from_previous);
    return null;
}
function funnel(want, got) {
    if (want.$cut_free) return null;
    const key = (s) => id(s.breakdown);
    return byKey('series', want.series, got.series, key, (w, g) => {
        if (w.steps.length !== g.steps?.length) return differ(`steps of ${key(w)}`, w.steps, g.steps);
        return first(w.steps.map((_, i) => i), (i) => funnelStep(`step ${i + 1} of ${key(w)}`, w.steps[i], g.steps[i],
            { first: w.steps[0].count, previous: i ? w.steps[i - 1].count : w.steps[0].count }));
    }) ?? sameOrder('series', want.series, got.series, key, (s) => s.$rank ?? -Infinity);
}

function retention(want, got) {
    const full = (got.cohorts ?? []).filter((c) => c.size > 0);
    return byKey('cohort', want.cohorts, full, (c) => c.start, (w, g) => {
        if (w.size !== g.size || w.returned.length !== g.returned.length) return differ(`cohort ${w.start}`, w, g);
        const at = w.returned.findIndex((v, n) => (v === null || g.returned[n] === null ? v !== g.returned[n] : g.returned[n] < v || g.returned[n] > w.$returned_high[n]));
        return at < 0 ? null : differ(`cohort ${w.start} returned[${at}]`, [w.returned[at], w.$returned_high[at]], g.returned[at]);
    });
}

// Counted rows, of which the engine shows the largest: right counts, falling, and none left out that is larger than the last.
function top(what, want, got, key, limit) {
    if (!Array.isArray(got)) return differ(what, 'a list', got);
    const counts = new Map(want.map((w) => [key(w), w.count]));
    const wrong = got.find((g) => counts.get(key(g)) !== g.count);
    if (wrong) return differ(`${what} ${key(wrong)}`, counts.get(key(wrong)), wrong.count);
    const best = want.map((w) => w.count).sort((a, b) => b - a).slice(0, limit ?? want.length);
    return id(got.map((g) => g.count)) === id(best) ? null : differ(`${what} counts`, best, got.map((g) => g.count));
}
function flows(want, got) {
    const named = (list) => (list ?? []).flatMap((s) => s.events.filter((e) => e.event !== null && e.event !== '$other').map((e) => ({ at: s.at, ...e })));
    const real = (got.links ?? []).filter((l) => l.from !== null && l.to !== null && l.from !== '$other' && l.to !== '$other');
    const all = want.$rows >= 1000;
    return top('path', want.paths, got.paths, (p) => id(p.events), want.$rows)
        ?? (all ? byKey('step', want.steps, named(got.steps), (s) => id([s.at, s.event]), (w, g) => (w.count === g.count ? null : differ(`step ${id([w.at, w.event])}`, w.count, g.count))) : null)
        ?? (all ? byKey('link', want.links, real, (l) => id([l.at, l.from, l.to]), (w, g) => (w.count === g.count ? null : differ(`link ${id(w)}`, w.count, g.count))) : null);
}

// Key order of objects is free; an object inside is compared by its keys.
const plain = (v) => (v !== null && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, x]) => [k, plain(x)])) : v);
export const same = (a, b) => id(plain(a)) === id(plain(b));
const contains = (whole, part) => Object.entries(part).every(([k, v]) => same(whole?.[k], v));
const instant = (v) => (typeof v === 'number' ? (v >= 1e11 ? v * 1000 : v * 1e6) : Date.parse(v) * 1000);

function users(want, got) {
    if (want.total !== got.total) return differ('total', want.total, got.total);
    if (got.users.length !== Math.min(want.total, want.$limit)) return differ('users', want.total, got.users.length);
    if (want.total > want.$limit) return null;
    return first(want.users, (w) => {
        const g = got.users.find((u) => same(u.properties, w.properties));
        if (!g) return differ('user', w, got.users.map((u) => u.properties));
        if (w.$seen === null) return null;
        const span = [instant(g.first_seen), instant(g.last_seen)];
        return w.$seen.every((t, i) => Math.abs(t - span[i]) < 1e6) ? null : differ('first_seen, last_seen', w.$seen, [g.first_seen, g.last_seen]);
    });
}
function groups(want, got) {
    if (got.total !== undefined && want.total !== got.total) return differ('total', want.total, got.total);
    if (got.groups.length !== Math.min(want.total, want.$limit)) return differ('groups', want.total, got.groups.length);
    return want.total > want.$limit ? null : first(want.groups, (w) => (got.groups.some((g) => same(g.properties, w.properties)) ? null : differ('group', w, got.groups)));
}
const visible = (p) => Object.fromEntries(Object.entries(p).filter(([k]) => !/^(time|distinct_id|\$user_id|\$device_id|\$insert_id|token|ip|\$ip)$/.test(k)));
function events(want, got) {
    const cut = want.events.slice(0, want.$limit);
    if (got.events.length !== cut.length) return differ('events', cut.length, got.events.length);
    const at = got.events.findIndex((g, i) => Math.abs(instant(g.time) - cut[i].$t) >= 1e6);
    if (at >= 0) return differ(`time of event ${at}`, new Date(cut[at].$t / 1000).toISOString(), got.events[at].time);
    const left = [...want.events];
    return first(got.events, (g) => {
        const like = (w) => w.event === g.event && Math.abs(w.$t - instant(g.time)) < 1e6 && contains(g.properties, visible(w.$sent));
        const exact = left.findIndex((w) => like(w) && same(visible(g.properties), visible(w.$sent)));
        const found = exact >= 0 ? exact : left.findIndex(like);
        if (found < 0) return differ('event', 'one that was sent', g);
        left.splice(found, 1);
        return null;
    });
}

const reports = { insights, funnel, retention, flows, users, groups, events };
export function compare(want, got) {
    if (got?.error) return `error: ${show(got.error)}`;
    if (got?.report !== want.report) return differ('report', want.report, got?.report);
    return reports[want.report](want, got);
}
