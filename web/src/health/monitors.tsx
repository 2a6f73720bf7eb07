// Monitors: what is checked from outside, how it stands, and the editor that tries a check before it is kept.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { number, percent } from '../format';
import { useEvery, useLoad } from '../hooks';
import { AddButton } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { Calm, Failed, Waiting } from '../ui/states';
import { getMonitor, getMonitors, type Monitor } from './api';
import { MonitorForm } from './monitor_form';
import { nameOf, type DeskProps } from './parts';
import { at } from './words';

const MONITORS_EVERY_MS = 10_000;
const TONE: Record<Monitor['state'], string> = { up: 'good', failing: 'warn', down: 'bad', unknown: 'calm' };
const TEXT: Record<Monitor['state'], string> = { up: 'Up', failing: 'Failing', down: 'Down', unknown: 'Not known' };

/** The last results, oldest first: a bar each. */
function Beats({ monitor }: { monitor: Monitor }): JSX.Element | null {
    const results = monitor.results ?? [];
    if (!results.length) return null;
    const most = Math.max(1, ...results.map((r) => r.ms ?? 0));
    const ups = results.filter((r) => r.up === 'up').length;
    return (
        <svg class="beats" viewBox={`0 0 ${results.length * 4} 32`} preserveAspectRatio="none" role="img" aria-label={`${ups} of the last ${results.length} checks were up`}>
            {results.map((r, i) => {
                const height = r.up === 'up' ? 6 + (26 * (r.ms ?? 0)) / most : 32;
                return <rect key={i} class={r.up} x={i * 4 + 0.5} width={3} y={32 - height} height={height} />;
            })}
        </svg>
    );
}

function Detail({ n }: { n: number }): JSX.Element {
    const { data, error, reload } = useLoad(`monitor/${n}`, getMonitor(n));
    useEvery(MONITORS_EVERY_MS, reload);
    if (error && !data) return <Failed error={error} retry={reload} />;
    if (!data) return <Waiting label="Loading the monitor" />;
    return (
        <div class="monitor-detail">
            <Beats monitor={data} />
            <p class="faint">
                {percent(data.uptime_24h)} up in a day, {percent(data.uptime_30d)} in thirty; {data.avg_ms_24h ? `${number(Math.round(data.avg_ms_24h))} ms on average` : 'no time measured'}
            </p>
            {data.places_last?.map((p) => (
                <p key={p.place}>
                    From {p.place}: {p.last.up}
                    {p.last.says && `, ${p.last.says}`} <span class="faint">{at(p.last.at)}</span>
                </p>
            ))}
        </div>
    );
}

function Row({ monitor, desk, onEdit }: { monitor: Monitor; desk: DeskProps['desk']; onEdit: (() => void) | undefined }): JSX.Element {
    const [open, setOpen] = useState(false);
    return (
        <li class="monitor">
            <button type="button" class="monitor-row" aria-expanded={open} onClick={() => setOpen(!open)}>
                <span class={`pill ${monitor.active ? TONE[monitor.state] : 'calm'}`}>{monitor.active ? TEXT[monitor.state] : 'Off'}</span>
                <span class="incident-name">
                    {monitor.group && <span class="faint">{monitor.group} / </span>}
                    {monitor.name}
                </span>
                <span class="faint monitor-target">
                    {monitor.kind === 'push' ? 'reports by itself' : monitor.target}, every {monitor.interval_s} s{monitor.component && `, for ${nameOf(desk.components, monitor.component)}`}
                </span>
            </button>
            {onEdit && (
                <button type="button" class="quiet" aria-label={`Edit ${monitor.name}`} onClick={onEdit}>
                    Edit
                </button>
            )}
            {open && <Detail n={monitor.number} />}
        </li>
    );
}

export function Monitors({ desk, mayWrite }: DeskProps): JSX.Element {
    const { data, error, reload } = useLoad('monitors', getMonitors);
    const [edited, setEdited] = useState<Monitor | 'new' | null>(null);
    useEvery(MONITORS_EVERY_MS, reload);
    if (error && !data) return <Failed error={error} retry={reload} />;
    if (!data) return <Waiting label="Loading monitors" />;
    const order: Monitor['state'][] = ['down', 'failing', 'unknown', 'up'];
    const sorted = [...data.monitors].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.name.localeCompare(b.name));
    return (
        <>
            <div class="toolbar">
                <span class="faint">
                    {number(sorted.length)} monitors, {number(sorted.filter((m) => m.state === 'down').length)} down
                </span>
                <span class="spring" />
                {mayWrite && <AddButton onClick={() => setEdited('new')}>Monitor</AddButton>}
            </div>
            {sorted.length ? (
                <section class="card panel">
                    <ul class="incident-rows">
                        {sorted.map((m) => (
                            <Row key={m.number} monitor={m} desk={desk} onEdit={mayWrite ? () => setEdited(m) : undefined} />
                        ))}
                    </ul>
                </section>
            ) : (
                <Calm title="No monitor yet">
                    <p>A monitor asks a part of your service from outside every half a minute: a page, a port, a certificate, a name. Or a job of yours reports to it.</p>
                </Calm>
            )}
            {edited && (
                <Dialog title={edited === 'new' ? 'A new monitor' : edited.name} onClose={() => setEdited(null)}>
                    <MonitorForm
                        monitor={edited === 'new' ? null : edited}
                        components={desk.components.filter((c) => !c.is_group)}
                        onSaved={reload}
                        onDone={() => {
                            setEdited(null);
                            reload();
                        }}
                    />
                </Dialog>
            )}
        </>
    );
}
