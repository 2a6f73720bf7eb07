// One monitor: what to ask, what to expect, and "try now" before it is kept.
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { number } from '../format';
import { Outcome, useChange } from '../ui/change';
import { CopyBox } from '../ui/controls';
import { dropMonitor, saveMonitor, tryMonitor, type Beat, type Component, type Kind, type Monitor } from './api';

const KIND_TEXT: Record<Kind, string> = {
    http: 'A page or an API (HTTP)',
    tcp: 'A port (TCP)',
    tls: 'A certificate (TLS)',
    dns: 'A name (DNS)',
    icmp: 'A host (ping)',
    push: 'A job that reports by itself (push)',
};
const PLACEHOLDER: Record<Kind, string> = { http: 'https://example.com/health', tcp: 'db.example.com:5432', tls: 'example.com:443', dns: 'example.com', icmp: 'example.com', push: '' };

const text = (form: FormData, name: string): string => String(form.get(name) ?? '').trim();

/** The members that the form speaks of; what it leaves empty is taken away when a monitor is changed. */
function bodyOf(form: FormData, kind: Kind, isNew: boolean): object {
    const optional = (name: string): object => {
        const v = text(form, name);
        return v ? { [name]: v } : isNew ? {} : { [name]: null };
    };
    return {
        name: text(form, 'name'),
        ...(isNew ? { kind } : {}),
        ...(kind === 'push' ? {} : { target: text(form, 'target'), retries: Number(text(form, 'retries')) }),
        interval_s: Number(text(form, 'interval_s')),
        component: text(form, 'component') || null,
        public: form.get('public') !== null,
        active: form.get('active') !== null,
        ...(kind === 'http' ? { ...optional('status'), ...optional('contains'), ...optional('json'), ...optional('json_is') } : {}),
    };
}

function Tried({ beat }: { beat: Beat }): JSX.Element {
    const phases = Object.entries(beat.phases_ms).filter(([, ms]) => ms !== null);
    return (
        <div class={beat.up === 'up' ? 'tried good' : 'tried bad'} role="status">
            <p>
                <strong>{beat.up === 'up' ? 'Up' : 'Not up'}</strong>
                {beat.says && `: ${beat.says}`}
                {beat.code > 0 && `, answered ${beat.code}`}
                {beat.ms !== null && `, ${number(Math.round(beat.ms))} ms`}
                {beat.cert_days !== null && `, certificate for ${beat.cert_days} more days`}
            </p>
            {phases.length > 0 && <p class="faint">{phases.map(([name, ms]) => `${name.replace('_', ' ')} ${Math.round(ms ?? 0)} ms`).join(' · ')}</p>}
        </div>
    );
}

function HttpFields({ monitor }: { monitor: Monitor | null }): JSX.Element {
    return (
        <>
            <div class="two-boxes">
                <label class="labelled">
                    <span>Status, if not 200-299</span>
                    <input class="box" name="status" maxLength={100} placeholder="200-299,304" defaultValue={monitor?.status ?? ''} />
                </label>
                <label class="labelled">
                    <span>The answer holds</span>
                    <input class="box" name="contains" maxLength={1000} defaultValue={monitor?.contains ?? ''} />
                </label>
            </div>
            <div class="two-boxes">
                <label class="labelled">
                    <span>At this place in its JSON</span>
                    <input class="box" name="json" maxLength={500} placeholder="data.0.state" defaultValue={monitor?.json ?? ''} />
                </label>
                <label class="labelled">
                    <span>stands</span>
                    <input class="box" name="json_is" maxLength={500} placeholder="ok" defaultValue={monitor?.json_is ?? ''} />
                </label>
            </div>
        </>
    );
}

interface Props {
    monitor: Monitor | null;
    components: Component[];
    onSaved: () => void;
    onDone: () => void;
}

