// Set up: send the first event, keys for scripts, another project, and how the server stands.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ApiError, createKey, createProject, getSnippet, getStatus, type Snippet } from '../api';
import { useHere } from '../context';
import { bytes, number } from '../format';
import { useEvery, useLoad } from '../hooks';
import type { Status } from '../types';
import { CopyBox, Segmented } from '../ui/controls';
import { Calm } from '../ui/states';

type Way = 'curl' | 'browser' | 'python' | 'import';

const WAYS: { id: Way; text: string }[] = [
    { id: 'curl', text: 'curl' },
    { id: 'browser', text: 'Browser' },
    { id: 'python', text: 'Python' },
    { id: 'import', text: 'Import a file' },
];

function code(way: Way, s: Snippet, project: number): string {
    const url = s.public_url.replace(/\/$/, '');
    switch (way) {
        case 'curl':
            return `curl ${url}/track -H 'Content-Type: application/json' \\\n  -d '[{"event":"Hello","properties":{"token":"${s.token}","distinct_id":"me"}}]'`;
        case 'browser':
            return `import mixpanel from 'mixpanel-browser';\n\nmixpanel.init('${s.token}', { api_host: '${url}' });\nmixpanel.track('Hello');`;
        case 'python':
            return `from mixpanel import Consumer, Mixpanel\n\nmp = Mixpanel('${s.token}', consumer=Consumer(\n    events_url='${url}/track', people_url='${url}/engage', groups_url='${url}/groups'))\nmp.track('me', 'Hello')`;
        case 'import':
            return `weir import --project ${project} events.ndjson.gz`;
    }
}

export function FirstEvent({ title }: { title: string }): JSX.Element {
    const { project } = useHere();
    const [way, setWay] = useState<Way>('curl');
    const { data, error } = useLoad(`snippet/${project.id}`, (signal) => getSnippet(project.id, signal));
    return (
        <section class="card panel">
            <h2>{title}</h2>
            <p class="note">Mixpanel's own SDKs work: give them this address and this token. An event shows up within a second.</p>
            <Segmented label="Way to send" value={way} options={WAYS} onPick={setWay} />
            {data && <CopyBox text={code(way, data, project.id)} label="Code that sends an event" />}
            {error && (
                <p class="note">
                    {error.status === 403 ? "The project's token is shown to admins. Ask one for it, or for the snippet on this page." : error.message}
                </p>
            )}
        </section>
    );
}

/** Shown in place of every report while a project has no events. */
export function EmptyProject(): JSX.Element {
    const { project, reloadLexicon } = useHere();
    const status = useStatus();
    useEvery(3000, reloadLexicon);
    return (
        <div class="page narrow">
            <Calm title={`No events in ${project.name} yet`}>
                <p>Send the first one. This page notices when it arrives.</p>
            </Calm>
            <FirstEvent title="Send your first event" />
            <UnknownTokens data={status} />
        </div>
    );
}

function useStatus(): Status | undefined {
    const status = useLoad('status', getStatus);
    useEvery(10_000, status.reload);
    return status.data;
}

function UnknownTokens({ data }: { data: Status | undefined }): JSX.Element | null {
    if (!data?.unknown_tokens.length) return null;
    return (
        <section class="card panel">
            <h2>Events for no project</h2>
            <p class="note">These tokens were sent, but no project has them. Is one of them a typing mistake?</p>
            <dl class="facts">
                {data.unknown_tokens.map((t) => (
                    <div key={t.token}>
                        <dt>
                            <code>{t.token}</code>
                        </dt>
                        <dd>{number(t.count)} requests</dd>
                    </div>
                ))}
            </dl>
        </section>
    );
}

function Server({ data }: { data: Status | undefined }): JSX.Element | null {
    const { session } = useHere();
    if (!data) return null;
    const facts: [string, string][] = [
        ['Events', number(data.events)],
        ['Parts', `${number(data.parts)}, ${bytes(data.part_bytes)}`],
        ['Journal', bytes(data.journal_bytes)],
        ['Not yet in a part', `${number(data.tail_rows)} events`],
        ['Journal still to be read', data.lag_bytes ? bytes(data.lag_bytes) : 'nothing'],
        ['Disk free', bytes(data.disk_free_bytes)],
        ['Requests refused as too long', number(data.refused_414)],
        ['Version', session.version],
    ];
    return (
        <section class="card panel">
            <h2>This server</h2>
            <dl class="facts">
                {facts.map(([name, v]) => (
                    <div key={name}>
                        <dt>{name}</dt>
                        <dd>{v}</dd>
                    </div>
                ))}
            </dl>
        </section>
    );
}

