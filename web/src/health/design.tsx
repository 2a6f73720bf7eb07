// What the page is made of: its name and rules, and its components.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useHere } from '../context';
import { Outcome, useChange } from '../ui/change';
import { AddButton, CopyBox } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { savePage, type Component, type StatusPage } from './api';
import { ComponentForm } from './component_form';
import type { DeskProps } from './parts';
import { RULE_TEXT } from './words';

const text = (form: FormData, name: string): string => String(form.get(name) ?? '').trim();

function PageForm({ page, reload, mayWrite }: { page: StatusPage; reload: () => void; mayWrite: boolean }): JSX.Element {
    const { session } = useHere();
    const change = useChange(reload);
    const submit = (e: Event): void => {
        e.preventDefault();
        const form = new FormData(e.currentTarget as HTMLFormElement);
        const project = Number(text(form, 'project'));
        const to = {
            name: text(form, 'name'),
            url: text(form, 'url'),
            description: text(form, 'description'),
            support_url: text(form, 'support_url'),
            time_zone: text(form, 'time_zone'),
            project: project || null,
            takes_reports: form.get('takes_reports') !== null,
            takes_comments: form.get('takes_comments') !== null,
        };
        void change.run('page', () => savePage(to), 'Saved, and on the page.');
    };
    return (
        <section class="card panel">
            <h2>The page</h2>
            <form class="form" onSubmit={submit}>
                <label class="labelled">
                    <span>Name of the service</span>
                    <input class="box" name="name" maxLength={100} required defaultValue={page.name} />
                </label>
                <label class="labelled">
                    <span>Project that its problem reports go to; the page is published with it</span>
                    <select class="select" name="project">
                        <option value="0" selected={!page.project}>
                            None: no page is published
                        </option>
                        {session.projects.map((p) => (
                            <option key={p.id} value={p.id} selected={p.id === page.project}>
                                {p.name}
                            </option>
                        ))}
                    </select>
                </label>
                <label class="labelled">
                    <span>A sentence under the name</span>
                    <input class="box" name="description" maxLength={300} defaultValue={page.description} />
                </label>
                <label class="labelled">
                    <span>Address of the service</span>
                    <input class="box" name="url" type="url" maxLength={500} placeholder="https://example.com" defaultValue={page.url} />
                </label>
                <label class="labelled">
                    <span>Where people find help</span>
                    <input class="box" name="support_url" type="url" maxLength={500} defaultValue={page.support_url} />
                </label>
                <label class="labelled">
                    <span>Time zone of its days and of planned work</span>
                    <input class="box" name="time_zone" maxLength={60} required defaultValue={page.time_zone} />
                </label>
                <label class="check">
                    <input type="checkbox" name="takes_reports" defaultChecked={page.takes_reports} /> Visitors may report a problem
                </label>
                <label class="check">
                    <input type="checkbox" name="takes_comments" defaultChecked={page.takes_comments} /> They may add a comment; it is sealed, and never shown by itself
                </label>
                {mayWrite && (
                    <button type="submit" class="primary" disabled={change.busy !== ''}>
                        Save
                    </button>
                )}
            </form>
            <Outcome change={change} />
        </section>
    );
}

function ComponentRow({ component, group, onEdit }: { component: Component; group: string | undefined; onEdit: (() => void) | undefined }): JSX.Element {
    return (
        <li>
            <span class="data-name">
                {group && <span class="faint">{group} / </span>}
                {component.name}
            </span>
            <span class="faint">{component.is_group ? 'group' : RULE_TEXT[component.rule]}</span>
            <span class="data-actions">
                {onEdit && (
                    <button type="button" class="quiet" aria-label={`Edit ${component.name}`} onClick={onEdit}>
                        Edit
                    </button>
                )}
            </span>
        </li>
    );
}

function Snippet({ page }: { page: StatusPage }): JSX.Element | null {
    if (!page.project || !page.takes_reports) return null;
    const code = `<form action="YOUR-PUBLIC-ADDRESS/status/report" method="post">\n  <input type="hidden" name="component" value="COMPONENT-ID">\n  <button>I have a problem</button>\n</form>`;
    return (
        <section class="card panel">
            <h2>In your own pages</h2>
            <p class="note">One button more: whoever has a problem says so where it happens.</p>
            <CopyBox text={code} label="A report button" />
        </section>
    );
}

export function Design({ desk, reload, mayWrite }: DeskProps): JSX.Element {
    const [edited, setEdited] = useState<Component | 'new' | null>(null);
    const close = (): void => setEdited(null);
    const { components } = desk;
    return (
        <div class="data-page page">
            <div class="data-column">
                <section class="card panel">
                    <h2>Components</h2>
                    <p class="note">The parts of your service that people know, each with what Weir watches of it.</p>
                    {components.length > 0 && (
                        <ul class="data-rows">
                            {components.map((c) => (
                                <ComponentRow key={c.id} component={c} group={components.find((g) => g.id === c.group)?.name} onEdit={mayWrite ? () => setEdited(c) : undefined} />
                            ))}
                        </ul>
                    )}
                    {mayWrite && <AddButton onClick={() => setEdited('new')}>Component</AddButton>}
                </section>
                <Snippet page={desk.page} />
            </div>
            <div class="data-column">
                <PageForm page={desk.page} reload={reload} mayWrite={mayWrite} />
            </div>
            {edited && (
                <Dialog wide title={edited === 'new' ? 'A new component' : edited.name} onClose={close}>
                    <ComponentForm
                        component={edited === 'new' ? null : edited}
                        groups={components.filter((c) => c.is_group)}
                        onDone={() => {
                            close();
                            reload();
                        }}
                    />
                </Dialog>
            )}
        </div>
    );
}
