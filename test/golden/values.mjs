// values.mjs: what a filter or breakdown sees of an event: values of properties of the event, its person, its groups.
const missing = (v) => v === undefined || v === null;
const elements = (v) => (Array.isArray(v) ? v : [v]);

// All values of one property reference for an event: [] when there is none. A list gives its elements.
export function valuesOf(m, event, reference) {
    if (typeof reference === 'string') return present(event.properties[reference]);
    if ('user' in reference) return present(m.userProperties(event.person)[reference.user]);
    const ids = present(event.properties[reference.group]);
    return ids.flatMap((id) => present(m.groupProperties(reference.group, id)[reference.name]));
}
const present = (v) => (missing(v) ? [] : elements(v).filter((x) => !missing(x)));

const isNumber = (v) => typeof v === 'number';
const isText = (v) => typeof v === 'string';
const tests = {
    is: (vs, want) => vs.some((v) => elements(want).includes(v)),
    is_not: (vs, want) => !vs.some((v) => elements(want).includes(v)),
    contains: (vs, want) => vs.some((v) => isText(v) && v.includes(want)),
    not_contains: (vs, want) => !vs.some((v) => isText(v) && v.includes(want)),
    set: (vs) => vs.length > 0,
    not_set: (vs) => vs.length === 0,
    gt: (vs, want) => vs.some((v) => isNumber(v) && v > want),
    gte: (vs, want) => vs.some((v) => isNumber(v) && v >= want),
    lt: (vs, want) => vs.some((v) => isNumber(v) && v < want),
    lte: (vs, want) => vs.some((v) => isNumber(v) && v <= want),
    between: (vs, [low, high]) => vs.some((v) => isNumber(v) && v >= low && v <= high),
    is_true: (vs) => vs.includes(true),
    is_false: (vs) => vs.includes(false),
};

export function passes(m, event, filter) {
    if (filter.any) return filter.any.some((f) => passes(m, event, f));
    if (filter.all) return filter.all.every((f) => passes(m, event, f));
    return tests[filter.op](valuesOf(m, event, filter.property), filter.value);
}
export const passesAll = (m, event, filters = []) => filters.every((f) => passes(m, event, f));

// { event, filters } of a metric, step, anchor.
export const matches = (m, event, selector) =>
    (selector.event === null || selector.event === undefined || selector.event === event.event) && passesAll(m, event, selector.filters);

// The breakdown keys of one event: a list counts once per element; nothing is "$none".
export function keysOf(m, event, breakdown) {
    return breakdown.reduce((keys, property) => {
        const vs = valuesOf(m, event, property);
        return keys.flatMap((k) => (vs.length ? vs : ['$none']).map((v) => [...k, v]));
    }, [[]]);
}

// "ties are ordered by value": booleans (false first), numbers by size, text by bytes; `$none` is text (doc/query-semantics.md).
const kinds = ['boolean', 'number', 'string'];
export function compareValues(a, b) {
    if (typeof a !== typeof b) return kinds.indexOf(typeof a) - kinds.indexOf(typeof b);
    if (isText(a)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
    return Number(a) - Number(b);
}
// Whether a cut between `cut` and `rest` falls among equals whose order is free: of different kinds, or sealed.
export function cutIsFree(m, cut, rest, rank, key) {
    if (!cut.length || !rest.length || rank(cut.at(-1)) !== rank(rest[0])) return false;
    if (m.sealed) return true;
    const equals = [...cut, ...rest].filter((x) => rank(x) === rank(rest[0])).map(key);
    return equals[0].some((_, i) => new Set(equals.map((k) => (k[i] === '$none' ? 'none' : typeof k[i]))).size > 1);
}
export function compareKeys(a, b) {
    for (let i = 0; i < a.length; i++) {
        const c = compareValues(a[i], b[i]);
        if (c) return c;
    }
    return 0;
}
