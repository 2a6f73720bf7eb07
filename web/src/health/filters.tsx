// Which events count: a few alternatives, each an event with conditions on its properties.
import type { JSX } from 'preact';
import { EventPicker, PropertyPicker } from '../ask/pickers';
import { AddButton, IconButton, Select } from '../ui/controls';
import type { Condition, EventFilter } from './api';

interface Props {
    title: string;
    value: EventFilter[];
    onPick: (v: EventFilter[]) => void;
}

const HOW = [
    { id: 'is', text: 'is' },
    { id: 'min', text: 'is at least' },
    { id: 'max', text: 'is at most' },
] as const;
type How = (typeof HOW)[number]['id'];

const howOf = (c: Condition): How => (c.min !== undefined ? 'min' : c.max !== undefined ? 'max' : 'is');
const valueOf = (c: Condition): string => String(c.min ?? c.max ?? c.is ?? '');

function made(property: string, how: How, typed: string): Condition {
    if (how !== 'is') return { property, [how]: Number(typed) || 0 };
    if (typed === 'true' || typed === 'false') return { property, is: typed === 'true' };
    return { property, is: typed !== '' && !Number.isNaN(Number(typed)) ? Number(typed) : typed };
}

function ConditionRow({ value, onPick, onDrop }: { value: Condition; onPick: (c: Condition) => void; onDrop: () => void }): JSX.Element {
    const how = howOf(value);
    return (
        <div class="condition">
            <PropertyPicker label="Property" only="event" value={value.property || undefined} onPick={(p) => typeof p === 'string' && onPick(made(p, how, valueOf(value)))} />
            <Select label="Comparison" value={how} options={HOW} onPick={(h) => onPick(made(value.property, h, valueOf(value)))} />
            <input class="box" aria-label="Value" maxLength={255} value={valueOf(value)} onChange={(e) => onPick(made(value.property, how, e.currentTarget.value.trim()))} />
            <IconButton icon="close" label="Remove the condition" onClick={onDrop} />
        </div>
    );
}

function Alternative({ value, onPick, onDrop }: { value: EventFilter; onPick: (f: EventFilter) => void; onDrop: () => void }): JSX.Element {
    const where = value.where ?? [];
    const withEvent = (event: string | null): EventFilter => ({ ...(event === null ? {} : { event }), where });
    const at = (i: number, c: Condition | null): void => onPick({ ...value, where: c ? where.map((w, n) => (n === i ? c : w)) : where.filter((_, n) => n !== i) });
    return (
        <div class="alternative">
            <div class="alternative-head">
                <EventPicker label="Event" value={value.event ?? null} onPick={(e) => onPick(withEvent(e))} />
                <IconButton icon="filter" label="Add a condition" disabled={where.length >= 4} onClick={() => onPick({ ...value, where: [...where, { property: '', is: '' }] })} />
                <IconButton icon="close" label="Remove" onClick={onDrop} />
            </div>
            {where.map((c, i) => (
                <ConditionRow key={i} value={c} onPick={(n) => at(i, n)} onDrop={() => at(i, null)} />
            ))}
        </div>
    );
}

export function Filters({ title, value, onPick }: Props): JSX.Element {
    return (
        <fieldset class="alternatives">
            <legend>{title}</legend>
            {value.map((f, i) => (
                <Alternative key={i} value={f} onPick={(n) => onPick(value.map((v, j) => (j === i ? n : v)))} onDrop={() => onPick(value.filter((_, j) => j !== i))} />
            ))}
            {value.length < 8 && <AddButton onClick={() => onPick([...value, {}])}>{value.length ? 'Or another event' : 'Event'}</AddButton>}
        </fieldset>
    );
}
