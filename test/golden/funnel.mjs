// funnel.mjs: every sequence of every person, tried one by one.
import { compareKeys, cutIsFree, keysOf, matches, passesAll, valuesOf } from './values.mjs';

const held = (m, e, properties) => {
    const values = properties.map((p) => valuesOf(m, e, p));
    return values.some((v) => v.length === 0) ? null : JSON.stringify(values);
};

// All completions from one start: the deepest step, and of those sequences with the earliest last time, the least and
// greatest time from each step to the next.
function attempts(m, q, own, start, window) {
    const steps = q.steps, hold = q.hold?.length ? held(m, start, q.hold) : null;
    const best = { depth: 1, end: start.t, low: [], high: [] };
    const excluded = (k, a, b) => (q.exclude ?? []).some((x) => (x.after_step ?? k) === k && own.some((e) => e.t > a.t && e.t < b.t && matches(m, e, x)));
    const note = (path) => {
        const depth = path.length, end = path.at(-1).t;
        if (depth < best.depth || (depth === best.depth && end > best.end)) return;
        const gaps = path.slice(1).map((e, i) => e.t - path[i].t);
        const better = depth > best.depth || end < best.end;
        best.low = better ? gaps : gaps.map((g, i) => Math.min(g, best.low[i] ?? g));
        best.high = better ? gaps : gaps.map((g, i) => Math.max(g, best.high[i] ?? g));
        Object.assign(best, { depth, end });
    };
    const extend = (path) => {
        note(path);
        const k = path.length, last = path.at(-1);
        if (k === steps.length) return;
        for (const e of own) {
            if (e.t < last.t || e.t - start.t > window || path.includes(e) || !matches(m, e, steps[k])) continue;
            if (hold !== null && held(m, e, q.hold) !== hold) continue;
            if (!excluded(k, last, e)) extend([...path, e]);
        }
    };
    extend([start]);
    return best;
}

function ordered(m, q, own, starts, window) {
    let best = null;
    for (const s of starts) {
        const a = attempts(m, q, own, s, window);
        if (!best || a.depth > best.depth || (a.depth === best.depth && a.end < best.end)) best = a;
        else if (a.depth === best.depth && a.end === best.end) {
            best = { ...best, low: best.low.map((g, i) => Math.min(g, a.low[i])), high: best.high.map((g, i) => Math.max(g, a.high[i])) };
        }
    }
    return best;
}

// The most distinct steps inside one window: each event serves one step (an assignment, tried exhaustively).
function anyOrder(m, q, own, starts, window) {
    let depth = 0;
    for (const s of starts) {
        const hold = q.hold?.length ? held(m, s, q.hold) : null;
        const inside = own.filter((e) => e.t >= s.t && e.t - s.t <= window && (hold === null || held(m, e, q.hold) === hold));
        const assign = (k, used) => {
            if (k === q.steps.length) return 0;
            let most = assign(k + 1, used);
            for (const e of inside) if (!used.includes(e) && matches(m, e, q.steps[k])) most = Math.max(most, 1 + assign(k + 1, [...used, e]));
            return most;
        };
        depth = Math.max(depth, assign(0, []));
    }
    return depth ? { depth, low: [], high: [] } : null;
}

const lower = (list) => { const s = [...list].sort((a, b) => a - b); return s.length ? s[Math.ceil(s.length / 2) - 1] : null; };

function countSteps(q, reached) {
    return q.steps.map((step, i) => {
        const there = reached.filter((r) => r.depth > i);
        const free = i === 0 || q.order === 'any' || there.length === 0;
        return {
            event: step.event ?? null, count: there.length,
            $median_low: free ? null : lower(there.map((r) => r.low[i - 1])) / 1e6, $median_high: free ? null : lower(there.map((r) => r.high[i - 1])) / 1e6,
            $median_free: q.order === 'any' && i > 0,
        };
    });
}

export function funnel(m, q, range, window) {
    const breakdown = q.breakdown ?? [], limit = q.limit ?? 10;
    const begins = q.order === 'any' ? (e) => q.steps.some((s) => matches(m, e, s)) : (e) => matches(m, e, q.steps[0]);
    const series = (chosen) => {
        const reached = [];
        for (const events of m.people.values()) {
            const own = events.filter((e) => passesAll(m, e, q.filters));
            const starts = own.filter((e) => e.t >= range.from && e.t < range.to && begins(e) && chosen(e) && !(q.hold?.length && held(m, e, q.hold) === null));
            const r = (q.order === 'any' ? anyOrder : ordered)(m, q, own, starts, window);
            if (r) reached.push(r);
        }
        return countSteps(q, reached);
    };
    if (!breakdown.length) return { report: 'funnel', series: [{ breakdown: [], steps: series(() => true) }] };
    const keys = new Map();
    for (const e of m.events) if (begins(e) && passesAll(m, e, q.filters)) for (const k of keysOf(m, e, breakdown)) keys.set(JSON.stringify(k), k);
    const has = (ids) => (e) => keysOf(m, e, breakdown).some((k) => ids.has(JSON.stringify(k)));
    const ranked = [...keys].map(([id, key]) => ({ id, breakdown: key, steps: series(has(new Set([id]))) })).filter((s) => s.steps[0].count)
        .sort((a, b) => b.steps[0].count - a.steps[0].count || compareKeys(a.breakdown, b.breakdown));
    const cut = ranked.slice(0, limit), rest = ranked.slice(limit);
    const $cut_free = cutIsFree(m, cut, rest, (k) => k.steps[0].count, (k) => k.breakdown);
    const list = cut.map(({ breakdown: b, steps }) => ({ breakdown: b, steps, $rank: steps[0].count }));
    if (rest.length) list.push({ breakdown: breakdown.map(() => '$other'), steps: series(has(new Set(rest.map((k) => k.id)))) });
    return { report: 'funnel', series: list, $cut_free };
}
