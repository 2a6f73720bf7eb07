// demo-story.mjs: ninety days of a small product, the same on every machine but for the date it ends on: people come, sign up, try,
// pay, invite, stay or leave. Things happen that a chart should show: a launch on day 40, a better onboarding from day 55, a morning
// on day 72 on which checkout fails on iOS. People's words (searches, notes) are in it too, so that sealed text can be seen.
import { random } from '../test/golden/random.mjs';

const pickBy = (r, table) => { // [[value, weight], ...]
    let x = r.next() * table.reduce((n, [, w]) => n + w, 0);
    for (const [value, weight] of table) if ((x -= weight) < 0) return value;
    return table[0][0];
};
const systems = [['iOS', 30], ['Android', 26], ['Windows', 22], ['Mac OS X', 16], ['Linux', 6]];
const browsers = { iOS: [['Mobile Safari', 8], ['Chrome iOS', 2]], Android: [['Chrome', 8], ['Samsung Internet', 2], ['Firefox', 1]], Windows: [['Chrome', 6], ['Microsoft Edge', 3], ['Firefox', 1]], 'Mac OS X': [['Safari', 5], ['Chrome', 5], ['Firefox', 1]], Linux: [['Firefox', 5], ['Chrome', 5]] };
const countries = [['US', 30], ['DE', 14], ['JP', 10], ['BR', 9], ['IN', 9], ['GB', 8], ['FR', 7], ['CA', 5], ['NL', 4], ['KE', 2], ['NZ', 2]];
const sources = [['google', 38], ['newsletter', 16], ['direct', 20], ['twitter', 9], ['producthunt', 7], ['partner', 10]];
const categories = ['posters', 'prints', 'frames', 'postcards', 'calendars'];
const words = ['blue poster', 'frame 30x40', 'gift card', 'postcards of home', 'return policy', 'discount', 'calendar 2027', 'print my photo'];
export const story = { days: 90, events: 300000, people: 9000 };

// Who they are: the day they come, how much they do, whether they will sign up and pay.
function people(r) {
    return Array.from({ length: story.people }, (_, i) => {
        let day = Math.floor(story.days * r.next() ** 0.8);
        if (r.chance(0.08)) day = 40 + r.below(4); // the launch
        const os = pickBy(r, systems), better = day >= 55;
        return {
            id: i, day, os, browser: pickBy(r, browsers[os]), country: pickBy(r, countries), source: day >= 40 && day < 44 && r.chance(0.6) ? 'producthunt' : pickBy(r, sources),
            signs: r.chance(better ? 0.62 : 0.48), verifies: r.chance(better ? 0.85 : 0.7), pays: r.chance(0.3), stays: r.next() ** 2, company: `team-${r.below(400)}`, device: `${i.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`,
        };
    });
}
const user = (p) => `customer-${p.id}@demo.example`;
const visitDay = (r, p) => {
    const left = story.days - p.day;
    return r.chance(0.35) ? p.day : p.day + Math.floor(left * r.next() ** (2.5 - 2 * p.stays));
};
const hourOf = (r) => (8 + Math.floor(14 * ((r.next() + r.next()) / 2)) + (r.chance(0.1) ? 12 : 0)) % 24;

// One visit: what happens, step by step, with times that rise.
function visit(r, p, day, first, emit) {
    let t = (day * 24 + hourOf(r)) * 3600e3 + r.below(3600e3), known = !first && p.signs;
    const send = (event, more = {}) => {
        t += 2000 + r.below(90000);
        emit(event, t, { ...(known ? { distinct_id: user(p), $user_id: user(p) } : { distinct_id: `$device:${p.device}` }), $device_id: p.device, $os: p.os, $browser: p.browser, mp_country_code: p.country, ...(known ? { plan: p.plan ?? 'free', team: [p.company] } : {}), ...more });
    };
    send('Page viewed', { path: first ? '/' : pickBy(r, [['/', 4], ['/shop', 5], ['/help', 1]]), ...(first ? { utm_source: p.source } : {}) });
    if (first && p.signs) {
        known = true;
        send('Signed up', { method: pickBy(r, [['e-mail', 6], ['google', 4]]) });
        if (p.verifies) send('E-mail verified');
    }
    for (let n = 1 + r.below(5); n > 0; n--) {
        const category = r.pick(categories);
        if (r.chance(0.25)) send('Searched', { words: r.chance(0.15) ? `${r.pick(words)} for ${user(p)}` : r.pick(words), results: r.below(40) });
        send('Item viewed', { category, price: 5 + r.below(60) });
        if (!r.chance(0.3)) continue;
        send('Item added', { category, quantity: 1 + r.below(3) });
        if (known && p.pays && r.chance(0.7)) return checkout(r, p, day, category, send);
    }
    if (known && r.chance(0.06)) send('Teammate invited', { role: pickBy(r, [['editor', 3], ['viewer', 2]]) });
}
function checkout(r, p, day, category, send) {
    send('Checkout begun', { category });
    const broken = day === 72 && p.os === 'iOS';
    if (broken && r.chance(0.8)) return send('Error shown', { code: 'payment_failed', category });
    if (r.chance(0.12)) return send('Error shown', { code: r.pick(['card_declined', 'timeout']), category });
    if (!r.chance(0.75)) return undefined;
    if (!p.plan && r.chance(0.2)) p.plan = r.pick(['pro', 'team']);
    return send('Order paid', { category, revenue: Math.round((8 + 60 * r.next() ** 2) * 100) / 100, coupon: r.chance(0.15) });
}

// All events up to `end` (ms), oldest visit first within a person.
export function eventsUntil(end) {
    const r = random(90), all = [], begin = Math.floor(end / 86400e3) * 86400e3 - (story.days - 1) * 86400e3;
    const list = people(r);
    const take = (p, day, first) => visit(r, p, Math.min(day, story.days - 1), first, (event, t, properties) => {
        const time = begin + t;
        if (time < end) all.push({ event, properties: { time, $insert_id: `demo-${all.length}`, ...properties } });
    });
    for (const p of list) take(p, p.day, true);
    const regulars = list.filter((p) => p.day < story.days - 1);
    for (let guard = 0; all.length < story.events && guard < story.events; guard++) {
        const p = regulars[Math.floor(regulars.length * r.next())];
        if (p.stays > 0.05 || r.chance(0.2)) take(p, visitDay(r, p), false);
    }
    return { events: all.slice(0, story.events).sort((a, b) => a.properties.time - b.properties.time), people: list };
}

// What the product knows of its customers and their teams.
export function profilesOf(list) {
    const users = list.filter((p) => p.signs).map((p) => ({ $distinct_id: user(p), $set: { $email: user(p), $name: `Customer ${p.id}`, plan: p.plan ?? 'free', country: p.country, first_source: p.source, team: p.company } }));
    const teams = [...new Set(list.filter((p) => p.signs).map((p) => p.company))].map((id, i) => ({ $group_key: 'team', $group_id: id, $set: { size: 1 + ((i * 37) % 60), industry: ['design', 'retail', 'education', 'media'][i % 4] } }));
    return { users, teams };
}
