// What a report asks, held in the address: #/<project>/<page>?key=value. A link reopens the same report; Back undoes an edit.
import type { Interval } from './dates';
import type { EventRef, Filter, Metric, PropertyRef } from './types';

export const PAGES = ['insights', 'funnel', 'retention', 'flows', 'users', 'events', 'live', 'health', 'data', 'setup'] as const;
export type Page = (typeof PAGES)[number];

export type ChartKind = 'line' | 'stacked' | 'column' | 'bar';

export interface Exclusion {
    event: string;
    after_step: number;
}

export interface State {
    range: string;
    interval: Interval;
    chart: ChartKind;
    compare: boolean;
    metrics: Metric[];
    formula: string;
    filters: Filter[];
    breakdown: PropertyRef[];
    limit: number;
    steps: EventRef[];
    window: number;
    unit: string;
    order: string;
    exclude: Exclusion[];
    hold: PropertyRef[];
    start: EventRef;
    back: EventRef;
    first: string;
    mode: string;
    every: Interval;
    periods: number;
    anchor: EventRef;
    forward: number;
    backward: number;
    rows: number;
    who: string;
    event: string;
    traits: Filter[];
    at: number;
    tab: string;
    item: string;
}

export const DEFAULTS: State = {
    range: '30d',
    interval: 'day',
    chart: 'line',
    compare: false,
    metrics: [],
    formula: '',
    filters: [],
    breakdown: [],
    limit: 10,
    steps: [],
    window: 7,
    unit: 'day',
    order: 'ordered',
    exclude: [],
    hold: [],
    start: { event: null },
    back: { event: null },
    first: 'first_in_range',
    mode: 'on',
    every: 'week',
    periods: 8,
    anchor: { event: null },
    forward: 3,
    backward: 0,
    rows: 8,
    who: '',
    event: '',
    traits: [],
    at: 0,
    tab: 'board',
    item: '',
};

const KEYS = Object.keys(DEFAULTS) as (keyof State)[];

/** What each page keeps in its address; range, interval, filters and breakdown are carried from page to page. */
const SHARED: (keyof State)[] = ['range', 'interval', 'filters', 'breakdown', 'limit'];

export interface Place {
    project: number | null;
    page: Page;
    state: State;
}

function readValue(key: keyof State, raw: string): unknown {
    const like = DEFAULTS[key];
    if (typeof like === 'string') return raw;
    try {
        const value: unknown = JSON.parse(raw);
        const fits = typeof value === typeof like && Array.isArray(value) === Array.isArray(like) && value !== null;
        return fits ? value : like;
    } catch {
        return like;
    }
}

export function decode(hash: string): Place {
    const [path = '', search = ''] = hash.replace(/^#/, '').split('?');
    const [, project, page] = path.split('/');
    const state: Record<string, unknown> = { ...DEFAULTS };
    const params = new URLSearchParams(search);
    for (const key of KEYS) {
        const raw = params.get(key);
        if (raw !== null) state[key] = readValue(key, raw);
    }
    return {
        project: project && /^\d+$/.test(project) ? Number(project) : null,
        page: PAGES.find((p) => p === page) ?? 'insights',
        state: state as unknown as State,
    };
}

export function encode(project: number, page: Page, state: Partial<State>): string {
    const params = new URLSearchParams();
    for (const key of KEYS) {
        const value = state[key];
        if (value === undefined) continue;
        const text = typeof value === 'string' ? value : JSON.stringify(value);
        const same = typeof value === 'string' ? value === DEFAULTS[key] : text === JSON.stringify(DEFAULTS[key]);
        if (!same) params.set(key, text);
    }
    const search = params.toString();
    return `#/${project}/${page}${search ? `?${search}` : ''}`;
}

/** The address of another page that keeps what both share. */
export function elsewhere(place: Place, page: Page): string {
    const kept: Partial<State> = Object.fromEntries(SHARED.map((key) => [key, place.state[key]]));
    return encode(place.project ?? 0, page, kept);
}
