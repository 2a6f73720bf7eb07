// How states, phases and times of the status desk read.
import type { ComponentState, Evidence, Impact, Incident, Phase, Rule, Signal } from './api';
import { number, span } from '../format';

export const STATE_TEXT: Record<ComponentState, string> = {
    operational: 'Operational',
    under_maintenance: 'Maintenance',
    degraded_performance: 'Degraded',
    partial_outage: 'Partial outage',
    major_outage: 'Major outage',
};

export const PHASE_TEXT: Record<Phase, string> = {
    draft: 'Draft',
    investigating: 'Investigating',
    identified: 'Identified',
    monitoring: 'Monitoring',
    resolved: 'Resolved',
    postmortem: 'Postmortem',
    scheduled: 'Scheduled',
    in_progress: 'In progress',
    verifying: 'Verifying',
    completed: 'Completed',
};

export const IMPACT_TEXT: Record<Impact, string> = { none: 'None', minor: 'Minor', major: 'Major', critical: 'Critical', maintenance: 'Maintenance' };

export const RULE_TEXT: Record<Rule, string> = {
    off: 'Not watched',
    draft: 'Draft an incident and wait for a click',
    public: 'Open the incident on the page by itself',
};

export const KIND_TEXT: Record<Signal['kind'], string> = { reports: 'Problem reports', events: 'Events', errors: 'Errors' };

/** Which colour a state or phase has; styles are in health.css. */
export const stateTone = (s: ComponentState): string => ({ operational: 'good', under_maintenance: 'calm', degraded_performance: 'warn', partial_outage: 'warn', major_outage: 'bad' })[s];

export const phaseTone = (p: Phase): string =>
    p === 'resolved' || p === 'postmortem' || p === 'completed' ? 'good' : p === 'draft' || p === 'scheduled' || p === 'in_progress' || p === 'verifying' ? 'calm' : p === 'investigating' ? 'bad' : 'warn';

export const isOver = (i: Incident): boolean => i.status === 'resolved' || i.status === 'postmortem' || i.status === 'completed';

/** How the address names one: planned work has a list of its own at the server. */
export const itemOf = (i: Incident): string => (i.scheduled_for ? `planned-${i.id}` : i.id);
export const readItem = (item: string): { id: string; planned: boolean } => ({ id: item.replace(/^planned-/, ''), planned: item.startsWith('planned-') });

/** What a person can say next about an incident, likeliest first. */
export function nextPhases(i: Incident): Phase[] {
    if (i.scheduled_for) return ['scheduled', 'in_progress', 'verifying', 'completed'];
    return ['investigating', 'identified', 'monitoring', 'resolved'];
}

const clock = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
export const at = (iso: string | null): string => (iso ? clock.format(new Date(iso)) : '–');
export const between = (from: string, to: string): string => span((Date.parse(to) - Date.parse(from)) / 1000);

/** "Sunday 3:07" is hard to judge at night; "12 m ago" is not. */
export function ago(iso: string, now: number): string {
    const s = Math.max(0, (now - Date.parse(iso)) / 1000);
    return s < 60 ? 'just now' : `${span(s).split(' ').slice(0, 2).join(' ')} ago`;
}

/** One sentence that says why. */
export function because(e: Evidence): string {
    const where = [e.type, e.country && `in ${e.country}`].filter(Boolean).join(', ');
    const window = span(e.window_s);
    switch (e.source) {
        case 'reports':
            return `${number(e.seen)} reports${where ? ` (${where})` : ''} in ${window}, where ${number(e.expected)} are usual`;
        case 'events':
            return `${number(e.seen)} events${where ? ` (${where})` : ''} in ${window}, where ${number(e.expected)} are usual`;
        case 'errors':
            return `${number(e.seen)} errors${where ? ` (${where})` : ''} in ${window}, where ${number(e.expected)} are usual`;
        case 'probe':
            return 'A monitor found it down, confirmed by retries';
        case 'alert':
            return 'An alert from your own monitoring';
    }
}
