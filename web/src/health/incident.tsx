// One incident: why it was noticed, what was said, and what to say next; made for a phone at night.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useHere } from '../context';
import { number } from '../format';
import { useEvery, useLoad } from '../hooks';
import { Outcome, useChange, type Change } from '../ui/change';
import { IconButton, Segmented, Select } from '../ui/controls';
import { Failed, Waiting } from '../ui/states';
import { Affected } from './affected';
import { dropIncident, getIncident, mergeIncident, renameIncident, updateIncident, writePostmortem, type ComponentState, type Evidence, type Incident, type Phase } from './api';
import { nameOf, PhasePill, StatePill, type DeskProps } from './parts';
import { Spark } from './spark';
import { at, because, between, IMPACT_TEXT, isOver, nextPhases, readItem, PHASE_TEXT } from './words';

const INCIDENT_EVERY_MS = 10_000;

function Why({ evidence, desk }: { evidence: Evidence[]; desk: DeskProps['desk'] }): JSX.Element | null {
    if (!evidence.length) return null;
    return (
        <section class="card panel">
            <h2>Why</h2>
            {evidence.map((e, i) => (
                <div class="evidence" key={i}>
                    <p>
                        <strong>{nameOf(desk.components, e.component)}</strong> {because(e)}
                    </p>
                    {e.minutes.some((n) => n > 0) && <Spark minutes={e.minutes} expected={e.expected_minutes} label={because(e)} alarmed />}
                    <p class="faint">
                        Began {at(e.onset_at)}, noticed {between(e.onset_at, e.detected_at)} later
                        {e.source === 'reports' && `; ${number(e.prefixes)} networks' corners, ${number(e.verified)} reports verified by the person's own errors`}
                    </p>
                </div>
            ))}
        </section>
    );
}

function Said({ incident, desk }: { incident: Incident; desk: DeskProps['desk'] }): JSX.Element {
    return (
        <section class="card panel">
            <h2>What was said</h2>
            {!incident.updates.length && <p class="note">Nothing yet.</p>}
            <ol class="updates">
                {incident.updates.map((u) => (
                    <li key={u.id}>
                        <p>
                            <PhasePill phase={u.status} /> <time class="faint">{at(u.display_at)}</time>
                            {u.notify && <span class="faint"> · told to subscribers</span>}
                        </p>
                        {u.body && <p class="update-body">{u.body}</p>}
                        {u.affected.map((a) => (
                            <p class="faint" key={a.component}>
                                {nameOf(desk.components, a.component)}: <StatePill state={a.to} />
                            </p>
                        ))}
                    </li>
                ))}
            </ol>
            {incident.postmortem && <p class="update-body">{incident.postmortem}</p>}
        </section>
    );
}

/** What people mostly write at this point; the field starts with it. */
const SUGGESTED: Partial<Record<Phase, string>> = {
    investigating: 'We are looking into it. The next update follows within 30 minutes.',
    identified: 'We have found the cause and are working on a fix.',
    monitoring: 'A fix is in place. We are watching that it holds.',
    resolved: 'This is resolved.',
};

interface FormProps extends DeskProps {
    incident: Incident;
    change: Change;
}

function phaseAfter(i: Incident): Phase {
    const list = nextPhases(i);
    if (i.status === 'draft') return 'investigating';
    return list[Math.min(list.length - 1, list.indexOf(i.status) + 1)] ?? 'investigating';
}

function SayNext({ incident, desk, change }: FormProps): JSX.Element {
    const [phase, setPhase] = useState<Phase>(phaseAfter(incident));
    const [body, setBody] = useState<string | null>(null);
    const [states, setStates] = useState<Record<string, ComponentState>>({});
    const [notify, setNotify] = useState(true);
    const drafted = incident.status === 'draft' ? incident.updates[0]?.body : undefined;
    const words = body ?? drafted ?? SUGGESTED[phase] ?? '';
    const submit = (e: Event): void => {
        e.preventDefault();
        const done = incident.status === 'draft' ? 'It is on the page.' : 'Said, and on the page.';
        void change.run('say', () => updateIncident(incident, { status: phase, body: words, components: states, notify }), done).then((ok) => {
            if (!ok) return;
            setBody(null);
            setStates({});
        });
    };
    return (
        <section class="card panel say">
            <h2>{incident.status === 'draft' ? 'Put it on the page' : 'Say what is new'}</h2>
            <form class="form" onSubmit={submit}>
                <Segmented label="Where it stands" value={phase} options={nextPhases(incident).map((p) => ({ id: p, text: PHASE_TEXT[p] }))} onPick={setPhase} />
                <textarea class="box tall-text" aria-label="What is new" rows={4} maxLength={10000} required value={words} onInput={(e) => setBody(e.currentTarget.value)} />
                {phase !== 'resolved' && phase !== 'completed' && <Affected components={desk.components} value={states} onPick={setStates} />}
                <label class="check">
                    <input type="checkbox" checked={notify} onChange={(e) => setNotify(e.currentTarget.checked)} /> Tell the subscribers
                </label>
                <button type="submit" class="primary large" disabled={change.busy !== ''}>
                    {incident.status === 'draft' ? 'Open it on the page' : phase === 'resolved' ? 'Resolve' : 'Say it'}
                </button>
            </form>
        </section>
    );
}