const ROLES = [
    { id: 'collector', text: 'Collector: sends events, reads nothing' },
    { id: 'analyst', text: 'Analyst: asks, sees sealed text as handles' },
    { id: 'exporter', text: 'Exporter: also exports' },
    { id: 'admin', text: 'Admin: everything' },
];

/** Runs a form's request and holds what came of it. */
function useForm(send: (form: FormData) => Promise<string>): { said: string; bad: string; submit: (e: Event) => void } {
    const [said, setSaid] = useState('');
    const [bad, setBad] = useState('');
    const submit = (e: Event): void => {
        e.preventDefault();
        setBad('');
        setSaid('');
        send(new FormData(e.currentTarget as HTMLFormElement)).then(setSaid, (x: unknown) => setBad(x instanceof ApiError ? x.message : String(x)));
    };
    return { said, bad, submit };
}

const text = (f: FormData, name: string): string => String(f.get(name) ?? '').trim();

function NewKey(): JSX.Element {
    const { project } = useHere();
    const { said, bad, submit } = useForm(async (f) => {
        const expires = Number(text(f, 'expires'));
        const key = await createKey({ project: project.id, role: text(f, 'role'), name: text(f, 'name'), ...(expires ? { expires } : {}) });
        return `${key.user}:${key.secret}`;
    });
    return (
        <section class="card panel">
            <h2>New key</h2>
            <form class="form" onSubmit={submit}>
                <label class="labelled">
                    <span>Role</span>
                    <select class="select" name="role">
                        {ROLES.map((r) => (
                            <option key={r.id} value={r.id} selected={r.id === 'analyst'}>
                                {r.text}
                            </option>
                        ))}
                    </select>
                </label>
                <label class="labelled">
                    <span>Name</span>
                    <input class="box" name="name" required maxLength={80} placeholder="what uses it" />
                </label>
                <label class="labelled">
                    <span>Days until it expires</span>
                    <input class="box" name="expires" type="number" min={1} max={3650} value="90" />
                </label>
                <button type="submit" class="primary">
                    Make the key
                </button>
            </form>
            {bad && <p class="bad" role="alert">{bad}</p>}
            {said && (
                <>
                    <p class="note" role="status">Shown once. Use it as user and password (Basic), or the part behind the colon as Bearer.</p>
                    <CopyBox text={said} label="The new key" />
                </>
            )}
        </section>
    );
}

function NewProject(): JSX.Element {
    const { said, bad, submit } = useForm(async (f) => {
        const made = await createProject({
            name: text(f, 'name'),
            crowd: Number(text(f, 'crowd')),
            timezone: text(f, 'timezone'),
            test: f.get('test') === 'on',
        });
        dispatchEvent(new Event('weir-session'));
        return `Project ${made.project_id} is there. Pick it at the top.`;
    });
    return (
        <section class="card panel">
            <h2>New project</h2>
            <form class="form" onSubmit={submit}>
                <label class="labelled">
                    <span>Name</span>
                    <input class="box" name="name" required maxLength={80} />
                </label>
                <label class="labelled">
                    <span>Timezone</span>
                    <input class="box" name="timezone" required value={Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC'} />
                </label>
                <label class="labelled">
                    <span>Crowd: people needed before text is readable</span>
                    <input class="box" name="crowd" type="number" min={2} max={1000} value="10" />
                </label>
                <label class="check">
                    <input type="checkbox" name="test" /> Test project: no crowd rule, at most 100 people and 30 days
                </label>
                <button type="submit" class="primary">
                    Make the project
                </button>
            </form>
            {bad && <p class="bad" role="alert">{bad}</p>}
            {said && <p class="note" role="status">{said}</p>}
        </section>
    );
}

export function Setup(): JSX.Element {
    const { session } = useHere();
    const status = useStatus();
    return (
        <div class="page">
            <div class="panels">
                <FirstEvent title="Send events" />
                <Server data={status} />
                <UnknownTokens data={status} />
                {session.role === 'admin' && <NewKey />}
                {session.role === 'admin' && <NewProject />}
            </div>
        </div>
    );
}
