// zone.mjs: local time of a named zone by asking Intl, instant by instant. Slow and obvious. Instants are whole
// microseconds since 1970 UTC; days are "2026-01-31".
export const SECOND = 1e6, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

const formats = new Map(), offsets = new Map();

// Seconds east of UTC at an instant.
export function offset(zone, t) {
    if (zone === 'UTC') return 0;
    const quarter = Math.floor(t / (15 * MINUTE)); // rules change at quarters of an hour
    const key = `${zone} ${quarter}`;
    if (!offsets.has(key)) {
        if (!formats.has(zone)) {
            formats.set(zone, new Intl.DateTimeFormat('en-US', {
                timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric',
            }));
        }
        const ms = quarter * 15 * 60 * 1000;
        const p = Object.fromEntries(formats.get(zone).formatToParts(new Date(ms)).map((x) => [x.type, Number(x.value)]));
        offsets.set(key, (Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) - ms) / 1000);
    }
    return offsets.get(key);
}

const wall = (zone, t) => t + offset(zone, t) * SECOND; // the clock on the wall, as if it were UTC
const iso = (t) => new Date(Math.floor(t / 1000)).toISOString();
export const dayOf = (zone, t) => iso(wall(zone, t)).slice(0, 10);
export const addDays = (day, n) => new Date(Date.parse(`${day}T00:00:00Z`) + n * 86400e3).toISOString().slice(0, 10);
export const mondayOf = (day) => addDays(day, -((new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7));
export const monthOf = (day) => `${day.slice(0, 7)}-01`;
export const nextMonth = (day) => monthOf(addDays(monthOf(day), 31));

// The first instant whose local day is `day` or later (a day may begin at 01:00 where clocks spring at midnight).
export function startOfDay(zone, day) {
    let t = (Date.parse(`${day}T00:00:00Z`) - 26 * 3600e3) * 1000;
    while (dayOf(zone, t) < day) t += 15 * MINUTE;
    return t;
}

// The first instant at which the wall shows `text` ("2026-01-31T14:30:00").
export function instantOf(zone, text) {
    const target = Date.parse(`${text}Z`) * 1000;
    for (let q = target - 26 * HOUR; q <= target + 26 * HOUR; q += 15 * MINUTE) {
        const t = target - offset(zone, q) * SECOND;
        if (t >= q && t < q + 15 * MINUTE && wall(zone, t) === target) return t;
    }
    throw new Error(`${text} does not exist in ${zone}`);
}

// "2026-03-29T02:00:00+01:00"
export function withOffset(zone, t) {
    const o = offset(zone, t), a = Math.abs(o), two = (n) => String(n).padStart(2, '0');
    return `${iso(wall(zone, t)).slice(0, 19)}${o < 0 ? '-' : '+'}${two(Math.floor(a / 3600))}:${two(Math.floor((a % 3600) / 60))}`;
}

// The interval that holds t: { label, start, end } (end is the start of the next).
export function intervalAt(zone, interval, t) {
    if (interval === 'hour' || interval === 'minute') {
        const size = interval === 'hour' ? HOUR : MINUTE, o = offset(zone, t) * SECOND;
        let start = Math.floor((t + o) / size) * size - o, end = start + size;
        while (offset(zone, start) * SECOND !== o) start += MINUTE; // an hour has one offset
        for (let e = end; e > t; e -= MINUTE) if (offset(zone, e) * SECOND !== o) end = e;
        return { label: withOffset(zone, start), start, end };
    }
    const day = dayOf(zone, t);
    const first = { day, week: mondayOf(day), month: monthOf(day) }[interval];
    const next = { day: addDays(day, 1), week: addDays(first, 7), month: nextMonth(day) }[interval];
    return { label: first, start: startOfDay(zone, first), end: startOfDay(zone, next) };
}

// All intervals that touch [from, to).
export function intervals(zone, interval, from, to) {
    const list = [];
    for (let t = from; t < to; ) {
        const i = intervalAt(zone, interval, t);
        list.push(i);
        t = i.end;
    }
    return list;
}
