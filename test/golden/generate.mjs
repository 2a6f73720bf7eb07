// generate.mjs: random small worlds and questions about them. Worlds are made of what breaks engines: equal times,
// duplicates with other properties, late events, devices that become users, nulls, lists, nested objects, text of
// every kind, clocks that spring. What the interface leaves open is not generated: values of mixed kinds that tie,
// two events of one person at one instant where their order would decide (flows, sessions by group), device profiles.
import { random } from './random.mjs';
import { DAY, HOUR, MINUTE, SECOND, addDays, dayOf, startOfDay } from './zone.mjs';

const zones = ['UTC', 'UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe', 'Pacific/Auckland', 'America/Santiago', 'Pacific/Kiritimati'];
// Days around which a clock springs in one of the zones (Lord Howe's by half an hour), and ordinary ones. Only zones whose rules are older than
// Debian 12's ICU, by which the reference tells local time.
const bases = ['2026-03-08', '2026-03-29', '2026-04-05', '2026-04-24', '2026-10-25', '2026-11-01', '2026-01-31', '2026-02-28', '2025-12-30', '2024-02-29'];
const names = ['Sign up', 'Open', 'Pay', 'Zoë — 見る 🎈', 'Cancel'];
const texts = ['red', 'blue', 'grün', '日本', '🎈', 'a b', 'sea', 'seal'];
const numbers = [0, 1, 2, 3, 5, -4, 0.5, 2.25, 1e6, 12.75, -0.125];

const properties = {
    color: (r) => r.pick(texts), n: (r) => r.pick(numbers), ok: (r) => r.chance(0.5), plan: (r) => r.pick(['free', 'pro']),
    tags: (r) => (r.chance(0.2) ? [] : r.some(texts, 3)), nothing: () => null,
    deep: (r) => ({ a: r.pick(texts), in: { n: r.pick(numbers), s: r.pick(texts) } }),
};
export const kinds = { text: ['color', 'plan', 'deep.a', 'deep.in.s'], number: ['n', 'deep.in.n'], boolean: ['ok'], list: ['tags'] };
const zoneText = { ...kinds, user: [{ user: 'tier' }], group: [{ group: 'company', name: 'size' }] };

function eventOf(r, shape, people) {
    const person = r.pick(people), p = {};
    for (const name of Object.keys(properties)) if (r.chance(shape.density)) p[name] = r.chance(0.1) ? null : properties[name](r);
    if (r.chance(0.5)) p.company = r.chance(0.8) ? [r.pick(shape.companies)] : r.some(shape.companies, 2);
    const t = shape.start + (r.chance(shape.ties) ? r.below(shape.days * 24) * HOUR : r.below(shape.days * DAY / SECOND) * SECOND + (r.chance(0.3) ? r.below(1000) * 1000 : 0));
    p.time = r.chance(0.5) ? Math.round(t / 1000) : t / 1e6;
    if (p.time < 1e11 && !Number.isInteger(p.time * 1000)) p.time = Math.round(p.time * 1000) / 1000;
    Object.assign(p, identityOf(r, person));
    if (r.chance(0.6)) p.$insert_id = `i-${r.below(1e9)}`;
    return { event: r.pick(shape.names), properties: p };
}

// A person is seen as a user, as a device, or as both at once (which maps the device).
function identityOf(r, person) {
    const device = person.devices.length ? r.pick(person.devices) : null;
    const how = r.below(4);
    if (!device || how === 0) return { distinct_id: person.user };
    if (how === 1) return { distinct_id: `$device:${device}`, $device_id: device };
    if (how === 2) return { distinct_id: person.user, $user_id: person.user, $device_id: device };
    return { distinct_id: person.user, $user_id: person.user };
}

function peopleOf(r) {
    return Array.from({ length: r.between(1, 9) }, (_, i) => ({
        user: r.pick([`u${i}`, `person ${i}`, `ü${i}`]), devices: Array.from({ length: r.below(3) }, (__, d) => `dev-${i}-${d}`),
    }));
}

