// Who hears of incidents, and what could not be delivered.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { number } from '../format';
import { useEvery, useLoad } from '../hooks';
import { Outcome, useChange } from '../ui/change';
import { AddButton, CopyBox } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { Calm, Failed, Waiting } from '../ui/states';
import { addSubscriber, dropSubscriber, getNotices, getSubscribers, testSubscriber, type Notices, type Subscriber } from './api';
import type { DeskProps } from './parts';

const NOTICES_EVERY_MS = 5000;
const KIND_TEXT: Record<string, string> = { email: 'E-mail', webhook: 'Webhook', slack: 'Slack or alike', 'alertmanager-hook': 'Alertmanager webhook', alertmanager: 'Alertmanager' };
const STATE_TEXT: Record<Subscriber['state'], string> = { pending: 'has not confirmed yet', active: 'active', suspended: 'suspended after failures' };

const text = (form: FormData, name: string): string => String(form.get(name) ?? '').trim();

function Form({ onAdded, onDone }: { onAdded: () => void; onDone: () => void }): JSX.Element {
    const [kind, setKind] = useState('email');
    const [secret, setSecret] = useState('');
    const change = useChange(() => undefined);
    const submit = (e: Event): void => {
        e.preventDefault();
        const form = new FormData(e.currentTarget as HTMLFormElement);
        const where = kind === 'email' ? { email: text(form, 'to') } : { url: text(form, 'to') };
        const added = (r: { secret?: string }): void => {
            onAdded();
            if (r.secret) setSecret(r.secret);
            else onDone();
        };
        void change.run('add', () => addSubscriber({ kind, ...where, label: text(form, 'label') }).then(added), '');
    };
    if (secret)
        return (
            <>
                <p class="note">Each request to it is signed with this secret. It is shown only now.</p>
                <CopyBox text={secret} label="Signing secret" />
                <button type="button" class="primary" onClick={onDone}>
                    I have it
                </button>
            </>
        );
    return (
        <form class="form" onSubmit={submit}>
            <label class="labelled">
                <span>How</span>
                <select class="select" value={kind} onChange={(e) => setKind(e.currentTarget.value)}>
                    {Object.entries(KIND_TEXT).map(([id, t]) => (
                        <option key={id} value={id}>
                            {t}
                        </option>
                    ))}
                </select>
            </label>
            <label class="labelled">
                <span>{kind === 'email' ? 'Address; it is asked first whether it wants to' : 'Address of the receiver'}</span>
                {kind === 'email' ? (
                    <input class="box" name="to" type="email" required maxLength={300} autocomplete="off" />
                ) : (
                    <input class="box" name="to" type="url" required maxLength={2000} autocomplete="off" />
                )}
            </label>
            <label class="labelled">
                <span>A word for you</span>
                <input class="box" name="label" maxLength={100} autocomplete="off" />
            </label>
            <button type="submit" class="primary" disabled={change.busy !== ''}>
                Add
            </button>
            <Outcome change={change} />
        </form>
    );
}

function Delivery({ notices }: { notices: Notices }): JSX.Element {
    const { outbox, mail } = notices.counts;
    const rows: [string, number][] = [
        ['Waiting', outbox.waiting ?? 0],
        ['On the way', outbox.in_flight ?? 0],
        ['Delivered', outbox.sent ?? 0],
        ['Given up', outbox.dead ?? 0],
        ['Not known whether they arrived', outbox.unknown ?? 0],
    ];
    return (
        <section class="card panel">
            <h2>Notices</h2>
            {!mail && (
                <p class="note">
                    No mail is sent yet: start the server with <code>--smtp</code> and <code>--mail-from</code>.
                </p>
            )}
            <dl class="incident-facts">
                {rows.map(([name, n]) => (
                    <div key={name}>
                        <dt>{name}</dt>
                        <dd>{number(n)}</dd>
                    </div>
                ))}
            </dl>
            {notices.unsent.slice(0, 10).map((u) => (
                <p class="note" key={u.row}>
                    “{u.title}” was not delivered: {u.class.replaceAll('_', ' ')}
                </p>
            ))}
        </section>
    );
}

function Row({ subscriber, reload }: { subscriber: Subscriber; reload: () => void }): JSX.Element {
    const change = useChange(reload);
    return (
        <li>
            <span class="data-name">
                {subscriber.email ?? subscriber.url} {subscriber.label && <span class="faint">{subscriber.label}</span>}
                {(change.said || change.bad) && <span class={change.bad ? 'bad' : 'faint'}> {change.bad || change.said}</span>}
            </span>
            <span class="faint">
                {KIND_TEXT[subscriber.kind] ?? subscriber.kind}, {STATE_TEXT[subscriber.state]}
            </span>
            <span class="data-actions">
                <button type="button" class="quiet" disabled={change.busy !== ''} onClick={() => void change.run('test', () => testSubscriber(subscriber.id), 'A test is on its way.')}>
                    Test
                </button>
                <button type="button" class="quiet" disabled={change.busy !== ''} onClick={() => void change.run('drop', () => dropSubscriber(subscriber.id), '')}>
                    Remove
                </button>
            </span>
        </li>
    );
}

export function Subscribers({ mayWrite }: DeskProps): JSX.Element {
    const list = useLoad(mayWrite ? 'subscribers' : null, getSubscribers);
    const notices = useLoad('notices', getNotices);
    const [adding, setAdding] = useState(false);
    useEvery(NOTICES_EVERY_MS, notices.reload);
    if (notices.error && !notices.data) return <Failed error={notices.error} retry={notices.reload} />;
    if (!notices.data) return <Waiting label="Loading subscribers" />;
    const people = list.data?.subscribers ?? [];
    return (
        <div class="page data-page">
            <section class="card panel">
                <h2>Subscribers</h2>
                {people.length > 0 && (
                    <ul class="data-rows">
                        {people.map((s) => (
                            <Row key={s.id} subscriber={s} reload={list.reload} />
                        ))}
                    </ul>
                )}
                {!people.length && (
                    <Calm title={mayWrite ? 'Nobody has subscribed yet' : 'Only admins see who has subscribed'}>
                        <p>People subscribe on the status page; addresses are stored encrypted.</p>
                    </Calm>
                )}
                {mayWrite && <AddButton onClick={() => setAdding(true)}>Subscriber</AddButton>}
            </section>
            <Delivery notices={notices.data} />
            {adding && (
                <Dialog title="A new subscriber" onClose={() => setAdding(false)}>
                    <Form onAdded={list.reload} onDone={() => setAdding(false)} />
                </Dialog>
            )}
        </div>
    );
}
