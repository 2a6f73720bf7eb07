// The live board: what is open, every component with its signals of the last two hours, worst first.
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { useHere } from '../context';
import { number, percent, span } from '../format';
import { useEvery, useLoad } from '../hooks';
import { Calm } from '../ui/states';
import { getSignals, STATES, type Component, type Signal } from './api';
import { IncidentRow, StatePill, type DeskProps } from './parts';
import { Spark } from './spark';
import { KIND_TEXT } from './words';

const SIGNALS_EVERY_MS = 10_000;

const worst = (c: Component, signals: Signal[]): number =>
    STATES.indexOf(c.state) * 1000 + Math.max(0, ...signals.filter((s) => s.component === c.id).map((s) => (s.z / s.alarm_at) * 100));

function SignalRow({ signal }: { signal: Signal }): JSX.Element {
    const alarmed = signal.open || signal.z >= signal.alarm_at;
    const says = signal.cold ? 'learning what is usual' : signal.held ? 'not learning now' : `${number(signal.seen)} of ${number(signal.expected)} usual in ${span(signal.window_s)}`;
    return (
        <div class={alarmed ? 'signal alarmed' : 'signal'}>
            <p>
                <span>{KIND_TEXT[signal.kind]}</span>
                <span class="faint">{says}</span>
            </p>
            <Spark minutes={signal.minutes} expected={signal.expected_minutes} label={KIND_TEXT[signal.kind]} alarmed={alarmed} />
        </div>
    );
}

function ComponentCard({ component, signals }: { component: Component; signals: Signal[] }): JSX.Element {
    return (
        <section class={`card component ${component.state}`}>
            <header>
                <h2>{component.name}</h2>
                <StatePill state={component.state} />
            </header>
            {signals.map((s) => (
                <SignalRow key={s.kind} signal={s} />
            ))}
            {!signals.length && <p class="note">{component.rule === 'off' ? 'Not watched.' : 'Nothing has been measured yet.'}</p>}
            <p class="faint component-foot">
                {component.uptime_90d !== null && <span>{percent(component.uptime_90d)} up in 90 days</span>}
                {component.reports_24h > 0 && (
                    <span>
                        {number(component.reports_24h)} reports today, {number(component.verified_24h)} verified
                    </span>
                )}
            </p>
        </section>
    );
}

function Open({ desk }: Pick<DeskProps, 'desk'>): JSX.Element | null {
    const running = [...desk.incidents, ...desk.maintenances.filter((m) => m.status !== 'scheduled')];
    if (!running.length) return null;
    return (
        <section class="card panel open-now">
            <h2>{running.some((i) => i.status === 'draft') ? 'Open now; drafts wait for a click' : 'Open now'}</h2>
            <ul class="incident-rows">
                {running.map((i) => (
                    <IncidentRow key={i.id} incident={i} desk={desk} />
                ))}
            </ul>
        </section>
    );
}

export function Board({ desk, mayWrite }: DeskProps): JSX.Element {
    const { nav } = useHere();
    const { data, reload } = useLoad('signals', getSignals);
    useEvery(SIGNALS_EVERY_MS, reload);
    const signals = data?.signals ?? [];
    const components = useMemo(() => desk.components.filter((c) => !c.is_group).sort((a, b) => worst(b, signals) - worst(a, signals)), [desk, data]);
    if (!components.length)
        return (
            <Calm
                title="No component yet"
                action={
                    mayWrite && (
                        <button type="button" class="primary" onClick={() => nav.go('health', { tab: 'page' })}>
                            Describe your service
                        </button>
                    )
                }
            >
                <p>A component is a part of your service that can fail on its own: the site, the API, payments. Weir watches its problem reports, its events and its errors.</p>
            </Calm>
        );
    return (
        <>
            <Open desk={desk} />
            <div class="components">
                {components.map((c) => (
                    <ComponentCard key={c.id} component={c} signals={signals.filter((s) => s.component === c.id)} />
                ))}
            </div>
        </>
    );
}
