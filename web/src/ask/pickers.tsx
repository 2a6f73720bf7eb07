// Pickers of what a project has: events, properties, values.
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { getValues } from '../api';
import { useHere } from '../context';
import { compact, plain, pretty } from '../format';
import { useLoad } from '../hooks';
import { MEASURES, needsProperty } from '../query';
import type { Metric, PropertyRef, Scalar } from '../types';
import { Picker, type Option } from '../ui/picker';

interface EventProps {
    label: string;
    value: string | null;
    onPick: (event: string | null) => void;
    id?: string;
}

export function EventPicker({ label, value, onPick, id }: EventProps): JSX.Element {
    const { lexicon } = useHere();
    const options = useMemo(() => {
        const any: Option<string | null> = { value: null, text: 'Any event' };
        return [any, ...lexicon.events.map((e) => ({ value: e.name, text: pretty(e.name), hint: compact(e.count) }))];
    }, [lexicon]);
    return (
        <Picker
            label={label}
            text={pretty(value)}
            options={options}
            isPicked={(v) => v === value}
            free={(text) => text}
            onPick={onPick}
            {...(id ? { id } : {})}
        />
    );
}

export const propertyText = (p: PropertyRef): string =>
    typeof p === 'string' ? pretty(p) : 'user' in p ? pretty(p.user) : `${p.group}: ${pretty(p.name)}`;

/** A metric in words: "Purchase, sum of revenue". */
export function metricText(m: Metric): string {
    const measure = (MEASURES.find((x) => x.id === m.measure)?.text ?? m.measure).toLowerCase();
    const of = m.property && needsProperty(m.measure) ? ` ${propertyText(m.property)}` : '';
    return `${pretty(m.event)}, ${measure}${of}`;
}

const same = (a: PropertyRef, b: PropertyRef | undefined): boolean => JSON.stringify(a) === JSON.stringify(b);

interface PropertyProps {
    label: string;
    value: PropertyRef | undefined;
    onPick: (p: PropertyRef) => void;
    only?: 'event' | 'user' | 'number';
    startOpen?: boolean;
}

export function PropertyPicker({ label, value, onPick, only, startOpen }: PropertyProps): JSX.Element {
    const { lexicon } = useHere();
    const options = useMemo(() => {
        const events: Option<PropertyRef>[] = lexicon.properties
            .filter((p) => only !== 'number' || p.type === 'number' || p.type === 'mixed')
            .map((p) => ({ value: p.name, text: pretty(p.name), hint: p.type }));
        const users: Option<PropertyRef>[] = lexicon.user_properties.map((p) => ({
            value: { user: p.name },
            text: pretty(p.name),
            hint: 'person',
        }));
        if (only === 'user') return users;
        return only ? events : [...events, ...users];
    }, [lexicon, only]);
    return (
        <Picker
            label={label}
            text={value ? propertyText(value) : 'Pick a property'}
            faint={!value}
            options={options}
            isPicked={(p) => same(p, value)}
            free={(text): PropertyRef => (only === 'user' ? { user: text } : text)}
            onPick={onPick}
            startOpen={startOpen ?? false}
        />
    );
}

/** The type of an event's property as the lexicon knows it; a person's is taken for text. */
export function usePropertyType(p: PropertyRef): string {
    const { lexicon } = useHere();
    return typeof p === 'string' ? (lexicon.properties.find((x) => x.name === p)?.type ?? 'string') : 'string';
}

interface ValuesProps {
    property: PropertyRef;
    value: Scalar[];
    startOpen: boolean;
    onChange: (v: Scalar[]) => void;
}

export function ValuesPicker({ property, value, startOpen, onChange }: ValuesProps): JSX.Element {
    const { project } = useHere();
    const [opened, setOpened] = useState(false);
    const numeric = usePropertyType(property) === 'number';
    const name = typeof property === 'string' ? property : null;
    const key = opened && name !== null ? `${project.id}/${name}` : null;
    const known = useLoad(key, (signal) => getValues(project.id, name ?? '', signal));
    const options = useMemo(() => {
        const all = [...value, ...(known.data?.values ?? []).filter((v) => !value.includes(v))];
        return all.map((v) => ({ value: v, text: plain(v) }));
    }, [known.data, opened]);
    const toggle = (v: Scalar): void => onChange(value.includes(v) ? value.filter((x) => x !== v) : [...value, v]);
    return (
        <Picker
            many
            startOpen={startOpen}
            label={`Values of ${propertyText(property)}`}
            text={value.length ? value.map(plain).join(', ') : 'Pick values'}
            faint={!value.length}
            options={options}
            isPicked={(v) => value.includes(v)}
            free={(text): Scalar | undefined => (numeric ? (Number.isFinite(Number(text)) ? Number(text) : undefined) : text)}
            loading={known.loading && key !== null}
            onOpen={() => setOpened(true)}
            onPick={toggle}
        />
    );
}
