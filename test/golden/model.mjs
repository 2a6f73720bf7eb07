// model.mjs: what was sent -> people with their events, and profiles. Written from the interface's words alone:
// dedup by (event, time, distinct_id as sent, $insert_id), the last in the journal wins; simplified identity merge;
// profile operations in order of arrival.
import { SECOND } from './zone.mjs';

const reserved = new Set(['time', 'distinct_id', '$user_id', '$device_id', '$insert_id', 'token', 'ip', '$ip']);
const hidden = new Set(['$identify', '$create_alias', '$merge']); // never counted
export const timeOf = (v) => (Math.abs(v) >= 1e11 ? Math.round(v * 1000) : Math.round(v * SECOND));

// Nested objects become paths, "a.b"; lists stay.
export function flatten(object, prefix = '', out = {}) {
    for (const [k, v] of Object.entries(object)) {
        const isObject = v !== null && typeof v === 'object' && !Array.isArray(v);
        if (isObject && Object.keys(v).length) flatten(v, `${prefix}${k}.`, out);
        else out[prefix + k] = v;
    }
    return out;
}

const device = (p) => (p.$device_id ? `$device:${p.$device_id}` : null);
const sentPerson = (p) => p.$user_id || device(p) || p.distinct_id;

function deviceMap(events) {
    const map = new Map();
    for (const { properties: p } of events) {
        if (p.$user_id && device(p) && !map.has(device(p))) map.set(device(p), p.$user_id);
    }
    return map;
}

function fold(events) {
    const seen = new Map(), list = [];
    for (const e of events) {
        const id = e.properties.$insert_id;
        const key = id === undefined ? null : JSON.stringify([e.event, timeOf(e.properties.time), e.properties.distinct_id ?? null, id]);
        if (key !== null && seen.has(key)) list[seen.get(key)] = e;
        else if (key !== null) seen.set(key, list.push(e) - 1);
        else list.push(e);
    }
    return list;
}

const list = (v) => (Array.isArray(v) ? v : [v]);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const operations = {
    $set: (p, d) => Object.assign(p, d),
    $set_once: (p, d) => { for (const [k, v] of Object.entries(d)) if (!(k in p) && v !== null) p[k] = v; },
    $add: (p, d) => { for (const [k, v] of Object.entries(d)) p[k] = (typeof p[k] === 'number' ? p[k] : 0) + v; },
    $append: (p, d) => { for (const [k, v] of Object.entries(d)) p[k] = [...(k in p ? list(p[k]) : []), v]; },
    $union: (p, d) => { for (const [k, v] of Object.entries(d)) p[k] = [...(k in p ? list(p[k]) : []), ...list(v).filter((x) => !(k in p && list(p[k]).some((y) => same(x, y))))]; },
    $remove: (p, d) => { for (const [k, v] of Object.entries(d)) if (Array.isArray(p[k])) p[k] = p[k].filter((x) => !same(x, v)); },
    $unset: (p, names) => { for (const k of names) delete p[k]; },
};

export function applyOperations(profiles, key, record) {
    if ('$delete' in record) return void profiles.delete(key);
    if (!profiles.has(key)) profiles.set(key, {});
    for (const [op, apply] of Object.entries(operations)) if (op in record) apply(profiles.get(key), record[op]);
}

// world: { timezone, now, parts: [[event]], engage: [], groups: [] } -> what the reports ask.
export function model(world) {
    const sent = world.parts.flat();
    const alias = deviceMap(sent);
    const canonical = (id) => alias.get(id) ?? id;
    const users = new Map(), groups = new Map();
    for (const r of world.engage ?? []) applyOperations(users, canonical(r.$distinct_id), r);
    for (const r of world.groups ?? []) applyOperations(groups, JSON.stringify([r.$group_key, r.$group_id]), r);
    const people = new Map(), seen = new Map();
    for (const e of fold(sent)) {
        const person = canonical(sentPerson(e.properties));
        const t = timeOf(e.properties.time);
        const span = seen.get(person) ?? [t, t];
        seen.set(person, [Math.min(span[0], t), Math.max(span[1], t)]);
        if (hidden.has(e.event)) continue;
        const properties = flatten(Object.fromEntries(Object.entries(e.properties).filter(([k]) => !reserved.has(k))));
        if (!people.has(person)) people.set(person, []);
        people.get(person).push({ event: e.event, t, person, properties, sent: e });
    }
    for (const events of people.values()) events.sort((a, b) => a.t - b.t);
    const now = typeof world.now === 'number' ? timeOf(world.now) : Date.parse(world.now) * 1000;
    return { zone: world.timezone ?? 'UTC', sealed: world.crowd > 0, now, people, users, groups, seen, canonical, events: [...people.values()].flat() };
}
