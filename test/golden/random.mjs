// random.mjs: a small seeded generator (splitmix32), so that every world can be made again from its number.
export function random(seed) {
    let state = seed >>> 0;
    const next = () => {
        state = (state + 0x9e3779b9) >>> 0;
        let z = state;
        z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
        z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
        return ((z ^ (z >>> 15)) >>> 0) / 4294967296;
    };
    const below = (n) => Math.floor(next() * n);
    const pick = (list) => list[below(list.length)];
    return {
        next, below, pick,
        chance: (p) => next() < p,
        between: (low, high) => low + below(high - low + 1),
        some: (list, most = list.length) => { const c = [...list]; const n = 1 + below(Math.min(most, c.length)); return Array.from({ length: n }, () => c.splice(below(c.length), 1)[0]); },
    };
}