export function worldOf(seed) {
    const r = random(seed);
    const timezone = r.pick(zones), day = r.pick(bases), days = r.pick([1, 2, 3, 7, 14, 40]);
    const start = startOfDay(timezone, addDays(day, -r.below(days)));
    const shape = {
        start, days, density: r.pick([0.3, 0.6, 0.9]), ties: r.pick([0, 0.1, 0.5, 1]), companies: ['acme', 'globex', 'init ech'].slice(0, r.between(1, 3)),
        names: names.slice(0, r.between(1, names.length)),
    };
    const people = peopleOf(r), events = Array.from({ length: r.pick([0, 1, 5, 20, 40, 60]) }, () => eventOf(r, shape, people));
    for (const e of [...events]) if (e.properties.$insert_id && r.chance(0.25)) events.push(duplicateOf(r, e));
    for (const p of people) if (p.devices.length && r.chance(0.3)) events.push(identifyOf(r, shape, p));
    const now = start + (r.chance(0.6) ? days + r.below(60) : Math.ceil(days / 2)) * DAY + r.below(24) * HOUR;
    return { timezone, now: new Date(now / 1000).toISOString(), ...crowdOf(r), parts: split(r, events), engage: engageOf(r, people), groups: groupsOf(r, shape.companies) };
}
// Every third world has the crowd rule on: most text is sealed there, and opened only in the answers.
const crowdOf = (r) => (r.chance(0.33) ? { crowd: r.between(2, 3), opened: true } : { crowd: 0 });
const duplicateOf = (r, e) => ({ event: e.event, properties: { ...e.properties, ...(r.chance(0.5) ? { color: r.pick(texts), n: r.pick(numbers) } : {}) } });
const identifyOf = (r, shape, p) => ({
    event: '$identify', properties: { time: Math.round((shape.start + r.below(shape.days) * DAY) / 1000), distinct_id: p.user, $user_id: p.user, $device_id: p.devices[0], $insert_id: `id-${p.devices[0]}` },
});
function split(r, events) {
    const parts = [];
    for (let left = [...events]; left.length; ) parts.push(left.splice(0, r.between(1, left.length)));
    return parts;
}
function engageOf(r, people) {
    const list = [];
    for (const [i, p] of people.entries()) {
        if (!r.chance(0.7)) continue;
        list.push({ $distinct_id: p.user, $set: { tier: r.pick(['gold', 'tin', 'rosé']), number: i + 0.5, vip: r.chance(0.5) } });
        if (r.chance(0.3)) list.push({ $distinct_id: p.user, $set_once: { tier: 'late', first: 'yes' } });
        if (r.chance(0.3)) list.push({ $distinct_id: p.user, $add: { score: r.pick([1, 2.5, -3]) } }, { $distinct_id: p.user, $add: { score: 4 } });
        if (r.chance(0.3)) list.push({ $distinct_id: p.user, $union: { badges: ['a', 'b'] } }, { $distinct_id: p.user, $union: { badges: ['b', 'c'] } });
        if (r.chance(0.2)) list.push({ $distinct_id: p.user, $append: { notes: 'x' } }, { $distinct_id: p.user, $append: { notes: 'x' } }, { $distinct_id: p.user, $remove: { badges: 'a' } });
        if (r.chance(0.1)) list.push({ $distinct_id: p.user, $unset: ['vip'] });
        if (r.chance(0.1)) list.push({ $distinct_id: p.user, $delete: '' });
    }
    return list;
}
const groupsOf = (r, companies) => companies.filter(() => r.chance(0.8)).flatMap((c, i) => [{ $group_key: 'company', $group_id: c, $set: { size: 10 * i + 5, kind: r.pick(['b2b', 'b2c']) } }]);

// ---- questions ----

