// Health: what the service says of itself: the live board, the incident desk, and what they are made of.
import type { JSX } from 'preact';
import { useHere } from '../context';
import { useEvery, useLoad } from '../hooks';
import { getDesk } from '../health/api';
import { Board } from '../health/board';
import { Design } from '../health/design';
import { IncidentView } from '../health/incident';
import { Incidents } from '../health/incidents';
import { Monitors } from '../health/monitors';
import { Subscribers } from '../health/subscribers';
import { Segmented } from '../ui/controls';
import { Failed, Waiting } from '../ui/states';

const DESK_EVERY_MS = 10_000;

const TABS = [
    { id: 'board', text: 'Board' },
    { id: 'incidents', text: 'Incidents' },
    { id: 'monitors', text: 'Monitors' },
    { id: 'subscribers', text: 'Subscribers' },
    { id: 'page', text: 'Page' },
] as const;
type Tab = (typeof TABS)[number]['id'];

export function Health(): JSX.Element {
    const { nav, session } = useHere();
    const desk = useLoad('desk', getDesk);
    useEvery(DESK_EVERY_MS, desk.reload);
    const { tab, item } = nav.place.state;
    const shown: Tab = TABS.find((t) => t.id === tab)?.id ?? 'board';
    const mayWrite = session.role === 'admin';
    if (desk.error && !desk.data) return <Failed error={desk.error} retry={desk.reload} />;
    if (!desk.data) return <Waiting label="Loading the status desk" />;
    const props = { desk: desk.data, reload: desk.reload, mayWrite };
    return (
        <div class="page health-page">
            <div class="toolbar">
                <Segmented label="Part of the status desk" value={shown} options={TABS} onPick={(t) => nav.go('health', { tab: t })} />
                <span class="spring" />
                {desk.error && (
                    <span class="status" role="status">
                        Not reached since {new Date(desk.data.now).toLocaleTimeString('en-GB')}
                    </span>
                )}
            </div>
            {shown === 'board' && <Board {...props} />}
            {shown === 'incidents' && (item ? <IncidentView key={item} item={item} {...props} /> : <Incidents {...props} />)}
            {shown === 'monitors' && <Monitors {...props} />}
            {shown === 'subscribers' && <Subscribers {...props} />}
            {shown === 'page' && <Design {...props} />}
        </div>
    );
}
