// Data: what an admin decides about a project's words and its public door. Every change is in force when it is answered.
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { changeSettings, getMarks, getSettings, publishText, setMark, type Mark, type Marks, type Published, type Settings } from '../api';
import { useHere } from '../context';
import { compact, pretty } from '../format';
import { useLoad } from '../hooks';
import type { LexiconProperty } from '../types';
import { IconButton } from '../ui/controls';
import { Label } from '../ui/label';
import { Calm, Failed, Waiting } from '../ui/states';
import { Outcome, useChange, type Change } from '../ui/change';

/** Sealed by the rule itself, whatever is marked. */
const BUILT_IN = ['distinct_id', '$user_id', '$device_id', 'alias', '$anon_distinct_id', '$identified_id', '$distinct_ids', '$name', '$first_name', '$last_name', '$email', '$phone', '$avatar'];

const SHOWN = 60;

interface Row extends LexiconProperty {
    mark: Mark;
}

/** The project's properties with their marks; marked ones that no event has yet stand at the end. */
function rowsOf(properties: LexiconProperty[], marks: Marks): Row[] {
    const by = new Map(marks.marks.map((m) => [m.property, m.mark]));
    const known = new Set(properties.map((p) => p.name));
    const unseen = marks.marks.filter((m) => !known.has(m.property)).map((m) => ({ name: m.property, type: 'not sent yet', count: 0 }));
    return [...properties, ...unseen].map((p) => ({ ...p, mark: by.get(p.name) ?? 'none' }));
}

const SAYS: Record<Mark, string> = {
    measure: 'its long numbers are stored as numbers from the next event on.',
    time: 'its numbers are times from the next event on.',
    identity: 'its values are sealed from the next event on. What was readable stays readable.',
    none: 'the mark is taken back.',
};

interface MarkProps {
    rows: Row[];
    change: Change;
    onMark: (row: Row, mark: Mark) => void;
}

/** Long integers of which nothing says that they measure: one click each. */
function NumberText({ rows, change, onMark }: MarkProps): JSX.Element {
    const open = rows.filter((r) => r.number_text && r.mark === 'none' && !BUILT_IN.includes(r.name));
    return (
        <section class="card panel">
            <h2>Numbers kept as text</h2>
            {open.length ? (
                <>
                    <p class="note">
                        An integer of eight digits or more may be a phone or a card number, so it is sealed like text. Say which of these measure something; they can
                        be summed from the next event on.
                    </p>
                    <ul class="data-rows">
                        {open.map((r) => (
                            <li key={r.name}>
                                <span class="data-name">
                                    <Label v={r.name} name />
                                </span>
                                <span class="faint">{compact(r.count)} events</span>
                                <span class="data-actions">
                                    <button type="button" class="quiet" disabled={change.busy !== ''} onClick={() => onMark(r, 'measure')}>
                                        This is a measure
                                    </button>
                                    <button type="button" class="quiet" disabled={change.busy !== ''} onClick={() => onMark(r, 'time')}>
                                        A time
                                    </button>
                                </span>
                            </li>
                        ))}
                    </ul>
                </>
            ) : (
                <p class="note">None: every number that came in is stored as a number, or is sealed on purpose.</p>
            )}
        </section>
    );
}

function PropertyRow({ row, change, onMark }: { row: Row; change: Change; onMark: MarkProps['onMark'] }): JSX.Element {
    const sealed = row.mark === 'identity';
    const builtIn = BUILT_IN.includes(row.name);
    return (
        <li>
            <span class="data-name">
                <Label v={row.name} name />
            </span>
            <span class="faint">{row.count ? `${row.type}, ${compact(row.count)} events` : row.type}</span>
            <span class="data-actions">
                {(row.mark === 'measure' || row.mark === 'time') && (
                    <span class="data-tag">
                        {row.mark}
                        <IconButton icon="close" label={`${pretty(row.name)} is no ${row.mark}`} disabled={change.busy !== ''} onClick={() => onMark(row, 'none')} />
                    </span>
                )}
                {builtIn ? (
                    <span class="faint">always sealed, by the rule</span>
                ) : (
                    <button
                        type="button"
                        class="toggle"
                        aria-pressed={sealed}
                        aria-label={`Always seal ${pretty(row.name)}`}
                        disabled={change.busy !== ''}
                        onClick={() => onMark(row, sealed ? 'none' : 'identity')}
                    >
                        {sealed ? 'Always sealed' : 'Always seal'}
                    </button>
                )}
            </span>
        </li>
    );
}

