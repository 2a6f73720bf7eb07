// agree.mjs: whether two engines' rows are the same: in any order, sums within the rounding of doubles.
const near = (a, b) => a === b || (typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a)));
const same = (a, b) => a.length === b.length && a.every((v, i) => near(v, b[i]));
const ordered = (rows) => rows.map((r) => [JSON.stringify(r), r]).sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([, r]) => r);

// What differs, in words; null when nothing does.
export function difference(want, got) {
    if (want.length === 0) return 'nothing to compare with';
    const w = ordered(want), g = ordered(got), at = w.findIndex((r, i) => !g[i] || !same(r, g[i]));
    if (at >= 0) return `row ${at} of ${w.length}: wanted ${JSON.stringify(w[at])}, got ${JSON.stringify(g[at])}`;
    return g.length > w.length ? `${g.length - w.length} rows too many` : null;
}
