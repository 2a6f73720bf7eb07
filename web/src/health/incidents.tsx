// The list of incidents and planned maintenance, and the two forms that begin one.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useHere } from '../context';
import { useLoad } from '../hooks';
import { Outcome, useChange } from '../ui/change';
import { AddButton, Segmented } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { Calm, Failed, Waiting } from '../ui/states';
import { getIncidents, getMaintenances, openIncident, planMaintenance, type ComponentState, type Incident } from './api';
import { Affected } from './affected';
import { IncidentRow, type DeskProps } from './parts';
import { itemOf } from './words';

const SHOWN = [
    { id: 'all', text: 'All' },
    { id: 'open', text: 'Open' },
    { id: 'draft', text: 'Drafts' },
    { id: 'planned', text: 'Maintenance' },
] as const;
type Shown = (typeof SHOWN)[number]['id'];

const text = (form: FormData, name: string): string => String(form.get(name) ?? '').trim();

type Opened = (i: Incident) => void;

function OpenForm({ desk, onOpened }: Pick<DeskProps, 'desk'> & { onOpened: Opened }): JSX.Element {
    const change = useChange(() => undefined);
    const [states, setStates] = useState<Record<string, ComponentState>>({});
    const submit = (e: Event): void => {
        e.preventDefault();
        const form = new FormData(e.currentTarget as HTMLFormElement);
        const draft = form.get('draft') !== null;
        const body = { name: text(form, 'name'), body: text(form, 'body'), status: draft ? 'draft' : 'investigating', components: states, notify: form.get('notify') !== null };
        void change.run('open', () => openIncident(body).then(onOpened), '');
    };
    return (
        <form class="form" onSubmit={submit}>
            <label class="labelled">
                <span>What people notice</span>
                <input class="box" name="name" required maxLength={200} placeholder="Payments fail" autocomplete="off" />
            </label>
            <label class="labelled">
                <span>What you know</span>
                <textarea class="box tall-text" name="body" rows={3} maxLength={10000} placeholder="We are looking into failing card payments. Next update within 30 minutes." />
            </label>
            <Affected components={desk.components} value={states} onPick={setStates} />
            <label class="check">
                <input type="checkbox" name="notify" defaultChecked /> Tell the subscribers
            </label>
            <label class="check">
                <input type="checkbox" name="draft" /> Keep it as a draft for now
            </label>
            <button type="submit" class="primary" disabled={change.busy !== ''}>
                Open the incident
            </button>
            <Outcome change={change} />
        </form>
    );
}

function PlanForm({ desk, onOpened }: Pick<DeskProps, 'desk'> & { onOpened: Opened }): JSX.Element {
    const change = useChange(() => undefined);
    const submit = (e: Event): void => {
        e.preventDefault();
        const form = new FormData(e.currentTarget as HTMLFormElement);
        const body = {
            name: text(form, 'name'),
            body: text(form, 'body'),
            scheduled_for: text(form, 'from'),
            scheduled_until: text(form, 'to'),
            components: form.getAll('component').map(String),
            notify: form.get('notify') !== null,
            auto_begin: true,
            auto_end: true,
        };
        void change.run('plan', () => planMaintenance(body).then(onOpened), '');
    };
    return (
        <form class="form" onSubmit={submit}>
            <label class="labelled">
                <span>What will be done</span>
                <input class="box" name="name" required maxLength={200} placeholder="Database upgrade" autocomplete="off" />
            </label>
            <label class="labelled">
                <span>What people will notice</span>
                <textarea class="box tall-text" name="body" rows={2} maxLength={10000} />
            </label>
            <div class="two-boxes">
                <label class="labelled">
                    <span>From ({desk.page.time_zone})</span>
                    <input class="box" type="datetime-local" name="from" required />
                </label>
                <label class="labelled">
                    <span>Until</span>
                    <input class="box" type="datetime-local" name="to" required />
                </label>
            </div>
            <fieldset class="ticks">
                <legend>Components</legend>
                {desk.components
                    .filter((c) => !c.is_group)
                    .map((c) => (
                        <label class="check" key={c.id}>
                            <input type="checkbox" name="component" value={c.id} /> {c.name}
                        </label>
                    ))}
            </fieldset>
            <label class="check">
                <input type="checkbox" name="notify" defaultChecked /> Tell the subscribers
            </label>
            <button type="submit" class="primary" disabled={change.busy !== ''}>
                Plan it
            </button>
            <Outcome change={change} />
        </form>
    );
}

function useList(shown: Shown): { list: Incident[] | undefined; failed: ReturnType<typeof useLoad>['error']; reload: () => void } {
    const load = (signal?: AbortSignal): Promise<Incident[]> =>
        shown === 'planned' ? getMaintenances(signal).then((r) => r.maintenances) : getIncidents(shown)(signal).then((r) => r.incidents);
    const { data, error, reload } = useLoad(`incidents/${shown}`, load);
    return { list: data, failed: error, reload };
}

export function Incidents({ desk, reload, mayWrite }: DeskProps): JSX.Element {
    const { nav } = useHere();
    const [shown, setShown] = useState<Shown>('all');
    const [form, setForm] = useState<'open' | 'plan' | null>(null);
    const { list, failed, reload: again } = useList(shown);
    const opened: Opened = (i) => {
        setForm(null);
        reload();
        nav.go('health', { tab: 'incidents', item: itemOf(i) });
    };
    return (
        <>
            <div class="toolbar">
                <Segmented label="Which" value={shown} options={SHOWN} onPick={setShown} />
                <span class="spring" />
                {mayWrite && <AddButton onClick={() => setForm('open')}>Incident</AddButton>}
                {mayWrite && <AddButton onClick={() => setForm('plan')}>Maintenance</AddButton>}
            </div>
            {failed && !list && <Failed error={failed} retry={again} />}
            {!list && !failed && <Waiting label="Loading incidents" />}
            {list && list.length > 0 && (
                <section class="card panel">
                    <ul class="incident-rows">
                        {list.map((i) => (
                            <IncidentRow key={i.id} incident={i} desk={desk} />
                        ))}
                    </ul>
                </section>
            )}
            {list && !list.length && (
                <Calm title={shown === 'planned' ? 'Nothing is planned' : shown === 'draft' ? 'No draft waits' : 'No incident'}>
                    <p>{shown === 'planned' ? 'Planned work is shown on the page ahead of time, and its components raise no alarm meanwhile.' : 'Weir drafts one when reports, events or errors stop being ordinary; you can open one yourself at any time.'}</p>
                </Calm>
            )}
            {form && (
                <Dialog title={form === 'open' ? 'Open an incident' : 'Plan maintenance'} onClose={() => setForm(null)}>
                    {form === 'open' ? <OpenForm desk={desk} onOpened={opened} /> : <PlanForm desk={desk} onOpened={opened} />}
                </Dialog>
            )}
        </>
    );
}
