// The blocks of a question that several reports share: an event with its own conditions, filters, breakdown, range.
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useHere } from '../context';
import { intervalsFor, PRESETS, resolve, type Interval } from '../dates';
import { AddButton, Block, IconButton, NumberBox, Segmented, Select } from '../ui/controls';
import type { EventRef, PropertyRef } from '../types';
import { Filters } from './filters';
import { EventPicker, PropertyPicker, propertyText } from './pickers';

export const letter = (i: number): string => String.fromCharCode(65 + i);

interface EventRowProps {
    mark?: string;
    label: string;
    value: EventRef;
    onChange: (e: EventRef) => void;
    children?: ComponentChildren;
    tools?: ComponentChildren;
    id?: string;
}

/** An event, its own conditions behind a small button, and whatever the report adds below. */
export function EventRow({ mark, label, value, onChange, children, tools, id }: EventRowProps): JSX.Element {
    const filters = value.filters ?? [];
    return (
        <div class="event-row">
            <div class="event-line">
                {mark && <span class="letter">{mark}</span>}
                <EventPicker label={label} value={value.event} onPick={(event) => onChange({ ...value, event })} {...(id ? { id } : {})} />
                {!filters.length && (
                    <IconButton
                        icon="filter"
                        label={`Filter ${label.toLowerCase()}`}
                        onClick={() => onChange({ ...value, filters: [{ property: '', op: 'is', value: [] }] })}
                    />
                )}
                {tools}
            </div>
            {children}
            {!!filters.length && <Filters filters={filters} onChange={(f) => onChange({ ...value, filters: f })} add="And" />}
        </div>
    );
}

export function FilterBlock({ title = 'Filters' }: { title?: string }): JSX.Element {
    const { nav } = useHere();
    return (
        <Block title={title}>
            <Filters id="add-filter" filters={nav.place.state.filters} onChange={(filters) => nav.patch({ filters })} />
        </Block>
    );
}

const LIMITS = ['5', '10', '25', '50', '100'].map((id) => ({ id, text: `Top ${id}` }));
const BREAKDOWN_MAX = 4;

export function BreakdownBlock(): JSX.Element {
    const { nav } = useHere();
    const { breakdown, limit } = nav.place.state;
    const set = (next: PropertyRef[]): void => nav.patch({ breakdown: next });
    return (
        <Block
            title="Breakdown"
            aside={
                breakdown.length > 0 && (
                    <Select label="How many values" value={String(limit)} options={LIMITS} onPick={(v) => nav.patch({ limit: Number(v) })} />
                )
            }
        >
            <PropertyList id="add-breakdown" list={breakdown} max={BREAKDOWN_MAX} add="Break down" what="breakdown" onChange={set} />
        </Block>
    );
}

interface ListProps {
    list: PropertyRef[];
    max: number;
    add: string;
    what: string;
    onChange: (list: PropertyRef[]) => void;
    id?: string;
}

export function PropertyList({ list, max, add, what, onChange, id }: ListProps): JSX.Element {
    const [fresh, setFresh] = useState(false);
    const rows: (PropertyRef | undefined)[] = fresh ? [...list, undefined] : list;
    const pick = (i: number, p: PropertyRef): void => {
        setFresh(false);
        onChange(i < list.length ? list.map((old, j) => (j === i ? p : old)) : [...list, p]);
    };
    const remove = (i: number): void => (i < list.length ? onChange(list.filter((_, j) => j !== i)) : setFresh(false));
    return (
        <div class="filters">
            {rows.map((p, i) => (
                <div class="filter-row" key={i}>
                    <PropertyPicker startOpen={p === undefined} label={`Property of ${what} ${i + 1}`} value={p} onPick={(q) => pick(i, q)} />
                    <IconButton icon="close" label={`Remove ${what} by ${p ? propertyText(p) : 'nothing yet'}`} onClick={() => remove(i)} />
                </div>
            ))}
            {!fresh && list.length < max && (
                <AddButton {...(id ? { id } : {})} onClick={() => setFresh(true)}>
                    {add}
                </AddButton>
            )}
        </div>
    );
}

const OWN = 'own';

/** The days a report looks at: a preset, or two dates. */
export function RangePicker(): JSX.Element {
    const { nav, project } = useHere();
    const { range } = nav.place.state;
    const days = resolve(range, project.timezone);
    const own = range.includes('..');
    const set = (from: string, to: string): void => {
        if (from && to) nav.patch({ range: from <= to ? `${from}..${to}` : `${to}..${from}` });
    };
    const choices = [...PRESETS, { id: OWN, text: 'Dates' }];
    return (
        <div class="range">
            <Segmented
                label="Range"
                value={own ? OWN : range}
                options={choices}
                onPick={(id) => nav.patch({ range: id === OWN ? `${days.from}..${days.to}` : id })}
            />
            {own && (
                <div class="dates">
                    <input class="box" type="date" aria-label="From" max={days.to} value={days.from} onChange={(e) => set(e.currentTarget.value, days.to)} />
                    <span class="faint" aria-hidden="true">–</span>
                    <input class="box" type="date" aria-label="To" min={days.from} value={days.to} onChange={(e) => set(days.from, e.currentTarget.value)} />
                </div>
            )}
        </div>
    );
}

const INTERVAL_TEXT: Record<Interval, string> = {
    minute: 'Minute',
    hour: 'Hour',
    day: 'Day',
    week: 'Week',
    month: 'Month',
    total: 'Total',
};

export function IntervalPicker({ value }: { value: Interval }): JSX.Element {
    const { nav, project } = useHere();
    const days = resolve(nav.place.state.range, project.timezone);
    const options = intervalsFor(days)
        .filter((i) => i !== 'total')
        .map((id) => ({ id, text: INTERVAL_TEXT[id] }));
    return <Select label="Interval" value={value} options={options} onPick={(interval) => nav.patch({ interval })} />;
}

const UNITS = ['minute', 'hour', 'day', 'week', 'month'].map((id) => ({ id, text: `${id}s` }));

export function WindowPicker(): JSX.Element {
    const { nav } = useHere();
    const { window, unit } = nav.place.state;
    return (
        <div class="inline">
            <NumberBox label="Window length" value={window} min={1} max={365} onPick={(n) => nav.patch({ window: n })} />
            <Select label="Window unit" value={unit} options={UNITS} onPick={(u) => nav.patch({ unit: u })} />
        </div>
    );
}
