// How numbers, shares, spans of time and labels read.
import type { Label } from './types';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const two = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export function number(n: number | null | undefined): string {
    if (n === null || n === undefined) return '–';
    return Math.abs(n) >= 1000 || Number.isInteger(n) ? whole.format(n) : two.format(n);
}

export const compact = (n: number): string => short.format(n);

export function percent(share: number | null | undefined): string {
    if (share === null || share === undefined || !Number.isFinite(share)) return '–';
    const p = share * 100;
    return `${p > 0 && p < 10 ? p.toFixed(1) : p.toFixed(p === 100 || p === 0 ? 0 : 1)} %`;
}

export function bytes(n: number): string {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let at = 0;
    for (; n >= 1000 && at < units.length - 1; at++) n /= 1000;
    return `${n < 10 && at > 0 ? n.toFixed(1) : Math.round(n)} ${units[at]}`;
}

/** Seconds as the two largest units: "4 m 10 s", "2 d 3 h". */
export function span(seconds: number | null | undefined): string {
    if (seconds === null || seconds === undefined) return '–';
    if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
    const units: [number, string][] = [
        [86400, 'd'],
        [3600, 'h'],
        [60, 'm'],
        [1, 's'],
    ];
    const first = units.findIndex(([size]) => seconds >= size);
    let rest = Math.round(seconds);
    return units
        .slice(first, first + 2)
        .map(([size, name]) => {
            const n = Math.floor(rest / size);
            rest -= n * size;
            return n ? `${n} ${name}` : '';
        })
        .filter(Boolean)
        .join(' ');
}

const SEALED = /^sealed:([0-9a-f]{32})$/;

/** The first four digits of a sealed label's handle; null for readable text. */
export function sealedHead(v: unknown): string | null {
    return typeof v === 'string' ? (SEALED.exec(v)?.[1]?.slice(0, 4) ?? null) : null;
}

/** A label as plain text, for charts and for people who copy it. */
export function plain(v: Label | undefined): string {
    if (v === null || v === undefined || v === '$none') return '(not set)';
    if (v === '$other') return 'Other';
    const head = sealedHead(v);
    if (head) return `sealed ${head}…`;
    return v === '' ? '(empty)' : String(v);
}

/** An event or property name as people read it: the trackers' own names lose their sigil. */
export function pretty(name: string | null): string {
    if (name === null) return 'Any event';
    return OWN_NAMES[name] ?? plain(name);
}

const OWN_NAMES: Record<string, string> = {
    $mp_web_page_view: 'Page view',
    $mp_click: 'Click',
    $session_start: 'Session start',
    $session_end: 'Session end',
    $name: 'Name',
    $email: 'Email',
    $first_name: 'First name',
    $last_name: 'Last name',
    $phone: 'Phone',
    $os: 'Operating system',
    $browser: 'Browser',
    $browser_version: 'Browser version',
    $device: 'Device',
    $city: 'City',
    $region: 'Region',
    mp_country_code: 'Country',
    $current_url: 'Current URL',
    $referrer: 'Referrer',
    $referring_domain: 'Referring domain',
    $initial_referring_domain: 'First referring domain',
    $screen_height: 'Screen height',
    $screen_width: 'Screen width',
    mp_lib: 'Library',
    $lib_version: 'Library version',
};
