// shop.mjs: a deterministic product story: people of a shop, their events over the last days, sorted by nothing.
import { random } from '../../golden/random.mjs';
import { addDays } from '../../golden/zone.mjs';

export const day = (n) => addDays(new Date().toISOString().slice(0, 10), n);
const systems = ['iOS', 'Android', 'Windows', 'Mac OS X', 'Linux'];
const countries = ['JP', 'US', 'DE', 'BR', 'IN', 'FR', 'KE', 'NZ', 'MX', 'CA'];
const path = ['Open', 'View item', 'Add to cart', 'Purchase'];

// People with a home: what stays the same on their events.
export function peopleOf(n, seed = 1) {
    const r = random(seed);
    return Array.from({ length: n }, (_, i) => ({
        user: `user-${i}@example.org`, device: `0000${i.toString(16).padStart(4, '0')}-1111-4222-8333-444455556666`, os: r.pick(systems), country: r.pick(countries),
        plan: r.chance(0.3) ? 'pro' : 'free', company: r.pick(['acme', 'globex', 'initech']),
    }));
}

// One event of someone, with a time of its own (no two events of one person at one millisecond).
export function eventsOf(n, people, days, seed = 2) {
    const r = random(seed), used = new Set(), begin = Date.parse(`${day(-days)}T00:00:00Z`);
    return Array.from({ length: n }, (_, i) => {
        const p = people[Math.floor(people.length * r.next() ** 2)];
        let time;
        do time = begin + r.below(days * 86400) * 1000 + r.below(1000); while (used.has(`${p.user} ${time}`));
        used.add(`${p.user} ${time}`);
        const step = Math.min(r.below(5), r.below(6), 3), event = r.chance(0.02) ? 'Sign up' : path[step];
        const known = r.chance(0.6);
        const properties = {
            time, ...(known ? { distinct_id: p.user, $user_id: p.user, $device_id: p.device } : { distinct_id: `$device:${p.device}`, $device_id: p.device }),
            os: p.os, country: p.country, plan: p.plan, company: [p.company], n: i, shelf: { row: r.below(5), name: r.pick(['north', 'south']) },
            tags: r.some(['new', 'sale', 'gift', 'rare'], 2), first: r.chance(0.5),
        };
        if (event === 'Purchase') properties.revenue = r.below(20000) / 100;
        if (r.chance(0.1)) delete properties.country;
        return { event, properties };
    });
}

// Questions that between them touch every report and every kind of property.
export function questionsAbout(days, event = (name) => ({ event: name })) {
    const range = { from: day(-days), to: day(-1) };
    return [
        { report: 'insights', ...range, interval: 'day', metrics: [{ ...event('Open'), measure: 'total' }, { ...event('Purchase'), measure: 'unique' }], formula: 'B/A' },
        { report: 'insights', ...range, interval: 'week', metrics: [{ event: null, measure: 'unique' }], breakdown: ['os'], limit: 10 },
        { report: 'insights', ...range, interval: 'total', metrics: [{ ...event('Purchase'), measure: 'sum', property: 'revenue' }, { ...event('Purchase'), measure: 'p90', property: 'revenue' }], breakdown: ['country', 'first'], limit: 7 },
        { report: 'insights', ...range, interval: 'month', metrics: [{ event: null, measure: 'sessions' }], breakdown: ['tags'] },
        { report: 'insights', ...range, interval: 'day', metrics: [{ event: null, measure: 'total' }], filters: [{ any: [{ property: 'shelf.row', op: 'gte', value: 3 }, { property: 'shelf.name', op: 'is', value: 'north' }] }, { property: 'country', op: 'is_not', value: ['JP', 'US'] }] },
        { report: 'funnel', ...range, steps: [event('Sign up'), event('Add to cart'), event('Purchase')], window: { value: 1, unit: 'day' } },
        { report: 'funnel', ...range, steps: [event('Add to cart'), event('Purchase')], window: { value: 6, unit: 'hour' }, breakdown: ['plan'], hold: ['os'] },
        { report: 'retention', ...range, interval: 'day', periods: 7, start: event('Sign up'), return: { event: null }, start_mode: 'first_in_range', mode: 'on' },
        { report: 'retention', ...range, interval: 'week', periods: 4, start: event('Open'), return: event('Purchase'), start_mode: 'first_ever', mode: 'on_or_after' },
        { report: 'flows', ...range, anchor: event('Sign up'), forward: 2, backward: 1, rows: 1000, window: { value: 1, unit: 'day' } },
    ];
}
