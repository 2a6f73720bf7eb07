// Conditions on events or people: a property, an operator, and what it is compared with.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useHere } from '../context';
import { AddButton, IconButton, Select } from '../ui/controls';
import type { Filter, PropertyRef, Scalar } from '../types';
import { PropertyPicker, propertyText, usePropertyType, ValuesPicker } from './pickers';

const TEXT_OPS = [
    { id: 'is', text: 'is' },
    { id: 'is_not', text: 'is not' },
    { id: 'contains', text: 'contains' },
    { id: 'not_contains', text: 'does not contain' },
    { id: 'set', text: 'is set' },
    { id: 'not_set', text: 'is not set' },
];
const NUMBER_OPS = [
    { id: 'gt', text: '>' },
    { id: 'gte', text: '≥' },
    { id: 'lt', text: '<' },
    { id: 'lte', text: '≤' },
    { id: 'between', text: 'between' },
    { id: 'is', text: '=' },
    { id: 'is_not', text: '≠' },
    { id: 'set', text: 'is set' },
    { id: 'not_set', text: 'is not set' },
];
const BOOLEAN_OPS = [
    { id: 'is_true', text: 'is true' },
    { id: 'is_false', text: 'is false' },
    { id: 'set', text: 'is set' },
    { id: 'not_set', text: 'is not set' },
];

function opsFor(type: string): { id: string; text: string }[] {
    if (type === 'number') return NUMBER_OPS;
    if (type === 'boolean') return BOOLEAN_OPS;
    if (type === 'mixed') return [...TEXT_OPS, ...NUMBER_OPS.slice(0, 5), ...BOOLEAN_OPS.slice(0, 2)];
    return TEXT_OPS;
}

/** The operator changed: what was compared with stays if it still fits. */
function withOp(f: Filter, op: string): Filter {
    const many = op === 'is' || op === 'is_not';
    const wasMany = Array.isArray(f.value) && f.op !== 'between';
    if (op === 'between') return { property: f.property, op, value: ['', ''] };
    if (many) return { property: f.property, op, value: wasMany ? (f.value ?? []) : [] };
    const keep = f.value !== undefined && !Array.isArray(f.value) && !['set', 'not_set', 'is_true', 'is_false'].includes(op);
    return keep ? { ...f, op } : { property: f.property, op };
}

interface BoxProps {
    label: string;
    numeric?: boolean;
    value: Scalar | undefined;
    onPick: (v: Scalar) => void;
}

function Box({ label, numeric, value, onPick }: BoxProps): JSX.Element {
    return (
        <input
            class="box"
            type="text"
            inputMode={numeric ? 'decimal' : 'text'}
            placeholder={numeric ? 'Number' : 'Text'}
            aria-label={label}
            value={value === undefined ? '' : String(value)}
            onChange={(e) => {
                const text = e.currentTarget.value.trim();
                const n = Number(text);
                onPick(!numeric ? text : text === '' || !Number.isFinite(n) ? '' : n);
            }}
        />
    );
}

function Operand({ f, startOpen, onChange }: { f: Filter; startOpen: boolean; onChange: (f: Filter) => void }): JSX.Element | null {
    const name = propertyText(f.property);
    const list = Array.isArray(f.value) ? f.value : [];
    switch (f.op) {
        case 'is':
        case 'is_not':
            return <ValuesPicker startOpen={startOpen} property={f.property} value={list} onChange={(value) => onChange({ ...f, value })} />;
        case 'contains':
        case 'not_contains':
            return <Box label={`Text in ${name}`} value={list.length ? '' : (f.value as Scalar)} onPick={(value) => onChange({ ...f, value })} />;
        case 'between':
            return (
                <div class="pair">
                    <Box label={`${name} from`} numeric value={list[0]} onPick={(v) => onChange({ ...f, value: [v, list[1] ?? ''] })} />
                    <span class="faint">and</span>
                    <Box label={`${name} to`} numeric value={list[1]} onPick={(v) => onChange({ ...f, value: [list[0] ?? '', v] })} />
                </div>
            );
        case 'gt':
        case 'gte':
        case 'lt':
        case 'lte':
            return <Box label={`Number for ${name}`} numeric value={list.length ? '' : (f.value as Scalar)} onPick={(value) => onChange({ ...f, value })} />;
        default:
            return null;
    }
}

interface RowProps {
    f: Filter;
    only: 'user' | undefined;
    onChange: (f: Filter) => void;
    onRemove: () => void;
}

/** A first condition on a property, by what the lexicon knows of its type. */
function useFresh(): (property: PropertyRef) => Filter {
    const { lexicon } = useHere();
    return (property) => {
        const type = typeof property === 'string' ? lexicon.properties.find((p) => p.name === property)?.type : 'string';
        if (type === 'boolean') return { property, op: 'is_true' };
        if (type === 'number') return { property, op: 'gt', value: '' };
        return { property, op: 'is', value: [] };
    };
}

/** A row begins as a question for its property; once that is picked, the values open by themselves. */
function FilterRow({ f, only, onChange, onRemove }: RowProps): JSX.Element {
    const fresh = useFresh();
    const [blank] = useState(f.property === '');
    const type = usePropertyType(f.property);
    const known = opsFor(type);
    const ops = known.some((o) => o.id === f.op) ? known : [...known, { id: f.op, text: f.op }];
    const name = f.property === '' ? 'nothing yet' : propertyText(f.property);
    return (
        <div class="filter-row">
            <PropertyPicker
                label="Filter by"
                startOpen={blank}
                value={f.property || undefined}
                onPick={(p) => onChange(fresh(p))}
                {...(only ? { only } : {})}
            />
            {f.property !== '' && (
                <>
                    <Select label={`How ${name} is compared`} value={f.op} options={ops} onPick={(op) => onChange(withOp(f, op))} />
                    <Operand f={f} startOpen={blank} onChange={onChange} />
                </>
            )}
            <IconButton icon="close" label={`Remove filter on ${name}`} onClick={onRemove} />
        </div>
    );
}

interface Props {
    filters: Filter[];
    onChange: (filters: Filter[]) => void;
    only?: 'user';
    add?: string;
    id?: string;
}

export function Filters({ filters, onChange, only, add = 'Filter', id }: Props): JSX.Element {
    const replace = (i: number, f: Filter): void => onChange(filters.map((old, j) => (j === i ? f : old)));
    const remove = (i: number): void => onChange(filters.filter((_, j) => j !== i));
    return (
        <div class="filters">
            {filters.map((f, i) => (
                <FilterRow key={i} f={f} only={only} onChange={(x) => replace(i, x)} onRemove={() => remove(i)} />
            ))}
            {filters.every((f) => f.property !== '') && (
                <AddButton {...(id ? { id } : {})} onClick={() => onChange([...filters, { property: '', op: 'is', value: [] }])}>
                    {add}
                </AddButton>
            )}
        </div>
    );
}
