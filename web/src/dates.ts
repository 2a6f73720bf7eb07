// Days as "YYYY-MM-DD" in the project's timezone; arithmetic on them is in UTC, so that no clock change bends it.

export const INTERVALS = ['minute', 'hour', 'day', 'week', 'month', 'total'] as const;
export type Interval = (typeof INTERVALS)[number];

export const PRESETS: { id: string; text: string; days: number }[] = [
    { id: 'today', text: 'Today', days: 1 },
    { id: '7d', text: '7 d', days: 7 },
    { id: '30d', text: '30 d', days: 30 },
    { id: '90d', text: '90 d', days: 90 },
    { id: '12m', text: '12 m', days: 365 },
];

const DAY_MS = 86_400_000;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

export interface Days {
    from: string;
    to: string;
}

const stamp = (day: string): number => Date.parse(`${day}T00:00:00Z`);

export const isDay = (s: string | undefined): s is string => !!s && DAY.test(s) && !Number.isNaN(stamp(s));

export function today(timezone: string): string {
    const now = new Date();
    try {
        const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, year: 'numeric', month: '2-digit', day: '2-digit' });
        const part = Object.fromEntries(format.formatToParts(now).map((p) => [p.type, p.value]));
        return `${part['year']}-${part['month']}-${part['day']}`;
    } catch {
        return now.toISOString().slice(0, 10);
    }
}

export const addDays = (day: string, n: number): string => new Date(stamp(day) + n * DAY_MS).toISOString().slice(0, 10);

export const daysBetween = (d: Days): number => Math.round((stamp(d.to) - stamp(d.from)) / DAY_MS) + 1;

/** "30d" or "2026-01-01..2026-01-31" as days; what cannot be read is the last 30 days. */
export function resolve(range: string, timezone: string): Days {
    const [from, to] = range.split('..');
    if (isDay(from) && isDay(to) && from <= to) return { from, to };
    const end = today(timezone);
    const days = PRESETS.find((p) => p.id === range)?.days ?? 30;
    return { from: addDays(end, 1 - days), to: end };
}

/** The same number of days, right before. */
export function before(d: Days): Days {
    const n = daysBetween(d);
    return { from: addDays(d.from, -n), to: addDays(d.to, -n) };
}

/** Intervals that give a chart between two and some hundreds of points. */
export function intervalsFor(d: Days): Interval[] {
    const n = daysBetween(d);
    return INTERVALS.filter((i) => {
        if (i === 'minute') return n <= 1;
        if (i === 'hour') return n <= 14;
        if (i === 'day') return n > 1 && n <= 732;
        if (i === 'week') return n > 7;
        if (i === 'month') return n > 31;
        return true;
    });
}

const shown = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
    new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', ...options });
const dayMonth = shown({ day: 'numeric', month: 'short' });
const dayMonthYear = shown({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
const monthYear = shown({ month: 'short', year: 'numeric' });

/** A bucket on an axis: "12 Jan", "Jan 2026", "14:00". */
export function bucketShort(bucket: string, interval: Interval): string {
    if (interval === 'hour' || interval === 'minute') return bucket.slice(11, 16) || bucket;
    if (!isDay(bucket)) return bucket;
    return (interval === 'month' ? monthYear : dayMonth).format(stamp(bucket));
}

/** A bucket in a tooltip: "Mon, 12 Jan 2026", "Week of …". */
export function bucketLong(bucket: string, interval: Interval): string {
    const day = bucket.slice(0, 10);
    if (!isDay(day)) return bucket;
    if (interval === 'hour' || interval === 'minute') return `${dayMonthYear.format(stamp(day))}, ${bucket.slice(11, 16)}`;
    if (interval === 'month') return monthYear.format(stamp(day));
    return (interval === 'week' ? 'Week of ' : '') + dayMonthYear.format(stamp(day));
}

/** Whether the bucket has begun but not ended, so that its value will still grow. */
export function isRunning(bucket: string, interval: Interval, timezone: string): boolean {
    const now = today(timezone);
    if (interval === 'day') return bucket === now;
    if (interval === 'week') return bucket <= now && addDays(bucket, 7) > now;
    if (interval === 'month') return bucket.slice(0, 7) === now.slice(0, 7);
    const length = interval === 'hour' ? 3_600_000 : 60_000;
    return interval !== 'total' && Date.parse(bucket) + length > Date.now();
}

const clock = new Map<string, Intl.DateTimeFormat>();

/** A moment in the project's timezone, to the second. */
export function moment(time: string | null, timezone: string): string {
    if (!time) return '–';
    const at = Date.parse(time);
    if (Number.isNaN(at)) return time;
    let format = clock.get(timezone);
    if (!format) {
        const options: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'medium', timeZone: timezone };
        format = new Intl.DateTimeFormat('en-GB', options);
        clock.set(timezone, format);
    }
    return format.format(at);
}
