// One component: what people read of it, what they can report, and what is watched.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Outcome, useChange } from '../ui/change';
import { componentIsNormal, dropComponent, saveComponent, type Component, type EventFilter, type Rule } from './api';
import { Filters } from './filters';
import { RULE_TEXT } from './words';

const text = (form: FormData, name: string): string => String(form.get(name) ?? '').trim();
const NO_GROUP = '';
const KIND_GROUP = 'group';

interface Props {
    component: Component | null;
    groups: Component[];
    onDone: () => void;
}

function Watching({ component, onEvents, onErrors, events, errors }: { component: Component | null; events: EventFilter[]; errors: EventFilter[]; onEvents: (f: EventFilter[]) => void; onErrors: (f: EventFilter[]) => void }): JSX.Element {
    return (
        <>
            <label class="labelled">
                <span>When something is not ordinary</span>
                <select class="select" name="rule">
                    {(Object.keys(RULE_TEXT) as Rule[]).map((r) => (
                        <option key={r} value={r} selected={r === (component?.rule ?? 'draft')}>
                            {RULE_TEXT[r]}
                        </option>
                    ))}
                </select>
            </label>
            <label class="labelled">
                <span>What people can report, one per line</span>
                <textarea class="box tall-text" name="types" rows={4} defaultValue={(component?.types ?? ['Does not load', 'Errors', 'Slow', 'Other']).join('\n')} />
            </label>
            <Filters title="Its traffic: a drop is noticed" value={events} onPick={onEvents} />
            <Filters title="Its errors: a larger share of the traffic is noticed" value={errors} onPick={onErrors} />
        </>
    );
}

export function ComponentForm({ component, groups, onDone }: Props): JSX.Element {
    const change = useChange(() => undefined);
    const [isGroup, setGroup] = useState(component?.is_group ?? false);
    const [events, setEvents] = useState(component?.events ?? []);
    const [errors, setErrors] = useState(component?.errors ?? []);
    const after = (ok: boolean): void => {
        if (ok) onDone();
    };
    const submit = (e: Event): void => {
        e.preventDefault();
        const form = new FormData(e.currentTarget as HTMLFormElement);
        const common = { name: text(form, 'name'), description: text(form, 'description'), ...(component ? {} : { is_group: isGroup }) };
        const types = text(form, 'types').split('\n').map((t) => t.trim()).filter(Boolean);
        const watched = isGroup ? {} : { group: text(form, 'group') || null, rule: text(form, 'rule'), types, events, errors };
        void change.run('save', () => saveComponent(component?.id ?? null, { ...common, ...watched }), '').then(after);
    };
    return (
        <form class="form component-form" onSubmit={submit}>
            <label class="labelled">
                <span>Name</span>
                <input class="box" name="name" required maxLength={100} autocomplete="off" defaultValue={component?.name ?? ''} />
            </label>
            <label class="labelled">
                <span>A sentence about it</span>
                <input class="box" name="description" maxLength={300} autocomplete="off" defaultValue={component?.description ?? ''} />
            </label>
            {!component && (
                <label class="check">
                    <input type="checkbox" checked={isGroup} onChange={(e) => setGroup(e.currentTarget.checked)} value={KIND_GROUP} /> It only groups others
                </label>
            )}
            {!isGroup && groups.length > 0 && (
                <label class="labelled">
                    <span>Group</span>
                    <select class="select" name="group">
                        <option value={NO_GROUP}>None</option>
                        {groups.map((g) => (
                            <option key={g.id} value={g.id} selected={g.id === component?.group}>
                                {g.name}
                            </option>
                        ))}
                    </select>
                </label>
            )}
            {!isGroup && <Watching component={component} events={events} errors={errors} onEvents={setEvents} onErrors={setErrors} />}
            <div class="form-actions">
                <button type="submit" class="primary" disabled={change.busy !== ''}>
                    {component ? 'Save' : 'Add it'}
                </button>
                {component && !isGroup && (
                    <button type="button" class="quiet" data-tip="Forgets what was usual, closes what is open of it, and learns anew" onClick={() => void change.run('normal', () => componentIsNormal(component.id), 'It learns anew.')}>
                        This is normal now
                    </button>
                )}
                {component && (
                    <button type="button" class="quiet" onClick={() => confirm(`Remove ${component.name} with its history?`) && void change.run('drop', () => dropComponent(component.id), '').then(after)}>
                        Remove
                    </button>
                )}
            </div>
            <Outcome change={change} />
        </form>
    );
}
