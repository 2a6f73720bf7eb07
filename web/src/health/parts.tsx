// Small pieces that several views of the status desk share.
import type { JSX } from 'preact';
import { useHere } from '../context';
import type { ComponentState, Component, Desk, Incident, Phase } from './api';
import { ago, itemOf, PHASE_TEXT, phaseTone, STATE_TEXT, stateTone } from './words';

export interface DeskProps {
    desk: Desk;
    reload: () => void;
    mayWrite: boolean;
}

export const StatePill = ({ state }: { state: ComponentState }): JSX.Element => <span class={`pill ${stateTone(state)}`}>{STATE_TEXT[state]}</span>;
export const PhasePill = ({ phase }: { phase: Phase }): JSX.Element => <span class={`pill ${phaseTone(phase)}`}>{PHASE_TEXT[phase]}</span>;

export const nameOf = (components: Component[], id: string | null): string => components.find((c) => c.id === id)?.name ?? 'A removed component';

/** One incident as a line that opens it. */
export function IncidentRow({ incident, desk }: { incident: Incident; desk: Desk }): JSX.Element {
    const { nav } = useHere();
    const latest = incident.updates[0];
    return (
        <li>
            <button type="button" class="incident-row" onClick={() => nav.go('health', { tab: 'incidents', item: itemOf(incident) })}>
                <PhasePill phase={incident.status} />
                <span class="incident-name">{incident.name}</span>
                <span class="faint incident-where">{incident.components.map((id) => nameOf(desk.components, id)).join(', ')}</span>
                <time class="faint" dateTime={incident.started_at}>
                    {ago(incident.scheduled_for ?? incident.started_at, Date.parse(desk.now))}
                </time>
                {latest?.body && <span class="faint incident-last">{latest.body}</span>}
            </button>
        </li>
    );
}