function Common({ monitor, components, kind }: Omit<Props, 'onSaved' | 'onDone'> & { kind: Kind }): JSX.Element {
    return (
        <>
            <label class="labelled">
                <span>Name</span>
                <input class="box" name="name" required maxLength={100} autocomplete="off" defaultValue={monitor?.name ?? ''} />
            </label>
            {kind !== 'push' && (
                <label class="labelled">
                    <span>Where</span>
                    <input class="box" name="target" required maxLength={2000} autocomplete="off" spellcheck={false} placeholder={PLACEHOLDER[kind]} defaultValue={monitor?.target ?? ''} />
                </label>
            )}
            <div class="two-boxes">
                <label class="labelled">
                    <span>{kind === 'push' ? 'It reports at least every … seconds' : 'Every … seconds'}</span>
                    <input class="box" name="interval_s" type="number" min={1} max={86400} required defaultValue={String(monitor?.interval_s ?? 30)} />
                </label>
                {kind !== 'push' && (
                    <label class="labelled">
                        <span>Tried again before it counts</span>
                        <input class="box" name="retries" type="number" min={0} max={10} required defaultValue={String(monitor?.retries ?? 2)} />
                    </label>
                )}
            </div>
            <label class="labelled">
                <span>Component that is down with it</span>
                <select class="select" name="component">
                    <option value="">None</option>
                    {components.map((c) => (
                        <option key={c.id} value={c.id} selected={c.id === monitor?.component}>
                            {c.name}
                        </option>
                    ))}
                </select>
            </label>
        </>
    );
}

export function MonitorForm({ monitor, components, onSaved, onDone }: Props): JSX.Element {
    const [kind, setKind] = useState<Kind>(monitor?.kind ?? 'http');
    const [beat, setBeat] = useState<Beat | null>(null);
    const [made, setMade] = useState<Monitor | null>(null);
    const form = useRef<HTMLFormElement>(null);
    const change = useChange(() => undefined);
    const body = (): object => bodyOf(new FormData(form.current ?? undefined), kind, !monitor);
    const saved = (m: Monitor): void => {
        if (!m.push_url) return onDone();
        setMade(m);
        onSaved();
    };
    const attempt = (): void => {
        if (!form.current?.reportValidity()) return;
        setBeat(null);
        void change.run('try', () => tryMonitor({ ...body(), kind }).then(setBeat), '');
    };
    if (made?.push_url)
        return (
            <>
                <p class="note">Let the job call this address each time it is done. It is shown only now.</p>
                <CopyBox text={`curl -fsS '${made.push_url}?status=up'`} label="Line for the job" />
                <button type="button" class="primary" onClick={onDone}>
                    I have it
                </button>
            </>
        );
    return (
        <form class="form component-form" ref={form} onSubmit={(e) => (e.preventDefault(), void change.run('save', () => saveMonitor(monitor?.number ?? null, body()).then(saved), ''))}>
            {!monitor && (
                <label class="labelled">
                    <span>What is checked</span>
                    <select class="select" value={kind} onChange={(e) => setKind(e.currentTarget.value as Kind)}>
                        {Object.entries(KIND_TEXT).map(([id, t]) => (
                            <option key={id} value={id}>
                                {t}
                            </option>
                        ))}
                    </select>
                </label>
            )}
            <Common monitor={monitor} components={components} kind={kind} />
            {kind === 'http' && <HttpFields monitor={monitor} />}
            <label class="check">
                <input type="checkbox" name="public" defaultChecked={monitor?.public ?? false} /> Show it on the page's feeds and badges
            </label>
            <label class="check">
                <input type="checkbox" name="active" defaultChecked={monitor?.active ?? true} /> Check it
            </label>
            {beat && <Tried beat={beat} />}
            <div class="form-actions">
                <button type="submit" class="primary" disabled={change.busy !== ''}>
                    {monitor ? 'Save' : 'Add it'}
                </button>
                {kind !== 'push' && (
                    <button type="button" class="quiet" disabled={change.busy !== ''} onClick={attempt}>
                        {change.busy === 'try' ? 'Trying…' : 'Try now'}
                    </button>
                )}
                {monitor && (
                    <button type="button" class="quiet" onClick={() => confirm(`Remove ${monitor.name} with its results?`) && void change.run('drop', () => dropMonitor(monitor.number).then(onDone), '')}>
                        Remove
                    </button>
                )}
            </div>
            <Outcome change={change} />
        </form>
    );
}