function Properties({ rows, change, onMark }: MarkProps): JSX.Element {
    const { project } = useHere();
    const [typed, setTyped] = useState('');
    const wanted = typed.trim().toLowerCase();
    const found = useMemo(() => rows.filter((r) => !wanted || pretty(r.name).toLowerCase().includes(wanted) || r.name.toLowerCase().includes(wanted)), [rows, wanted]);
    return (
        <section class="card panel">
            <h2>Properties</h2>
            <p class="note">
                What {project.crowd} people sent is readable. Seal a property always if its values are about people, however many send them: an account number, a
                street. It holds from the next event on.
            </p>
            {rows.length > 8 && (
                <input class="box data-search" type="search" aria-label="Search properties" placeholder="Search" value={typed} onInput={(e) => setTyped(e.currentTarget.value)} />
            )}
            {found.length ? (
                <ul class="data-rows data-known">
                    {found.slice(0, SHOWN).map((r) => (
                        <PropertyRow key={r.name} row={r} change={change} onMark={onMark} />
                    ))}
                </ul>
            ) : (
                <p class="note">{rows.length ? 'No property of that name.' : 'No event has brought a property yet.'}</p>
            )}
            {found.length > SHOWN && (
                <p class="faint">
                    The first {SHOWN} of {found.length}. Search for the others.
                </p>
            )}
        </section>
    );
}

const field = (form: FormData, name: string): string => String(form.get(name) ?? '').trim();

function Door({ settings, reload }: { settings: Settings; reload: () => void }): JSX.Element {
    const { project } = useHere();
    const change = useChange(reload);
    const submit = (e: Event): void => {
        e.preventDefault();
        const form = new FormData(e.currentTarget as HTMLFormElement);
        const origins = field(form, 'origins').split(/[\s,]+/).filter(Boolean);
        void change.run('door', () => changeSettings(project.id, { quota_per_minute: Number(field(form, 'quota')) || 0, origins }), 'Saved, and in force.');
    };
    return (
        <section class="card panel">
            <h2>Public door</h2>
            <form class="form" onSubmit={submit}>
                <label class="labelled">
                    <span>Events in a minute, 0 for no limit of its own</span>
                    <input class="box" name="quota" type="number" min={0} max={1_000_000_000} step={1} required defaultValue={String(settings.quota_per_minute)} />
                </label>
                <label class="labelled">
                    <span>Sites whose browsers may send, one per line; empty for all</span>
                    <textarea class="box data-origins" name="origins" rows={4} spellcheck={false} placeholder={'https://shop.example\nhttps://*.shop.example'} defaultValue={settings.origins.join('\n')} />
                </label>
                <button type="submit" class="primary" disabled={change.busy !== ''}>
                    Save
                </button>
            </form>
            <Outcome change={change} />
        </section>
    );
}

function PublishedText({ p }: { p: Published }): JSX.Element {
    return (
        <li>
            <span class="data-name">
                {p.event === undefined && (
                    <>
                        <Label v={p.property} name />
                        <span class="faint"> = </span>
                    </>
                )}
                <Label v={p.event ?? p.value} name={p.event !== undefined} />
            </span>
            <span class="faint">{p.waiting ? 'readable with its next event' : 'readable'}</span>
        </li>
    );
}