function Postmortem({ incident, change }: Pick<FormProps, 'incident' | 'change'>): JSX.Element {
    const [body, setBody] = useState(incident.postmortem);
    return (
        <section class="card panel">
            <h2>Postmortem</h2>
            <p class="note">What happened, why, and what you changed. It stands on the incident's page.</p>
            <form class="form" onSubmit={(e) => (e.preventDefault(), void change.run('post', () => writePostmortem(incident, body), 'Published.'))}>
                <textarea class="box tall-text" aria-label="Postmortem" rows={6} maxLength={20000} required value={body} onInput={(e) => setBody(e.currentTarget.value)} />
                <button type="submit" class="quiet" disabled={change.busy !== ''}>
                    Publish it
                </button>
            </form>
        </section>
    );
}

function Facts({ incident }: { incident: Incident }): JSX.Element {
    const rows: [string, string][] = incident.scheduled_for
        ? [
              ['From', at(incident.scheduled_for)],
              ['Until', at(incident.scheduled_until)],
          ]
        : [
              ['Began', at(incident.started_at)],
              ['Noticed', incident.detected_at ? `${between(incident.started_at, incident.detected_at)} later` : 'by a person'],
              ['Impact', IMPACT_TEXT[incident.impact]],
              ['People affected', incident.people === null ? 'not known' : number(incident.people)],
              ['Resolved', incident.resolved_at ? `${at(incident.resolved_at)}, after ${between(incident.started_at, incident.resolved_at)}` : 'not yet'],
          ];
    return (
        <dl class="incident-facts">
            {rows.map(([name, value]) => (
                <div key={name}>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            ))}
        </dl>
    );
}

function Sorting({ incident, desk, change, reload }: FormProps): JSX.Element | null {
    const { nav } = useHere();
    const others = desk.incidents.filter((i) => i.id !== incident.id);
    const mayGo = incident.status === 'draft' || incident.status === 'scheduled';
    const away = (): void => {
        reload();
        nav.go('health', { tab: 'incidents' });
    };
    const merge = (into: string): void => void (into && change.run('merge', () => mergeIncident(incident, into), 'Merged.').then((ok) => ok && nav.go('health', { tab: 'incidents', item: into })));
    if (!mayGo && !others.length) return null;
    return (
        <section class="card panel">
            {others.length > 0 && !incident.scheduled_for && (
                <Select label="Merge into" value="" options={[{ id: '', text: 'The same as another one? Merge into…' }, ...others.map((i) => ({ id: i.id, text: i.name }))]} onPick={merge} />
            )}
            {mayGo && (
                <button type="button" class="quiet" disabled={change.busy !== ''} onClick={() => void change.run('drop', () => dropIncident(incident), 'Gone.').then((ok) => ok && away())}>
                    {incident.status === 'draft' ? 'It is nothing: drop the draft' : 'Call it off'}
                </button>
            )}
        </section>
    );
}

function Title({ incident, mayWrite, change }: { incident: Incident; mayWrite: boolean; change: Change }): JSX.Element {
    const { nav } = useHere();
    const rename = (e: Event & { currentTarget: HTMLInputElement }): void => {
        const name = e.currentTarget.value.trim();
        if (name && name !== incident.name) void change.run('name', () => renameIncident(incident, name), 'Renamed.');
    };
    return (
        <header class="incident-title">
            <IconButton icon="back" label="All incidents" onClick={() => nav.go('health', { tab: 'incidents' })} />
            {mayWrite ? <input class="box" aria-label="Name of the incident" maxLength={200} defaultValue={incident.name} onChange={rename} /> : <h2>{incident.name}</h2>}
            <PhasePill phase={incident.status} />
        </header>
    );
}

export function IncidentView({ item, desk, reload, mayWrite }: DeskProps & { item: string }): JSX.Element {
    const { id, planned } = readItem(item);
    const { data, error, reload: again } = useLoad(`incident/${id}`, getIncident(id, planned));
    const change = useChange(() => {
        again();
        reload();
    });
    useEvery(INCIDENT_EVERY_MS, again);
    if (error && !data) return <Failed error={error} retry={again} />;
    if (!data) return <Waiting label="Loading the incident" />;
    const form = { incident: data, desk, reload, mayWrite, change };
    return (
        <div class="incident-view">
            <Title key={data.name} incident={data} mayWrite={mayWrite} change={change} />
            <Outcome change={change} />
            <div class="incident-columns">
                <div class="incident-column">
                    {mayWrite && !isOver(data) && <SayNext key={data.status} {...form} />}
                    {mayWrite && isOver(data) && !data.scheduled_for && <Postmortem key={data.postmortem} {...form} />}
                    <Said incident={data} desk={desk} />
                </div>
                <div class="incident-column">
                    <section class="card panel">
                        <Facts incident={data} />
                    </section>
                    <Why evidence={data.evidence ?? []} desk={desk} />
                    {mayWrite && <Sorting {...form} />}
                </div>
            </div>
        </div>
    );
}