const reference = (r, kind) => r.pick(zoneText[kind]);
function filterOf(r, depth = 0) {
    if (depth < 2 && r.chance(0.12)) return { [r.pick(['any', 'all'])]: Array.from({ length: r.between(1, 3) }, () => filterOf(r, depth + 1)) };
    const kind = r.pick(['text', 'text', 'number', 'boolean', 'list', 'user', 'group']);
    const property = reference(r, kind);
    if (kind === 'boolean') return { property, op: r.pick(['is_true', 'is_false', 'set', 'not_set']) };
    if (kind === 'number' || kind === 'group') {
        const op = r.pick(['gt', 'gte', 'lt', 'lte', 'between', 'is', 'is_not', 'set', 'not_set']);
        const values = kind === 'group' ? [5, 15, 25] : numbers, v = r.pick(values);
        if (op === 'between') return { property, op, value: [Math.min(v, 2), Math.max(v, 2)] };
        return op.includes('set') ? { property, op } : { property, op, value: op.startsWith('is') && r.chance(0.5) ? r.some(values, 3) : v };
    }
    const op = r.pick(['is', 'is', 'is_not', 'contains', 'not_contains', 'set', 'not_set']);
    const values = kind === 'user' ? ['gold', 'tin', 'rosé'] : property === 'plan' ? ['free', 'pro'] : texts;
    if (op.endsWith('set')) return { property, op };
    if (op.endsWith('contains')) return { property, op, value: r.pick(['e', 'sea', 'ü', '日', ' ', 'r']) };
    return { property, op, value: r.chance(0.4) ? r.some(values, 3) : r.pick(values) };
}
const filtersOf = (r, p) => (r.chance(p) ? { filters: Array.from({ length: r.between(1, 2) }, () => filterOf(r)) } : {});
const selector = (r, nullable = 0.15) => ({ event: r.chance(nullable) ? null : r.pick(names), ...filtersOf(r, 0.2) });

function rangeIn(r, world) {
    const times = world.parts.flat().map((e) => e.properties.time).map((t) => (t >= 1e11 ? t * 1000 : t * 1e6));
    const first = times.length ? Math.min(...times) : Date.parse(world.now) * 1000;
    const last = times.length ? Math.max(...times) : first;
    const from = dayOf(world.timezone, first - r.below(2) * DAY), span = Math.round((last - first) / DAY);
    return { from: addDays(from, r.below(Math.max(1, Math.ceil(span / 3)))), to: addDays(dayOf(world.timezone, last), -r.below(Math.max(1, Math.ceil(span / 3)))) };
}
const breakdownOf = (r, most) => Array.from({ length: r.between(1, most) }, () => reference(r, r.pick(['text', 'text', 'number', 'boolean', 'list', 'user', 'group'])));