function Publishing({ published, reload }: { published: Published[]; reload: () => void }): JSX.Element {
    const { project } = useHere();
    const change = useChange(reload);
    const [kind, setKind] = useState<'event' | 'value'>('event');
    const submit = (e: Event): void => {
        e.preventDefault();
        const target = e.currentTarget as HTMLFormElement;
        const form = new FormData(target);
        const body = kind === 'event' ? { event: field(form, 'text') } : { property: field(form, 'property'), value: field(form, 'text') };
        void change.run('publish', () => publishText(project.id, body), 'Published. Its next event makes it readable, in the earlier ones too.').then((ok) => ok && target.reset());
    };
    return (
        <section class="card panel">
            <h2>Published texts</h2>
            <p class="note">One name or value that may be read although few people sent it. It cannot be taken back: who has read it has read it.</p>
            {published.length > 0 && (
                <ul class="data-rows data-texts">
                    {published.map((p, i) => (
                        <PublishedText key={i} p={p} />
                    ))}
                </ul>
            )}
            <form class="form" onSubmit={submit}>
                <label class="labelled">
                    <span>What it is</span>
                    <select class="select" value={kind} onChange={(e) => setKind(e.currentTarget.value as 'event' | 'value')}>
                        <option value="event">The name of an event</option>
                        <option value="value">One value of a property</option>
                    </select>
                </label>
                {kind === 'value' && (
                    <label class="labelled">
                        <span>Property</span>
                        <input class="box" name="property" required maxLength={255} autocomplete="off" />
                    </label>
                )}
                <label class="labelled">
                    <span>{kind === 'event' ? 'Name, exactly as it is sent' : 'Value, exactly as it is sent'}</span>
                    <input class="box" name="text" required maxLength={255} autocomplete="off" />
                </label>
                <button type="submit" class="quiet" disabled={change.busy !== ''}>
                    Publish
                </button>
            </form>
            <Outcome change={change} />
        </section>
    );
}

function Columns({ marks, settings, reloadMarks, reloadSettings }: { marks: Marks; settings: Settings; reloadMarks: () => void; reloadSettings: () => void }): JSX.Element {
    const { project, lexicon } = useHere();
    const change = useChange(reloadMarks);
    const rows = useMemo(() => rowsOf(lexicon.properties, marks), [lexicon, marks]);
    const onMark = (row: Row, mark: Mark): void => {
        void change.run(row.name, () => setMark(project.id, row.name, mark), `${pretty(row.name)}: ${SAYS[mark]}`);
    };
    return (
        <div class="page data-page">
            <div class="data-column">
                <Outcome change={change} />
                <NumberText rows={rows} change={change} onMark={onMark} />
                <Properties rows={rows} change={change} onMark={onMark} />
            </div>
            <div class="data-column">
                <Door settings={settings} reload={reloadSettings} />
                <Publishing published={marks.published} reload={reloadMarks} />
            </div>
        </div>
    );
}

export function Data(): JSX.Element {
    const { project, session } = useHere();
    const admin = session.role === 'admin';
    const marks = useLoad(admin ? `marks/${project.id}` : null, (signal) => getMarks(project.id, signal));
    const settings = useLoad(admin ? `settings/${project.id}` : null, (signal) => getSettings(project.id, signal));
    const error = marks.data ? (settings.data ? undefined : settings.error) : marks.error;
    if (!admin) {
        return (
            <div class="page narrow">
                <Calm title="For admins">
                    <p>Here an admin says what properties mean, which sites may send, and how much. Ask one of them.</p>
                </Calm>
            </div>
        );
    }
    if (error) {
        return (
            <div class="page narrow">
                <Failed error={error} retry={() => (marks.reload(), settings.reload())} />
            </div>
        );
    }
    if (!marks.data || !settings.data) return <Waiting label="Loading the project's settings" />;
    return <Columns marks={marks.data} settings={settings.data} reloadMarks={marks.reload} reloadSettings={settings.reload} />;
}
