// shrink.mjs: makes a failing (world, question) small: drops events, properties, profiles, and parts of the question, as long as
// it still fails.
const copy = (v) => JSON.parse(JSON.stringify(v));

// Everything one step smaller. Large cuts first.
function* smaller({ world, query }) {
    const n = world.parts.length;
    for (let size = n; size >= 1; size = Math.floor(size / 2)) {
        for (let i = 0; i < n; i += size) yield { world: { ...world, parts: world.parts.filter((_, at) => at < i || at >= i + size) }, query };
    }
    for (const [p, part] of world.parts.entries()) {
        for (let size = part.length; size >= 1; size = Math.floor(size / 2)) {
            for (let i = 0; i < part.length; i += size) {
                const left = part.filter((_, at) => at < i || at >= i + size);
                yield { world: { ...world, parts: world.parts.map((x, at) => (at === p ? left : x)).filter((x) => x.length) }, query };
            }
        }
    }
    for (const key of ['engage', 'groups']) {
        if (world[key].length > 1) yield { world: { ...world, [key]: [] }, query };
        for (const i of world[key].keys()) yield { world: { ...world, [key]: world[key].filter((_, at) => at !== i) }, query };
    }
    for (const [p, part] of world.parts.entries()) {
        for (const i of part.keys()) {
            for (const name of Object.keys(part[i].properties)) {
                if (name === 'time' || name === 'distinct_id') continue;
                const w = copy(world);
                delete w.parts[p][i].properties[name];
                yield { world: w, query };
            }
        }
    }
    yield* smallerQuestion(world, query);
    if (world.timezone !== 'UTC') yield { world: { ...world, timezone: 'UTC' }, query };
}
function* smallerQuestion(world, query) {
    for (const key of ['filters', 'breakdown', 'exclude', 'hold', 'formula', 'limit']) {
        if (key in query) { const { [key]: _, ...rest } = query; yield { world, query: rest }; }
    }
    for (const key of ['metrics', 'steps', 'filters', 'breakdown']) {
        for (const i of (query[key] ?? []).keys()) {
            if (query[key].length > 1) yield { world, query: { ...query, [key]: query[key].filter((_, at) => at !== i) } };
            if (query[key][i]?.filters) { const q = copy(query); delete q[key][i].filters; yield { world, query: q }; }
        }
    }
}

// fails: async ({ world, query }) -> a message or null. tries bounds the work.
export async function shrink(found, fails, tries = 3000) {
    let best = found, message = await fails(found);
    for (let again = true; again && tries > 0; ) {
        again = false;
        for (const candidate of smaller(best)) {
            if (tries-- <= 0) break;
            const m = await fails(candidate).catch(() => null);
            if (!m) continue;
            [best, message, again] = [candidate, m, true];
            break;
        }
    }
    return { ...best, message };
}