const measures = ['total', 'total', 'unique', 'unique', 'sessions', 'dau', 'wau', 'mau'];
const numeric = ['sum', 'average', 'min', 'max', 'median', 'p25', 'p75', 'p90', 'p99', 'distinct'];
function metricOf(r, interval) {
    const metric = selector(r);
    if (r.chance(0.5)) metric.measure = r.pick(measures.filter((x) => interval === 'day' || !/^.au$/.test(x)));
    else Object.assign(metric, { measure: r.pick(numeric), property: reference(r, 'number') });
    if (r.chance(0.15) && /^(total|sessions|sum|distinct|max)$/.test(metric.measure)) metric.measure = `per_user_${metric.measure}`;
    return metric;
}
function insights(r, world) {
    const range = rangeIn(r, world), days = (Date.parse(range.to) - Date.parse(range.from)) / 86400e3;
    const interval = r.pick(['day', 'day', 'week', 'month', 'total', ...(days < 4 ? ['hour'] : []), ...(days < 1 ? ['minute'] : [])]);
    const q = { ...range, interval, metrics: Array.from({ length: r.pick([1, 1, 2, 3]) }, () => metricOf(r, interval)), ...filtersOf(r, 0.3) };
    if (r.chance(0.5)) Object.assign(q, { breakdown: breakdownOf(r, 2), limit: r.pick([1, 2, 3, 10, 10000]) });
    if (r.chance(0.2)) q.formula = r.pick(['A', 'A*2+1', '(A+1)/A', '-A/3', ...(q.metrics.length > 1 ? ['B/A', 'A/B', '(A-B)/(A+B)', 'A-B-1'] : [])]);
    return q;
}
function funnel(r, world) {
    const steps = Array.from({ length: r.between(1, 4) }, () => selector(r, 0.08));
    const q = { ...rangeIn(r, world), steps, window: r.pick([{ value: 1, unit: 'hour' }, { value: 90, unit: 'minute' }, { value: 1, unit: 'day' }, { value: 7, unit: 'day' }, { value: 0, unit: 'second' }, { value: 30, unit: 'second' }].slice(0, 4)) };
    q.order = r.chance(0.2) ? 'any' : 'ordered';
    if (r.chance(0.2)) q.hold = [reference(r, r.pick(['text', 'number', 'boolean']))];
    if (r.chance(0.2)) Object.assign(q, filtersOf(r, 1));
    if (q.order === 'ordered' && r.chance(0.3) && steps.length > 1) q.exclude = [{ event: r.pick(names), after_step: r.between(1, steps.length - 1) }];
    if (q.order === 'ordered' && r.chance(0.3)) Object.assign(q, { breakdown: breakdownOf(r, 1), limit: r.pick([2, 10000]) });
    return q;
}
function retention(r, world) {
    return {
        ...rangeIn(r, world), interval: r.pick(['day', 'week', 'month']), periods: r.between(1, 12), start: selector(r), return: selector(r, 0.5),
        start_mode: r.pick(['first_in_range', 'first_ever']), mode: r.pick(['on', 'on_or_after']), ...filtersOf(r, 0.1),
    };
}
const flows = (r, world) => ({
    ...rangeIn(r, world), anchor: selector(r, 0), forward: r.between(0, 4), backward: r.between(0, 2), rows: r.pick([2, 1000, 1000]),
    window: r.pick([{ value: 1, unit: 'hour' }, { value: 1, unit: 'day' }, { value: 30, unit: 'day' }]),
});
const users = (r, world) => ({
    ...(r.chance(0.3) ? { filters: [{ property: { user: 'tier' }, op: 'is', value: r.pick(['gold', 'tin']) }] } : {}), limit: r.pick([2, 100]),
    ...(r.chance(0.3) && world.parts.length ? { distinct_ids: [...new Set(world.parts.flat().slice(0, 3).map((e) => e.properties.distinct_id))] } : {}),
});
const groups = (r) => ({ group_key: 'company', ...(r.chance(0.4) ? { ids: ['acme', 'nobody'] } : {}), limit: r.pick([1, 100]) });
const events = (r, world) => ({
    ...rangeIn(r, world), event: r.chance(0.5) ? null : r.pick(names), limit: r.pick([3, 1000]), ...filtersOf(r, 0.3),
    ...(r.chance(0.3) && world.parts.length ? { distinct_id: r.pick(world.parts.flat()).properties.distinct_id } : {}),
});

const reports = { insights, funnel, retention, flows, users, groups, events };
const weights = ['insights', 'insights', 'insights', 'insights', 'funnel', 'funnel', 'funnel', 'retention', 'retention', 'flows', 'users', 'groups', 'events'];
// Whether one person has two (different) events at one instant: then what comes next is anybody's choice.
function hasTies(world) {
    const owner = new Map(), seen = new Map();
    for (const { properties: p } of world.parts.flat()) if (p.$user_id && p.$device_id) owner.set(`$device:${p.$device_id}`, p.$user_id);
    return world.parts.flat().some((e) => {
        const p = e.properties, t = p.time >= 1e11 ? p.time : p.time * 1000;
        const key = `${owner.get(p.distinct_id) ?? p.distinct_id} ${Math.round(t)}`, what = `${e.event} ${p.$insert_id} ${p.distinct_id}`;
        const tie = seen.has(key) && (seen.get(key) !== what || !p.$insert_id);
        seen.set(key, what);
        return tie;
    });
}
export function questionOf(seed, world) {
    const r = random(seed * 7919 + 13);
    let report = r.pick(weights);
    if (report === 'flows' && hasTies(world)) report = 'funnel';
    const q = { project: 1, report, ...reports[report](r, world) };
    // Which of two events at one instant begins a session is open, and so is its group.
    if (q.breakdown && q.metrics && hasTies(world)) for (const m of q.metrics) if (/sessions$/.test(m.measure)) m.measure = 'total';
    return world.crowd ? withoutContains(q) : q;
}
// `contains` sees only readable text, and what is readable is not the reference's business.
const withoutContains = (v) => (Array.isArray(v) ? v.map(withoutContains) : v && typeof v === 'object'
    ? Object.fromEntries(Object.entries(v).map(([k, x]) => (k === 'op' && /contains/.test(x) ? [k, x.startsWith('not') ? 'is_not' : 'is'] : [k, withoutContains(x)]))) : v);
