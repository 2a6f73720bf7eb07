// A stream of events, one line each; a line opens to its properties.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useHere } from '../context';
import { moment } from '../dates';
import { pretty } from '../format';
import type { EventRow, Label as Value } from '../types';
import { Label } from './label';

const BRIEF = 4;

/** A property's value: text may be sealed, lists and objects are shown as they came. */
export function Content({ v }: { v: unknown }): JSX.Element {
    if (v === null || ['string', 'number', 'boolean'].includes(typeof v)) return <Label v={v as Value} />;
    if (Array.isArray(v)) {
        return (
            <span>
                {v.map((x, i) => (
                    <span key={i}>
                        {i > 0 && ', '}
                        <Content v={x} />
                    </span>
                ))}
            </span>
        );
    }
    return <code>{JSON.stringify(v)}</code>;
}

export function Properties({ of }: { of: Record<string, unknown> }): JSX.Element {
    const entries = Object.entries(of).sort(([a], [b]) => a.localeCompare(b));
    if (!entries.length) return <p class="faint">No properties.</p>;
    return (
        <dl class="properties">
            {entries.map(([name, v]) => (
                <div key={name}>
                    <dt>
                        <Label v={name} name />
                    </dt>
                    <dd>
                        <Content v={v} />
                    </dd>
                </div>
            ))}
        </dl>
    );
}

function Brief({ of }: { of: Record<string, unknown> }): JSX.Element {
    const few = Object.entries(of)
        .filter(([name, v]) => !name.startsWith('$') && name !== 'distinct_id' && typeof v !== 'object')
        .slice(0, BRIEF);
    return (
        <span class="event-brief">
            {few.map(([name, v]) => (
                <span key={name}>
                    <span class="faint">{pretty(name)}</span> <Label v={v as Value} />
                </span>
            ))}
        </span>
    );
}

interface Props {
    events: (EventRow & { key?: number })[];
    label: string;
    person?: boolean;
}

export function EventList({ events, label, person = true }: Props): JSX.Element {
    const { project } = useHere();
    const [open, setOpen] = useState<string | null>(null);
    return (
        <ol class="events" aria-label={label}>
            {events.map((e, i) => {
                const key = String(e.key ?? `${e.time}/${e.person ?? ''}/${e.event}/${i}`);
                const isOpen = key === open;
                return (
                    <li key={key} class={isOpen ? 'open' : undefined}>
                        <div class="event">
                            <button type="button" class="event-open" aria-expanded={isOpen} onClick={() => setOpen(isOpen ? null : key)}>
                                <time dateTime={e.time}>{moment(e.time, project.timezone)}</time>
                                <span class="event-name">{pretty(e.event)}</span>
                                {person && <span class="person">{e.person ? e.person.slice(0, 8) : '–'}</span>}
                            </button>
                            <Brief of={e.properties} />
                        </div>
                        {isOpen && <Properties of={e.properties} />}
                    </li>
                );
            })}
        </ol>
    );
}
