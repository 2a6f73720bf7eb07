// Users: people who have a profile; one of them with what they did.
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { query } from '../api';
import { Filters } from '../ask/filters';
import { WhoBlock } from '../ask/who';
import { useHere } from '../context';
import { moment, resolve } from '../dates';
import { number, plain, pretty } from '../format';
import { useLoad } from '../hooks';
import { eventsQuery, USERS_PER_PAGE, usersQuery } from '../query';
import { DEFAULTS } from '../state';
import type { Events, Label as Value, User, Users as Answer } from '../types';
import { Block, IconButton } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { Content, EventList, Properties } from '../ui/event_list';
import { Label } from '../ui/label';
import { Calm, Failed, Waiting } from '../ui/states';
import { Table, type Column } from '../ui/table';
import { Workbench } from '../ui/workbench';

const TRAITS_SHOWN = 4;
const RECENT = 50;

/** The properties that most of the people on show have. */
function commonTraits(users: User[]): string[] {
    const n = new Map<string, number>();
    for (const u of users) for (const name of Object.keys(u.properties)) n.set(name, (n.get(name) ?? 0) + 1);
    return [...n].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).slice(0, TRAITS_SHOWN).map(([name]) => name);
}

function useColumns(users: User[], onOpen: (u: User) => void): Column<User>[] {
    const { project } = useHere();
    return useMemo(
        () => [
            {
                id: 'person',
                head: 'Person',
                key: (u) => u.person,
                cell: (u) => (
                    <button type="button" class="person-link" onClick={() => onOpen(u)} aria-label={`Open person ${u.person.slice(0, 8)}`}>
                        {u.person.slice(0, 8)}
                    </button>
                ),
            },
            { id: 'id', head: 'distinct_id', key: (u) => plain(u.distinct_id), cell: (u) => <Label v={u.distinct_id} /> },
            { id: 'last', head: 'Last seen', key: (u) => u.last_seen, cell: (u) => moment(u.last_seen, project.timezone) },
            { id: 'first', head: 'First seen', key: (u) => u.first_seen, cell: (u) => moment(u.first_seen, project.timezone) },
            ...commonTraits(users).map(
                (name): Column<User> => ({
                    id: `p:${name}`,
                    head: pretty(name),
                    key: (u) => plain((u.properties[name] ?? null) as Value),
                    cell: (u) => (name in u.properties ? <Content v={u.properties[name]} /> : <span class="faint">–</span>),
                }),
            ),
        ],
        [users, project],
    );
}

function Activity({ user }: { user: User }): JSX.Element {
    const { nav, project } = useHere();
    const days = resolve(nav.place.state.range, project.timezone);
    const body = eventsQuery(project.id, { ...DEFAULTS, who: user.distinct_id ?? '' }, days, RECENT);
    const { data, error, loading, reload } = useLoad(user.distinct_id ? JSON.stringify(body) : null, (signal) => query<Events>(body, signal));
    if (error) return <Failed error={error} retry={reload} />;
    if (loading && !data) return <Waiting label="Loading what this person did" />;
    if (!data?.events.length) return <p class="faint">Nothing in the last 30 days.</p>;
    return <EventList events={data.events} label="What this person did" person={false} />;
}

function Person({ user, onClose }: { user: User; onClose: () => void }): JSX.Element {
    const { project } = useHere();
    return (
        <Dialog title={`Person ${user.person.slice(0, 8)}`} onClose={onClose} wide>
            <p class="person-line">
                <Label v={user.distinct_id} />
                <span class="faint">
                    {' '}
                    first seen {moment(user.first_seen, project.timezone)}, last {moment(user.last_seen, project.timezone)}
                </span>
            </p>
            <h3>Profile</h3>
            <Properties of={user.properties} />
            <h3>What they did</h3>
            <Activity user={user} />
        </Dialog>
    );
}

function Pages({ total }: { total: number }): JSX.Element | null {
    const { nav } = useHere();
    const { at } = nav.place.state;
    const last = Math.max(0, Math.ceil(total / USERS_PER_PAGE) - 1);
    if (!last) return null;
    return (
        <nav class="pages" aria-label="Pages">
            <button type="button" class="quiet" disabled={at === 0} onClick={() => nav.patch({ at: at - 1 })}>
                Earlier page
            </button>
            <span class="faint">
                {number(at + 1)} of {number(last + 1)}
            </span>
            <button type="button" class="quiet" disabled={at >= last} onClick={() => nav.patch({ at: at + 1 })}>
                Next page
            </button>
        </nav>
    );
}

function Result({ got }: { got: Answer }): JSX.Element {
    const [open, setOpen] = useState<User | null>(null);
    const columns = useColumns(got.users, setOpen);
    if (!got.users.length) {
        return (
            <Calm title="Nobody to show">
                <p>
                    People appear here once a profile is set (for example <code>mixpanel.people.set</code>). Events count without one.
                </p>
            </Calm>
        );
    }
    return (
        <>
            <Table label={`${number(got.total)} people with a profile`} columns={columns} rows={got.users} rowKey={(u) => u.person} onRow={setOpen} />
            <Pages total={got.total} />
            {open && <Person user={open} onClose={() => setOpen(null)} />}
        </>
    );
}

export function Users(): JSX.Element {
    const { nav, project } = useHere();
    const s = nav.place.state;
    const body = usersQuery(project.id, s);
    const answer = useLoad(JSON.stringify(body), (signal) => query<Answer>(body, signal));
    const question = (
        <>
            <WhoBlock />
            <Block title="Profile">
                <Filters id="add-filter" only="user" filters={s.traits} onChange={(traits) => nav.patch({ traits, at: 0 })} />
            </Block>
        </>
    );
    return (
        <Workbench
            title="Users"
            summary={s.who ? 'One person' : 'Everyone with a profile'}
            question={question}
            tools={
                <>
                    <span class="spring" />
                    <IconButton icon="reload" label="Ask again" onClick={answer.reload} />
                </>
            }
            answer={answer}
        >
            {(got) => <Result got={got} />}
        </Workbench>
    );
}
