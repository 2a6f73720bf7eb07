// From the state of a report to the JSON that is asked.
import { daysBetween, intervalsFor, type Days, type Interval } from './dates';
import type { State } from './state';
import type { EventRef, Filter, Lexicon } from './types';

export const MEASURES: { id: string; text: string; property?: boolean }[] = [
    { id: 'total', text: 'Total events' },
    { id: 'unique', text: 'Unique people' },
    { id: 'per_user_total', text: 'Events per person' },
    { id: 'sessions', text: 'Sessions' },
    { id: 'dau', text: 'DAU' },
    { id: 'wau', text: 'WAU' },
    { id: 'mau', text: 'MAU' },
    { id: 'sum', text: 'Sum of', property: true },
    { id: 'average', text: 'Average of', property: true },
    { id: 'median', text: 'Median of', property: true },
    { id: 'p25', text: '25th percentile of', property: true },
    { id: 'p75', text: '75th percentile of', property: true },
    { id: 'p90', text: '90th percentile of', property: true },
    { id: 'p99', text: '99th percentile of', property: true },
    { id: 'min', text: 'Minimum of', property: true },
    { id: 'max', text: 'Maximum of', property: true },
    { id: 'distinct', text: 'Distinct values of', property: true },
    { id: 'per_user_sum', text: 'Sum per person of', property: true },
];

export const needsProperty = (measure: string): boolean => !!MEASURES.find((m) => m.id === measure)?.property;

const NO_VALUE = ['set', 'not_set', 'is_true', 'is_false'];

/** A filter still being written asks nothing. */
export function isWhole(f: Filter): boolean {
    if (!f.property) return false;
    if (NO_VALUE.includes(f.op)) return true;
    if (Array.isArray(f.value)) {
        const missing = f.value.some((v) => v === '');
        return f.op === 'between' ? f.value.length === 2 && !missing : f.value.length > 0;
    }
    return f.value !== undefined && f.value !== '';
}

const whole = (filters: Filter[] | undefined): Filter[] => (filters ?? []).filter(isWhole);

/** The events a fresh report starts from: the product's own, most frequent first. */
export function leading(lexicon: Lexicon): (string | null)[] {
    const own = lexicon.events.filter((e) => !e.name.startsWith('$') && !e.name.startsWith('sealed:'));
    const names = (own.length ? own : lexicon.events).map((e) => e.name);
    return names.length ? names : [null];
}

/** The state with the blanks filled, so that every page opens on a picture. */
export function filled(s: State, lexicon: Lexicon, days: Days): State {
    const lead = leading(lexicon);
    const second = lead[1] ?? lead[0] ?? null;
    const fits = intervalsFor(days);
    const finest: Interval = daysBetween(days) === 1 ? 'hour' : daysBetween(days) > 732 ? 'week' : 'day';
    return {
        ...s,
        interval: fits.includes(s.interval) ? s.interval : finest,
        metrics: s.metrics.length ? s.metrics : [{ event: lead[0] ?? null, measure: 'total' }],
        steps: s.steps.length ? s.steps : [{ event: lead[0] ?? null }, { event: second }],
        start: s.start.event === null && !s.start.filters ? { event: lead[0] ?? null } : s.start,
        anchor: s.anchor.event === null ? { ...s.anchor, event: lead[0] ?? null } : s.anchor,
    };
}

function asked(e: EventRef, common: Filter[]): { event: string | null; filters?: Filter[] } {
    const filters = [...whole(e.filters), ...common];
    return { event: e.event, ...(filters.length ? { filters } : {}) };
}

export function insightsQuery(project: number, s: State, days: Days): object {
    return {
        project,
        report: 'insights',
        ...days,
        interval: s.interval,
        metrics: s.metrics.map((m) => ({
            ...asked(m, []),
            measure: m.measure,
            ...(needsProperty(m.measure) ? { property: m.property } : {}),
        })),
        ...(s.formula.trim() ? { formula: s.formula.trim() } : {}),
        filters: whole(s.filters),
        breakdown: s.breakdown,
        limit: s.limit,
    };
}

export function funnelQuery(project: number, s: State, days: Days): object {
    const common = whole(s.filters);
    return {
        project,
        report: 'funnel',
        ...days,
        steps: s.steps.map((step) => asked(step, common)),
        window: { value: s.window, unit: s.unit },
        order: s.order,
        ...(s.exclude.length ? { exclude: s.exclude } : {}),
        ...(s.hold.length ? { hold: s.hold } : {}),
        breakdown: s.breakdown,
        limit: s.limit,
    };
}

export function retentionQuery(project: number, s: State, days: Days): object {
    const common = whole(s.filters);
    return {
        project,
        report: 'retention',
        ...days,
        interval: s.every,
        periods: s.periods,
        start: asked(s.start, common),
        return: asked(s.back, common),
        start_mode: s.first,
        mode: s.mode,
    };
}

export function flowsQuery(project: number, s: State, days: Days): object {
    return {
        project,
        report: 'flows',
        ...days,
        anchor: asked(s.anchor, whole(s.filters)),
        forward: s.forward,
        backward: s.backward,
        rows: s.rows,
        window: { value: s.window, unit: s.unit },
    };
}

export function eventsQuery(project: number, s: State, days: Days, limit: number): object {
    return {
        project,
        report: 'events',
        ...days,
        ...(s.event ? { event: s.event } : {}),
        ...(s.who ? { distinct_id: s.who } : {}),
        filters: whole(s.filters),
        limit,
    };
}

export const USERS_PER_PAGE = 50;

export function usersQuery(project: number, s: State): object {
    return {
        project,
        report: 'users',
        ...(s.who ? { distinct_ids: [s.who] } : {}),
        filters: whole(s.traits),
        limit: USERS_PER_PAGE,
        page: s.at,
    };
}
