// Live: events as they arrive, and how many per second over the last two minutes.
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { liveUrl } from '../api';
import { EventPicker } from '../ask/pickers';
import { useHere } from '../context';
import { number } from '../format';
import { useEvery } from '../hooks';
import type { EventRow } from '../types';
import { EventList } from '../ui/event_list';
import { Icon } from '../ui/icons';
import { Calm } from '../ui/states';

const KEPT = 200;
const SECONDS = 120;

type Arrived = EventRow & { key: number };

interface Stream {
    events: Arrived[];
    rate: number[];
    open: boolean;
    count: number;
}

/** Follows the project's stream; while paused, arrivals are counted but the list stands still. */
function useStream(project: number, paused: boolean): Stream {
    const [events, setEvents] = useState<Arrived[]>([]);
    const [open, setOpen] = useState(false);
    const [rate, setRate] = useState<number[]>(() => Array<number>(SECONDS).fill(0));
    const [count, setCount] = useState(0);
    const since = useRef(0);
    const serial = useRef(0);
    const still = useRef(paused);
    still.current = paused;
    useEffect(() => {
        const source = new EventSource(liveUrl(project));
        source.onopen = () => setOpen(true);
        source.onerror = () => {
            setOpen(false);
            if (source.readyState === EventSource.CLOSED) dispatchEvent(new Event('weir-session'));
        };
        source.onmessage = (m: MessageEvent<string>) => {
            const rows = JSON.parse(m.data) as EventRow[];
            since.current += rows.length;
            setCount((n) => n + rows.length);
            if (still.current) return;
            const fresh = rows.map((r) => ({ ...r, key: ++serial.current })).reverse();
            setEvents((old) => [...fresh, ...old].slice(0, KEPT));
        };
        return () => source.close();
    }, [project]);
    useEvery(1000, () => {
        const n = since.current;
        since.current = 0;
        setRate((r) => [...r.slice(1), n]);
    });
    return { events, rate, open, count };
}

function Rate({ rate }: { rate: number[] }): JSX.Element {
    const most = Math.max(4, ...rate);
    return (
        <svg class="rate" viewBox={`0 0 ${SECONDS} 40`} preserveAspectRatio="none" role="img" aria-label={`At most ${most} events in one second over two minutes`}>
            {rate.map((n, i) => {
                const height = (38 * n) / most;
                return n > 0 && <rect key={i} x={i + 0.1} y={40 - height} width={0.8} height={height} />;
            })}
            <path class="rate-level" d={`M0 39.5H${SECONDS}`} />
        </svg>
    );
}

export function Live(): JSX.Element {
    const { nav, project } = useHere();
    const [paused, setPaused] = useState(false);
    const { events, rate, open, count } = useStream(project.id, paused);
    const only = nav.place.state.event;
    const shown = useMemo(() => (only ? events.filter((e) => e.event === only) : events), [events, only]);
    return (
        <div class="page">
            <div class="toolbar">
                <span class={open ? 'status on' : 'status'} role="status">
                    {open ? 'Listening' : 'Connecting…'}
                </span>
                <span class="faint" data-live-count={count}>
                    {number(count)} seen on this page
                </span>
                <span class="spring" />
                <div class="live-filter">
                    <EventPicker label="Show event" value={only || null} onPick={(event) => nav.patch({ event: event ?? '' })} />
                </div>
                <button type="button" class="toggle" aria-pressed={paused} onClick={() => setPaused(!paused)}>
                    <Icon name={paused ? 'play' : 'pause'} />
                    {paused ? 'Go on' : 'Pause'}
                </button>
            </div>
            <div class="card flush">
                <Rate rate={rate} />
                {shown.length ? (
                    <EventList events={shown} label="Events as they arrive" />
                ) : (
                    <Calm title={open ? 'Still water' : 'Connecting'}>
                        <p>Events appear here within a second of being accepted. Use your product, or send one by hand; Set up shows how.</p>
                    </Calm>
                )}
            </div>
        </div>
    );
}
