// A table of numbers that can be ordered by any column and taken along as CSV.
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useCopy } from './copy';
import { Icon } from './icons';

export interface Column<Row> {
    id: string;
    head: string;
    num?: boolean;
    cell: (row: Row) => ComponentChildren;
    /** What the column is ordered by and what CSV says; without it the column has no order. */
    key?: (row: Row) => string | number | null;
}

interface Props<Row> {
    label: string;
    columns: Column<Row>[];
    rows: Row[];
    rowKey: (row: Row) => string;
    sort?: { id: string; down: boolean };
    onRow?: (row: Row) => void;
    tools?: ComponentChildren;
}

const ROWS_MAX = 500;

function compare(a: string | number | null, b: string | number | null): number {
    if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
    return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
}

/** A cell of CSV; one that a spreadsheet would take for a formula is kept text. */
function csvCell(v: string | number | null): string {
    if (v === null) return '';
    if (typeof v === 'number') return String(v);
    const text = /^[=+\-@\t\r]/.test(v) ? `'${v}` : v;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv<Row>(columns: Column<Row>[], rows: Row[]): string {
    const lines = rows.map((r) => columns.map((c) => csvCell(c.key?.(r) ?? null)).join(','));
    return [columns.map((c) => csvCell(c.head)).join(','), ...lines].join('\n');
}

function CopyCsv<Row>({ columns, rows }: { columns: Column<Row>[]; rows: Row[] }): JSX.Element {
    const { done, copy } = useCopy();
    return (
        <button type="button" class="quiet" onClick={() => copy(csv(columns.filter((c) => c.key), rows))}>
            <Icon name="copy" />
            <span aria-live="polite">{done ? 'Copied' : 'Copy CSV'}</span>
        </button>
    );
}

export function Table<Row>({ label, columns, rows, rowKey, sort, onRow, tools }: Props<Row>): JSX.Element {
    const [order, setOrder] = useState(sort);
    const by = columns.find((c) => c.id === order?.id)?.key;
    const sorted = by ? [...rows].sort((a, b) => (order?.down ? -1 : 1) * compare(by(a), by(b))) : rows;
    const flip = (c: Column<Row>): void => setOrder({ id: c.id, down: order?.id === c.id ? !order.down : !!c.num });
    const aria = (c: Column<Row>): 'ascending' | 'descending' | undefined =>
        order?.id === c.id ? (order.down ? 'descending' : 'ascending') : undefined;
    return (
        <section class="table-section">
            <header class="table-head">
                <h2>{label}</h2>
                {tools}
                <CopyCsv columns={columns} rows={sorted} />
            </header>
            <div class="table-box" role="region" tabIndex={0} aria-label={label}>
                <table>
                    <thead>
                        <tr>
                            {columns.map((c) => (
                                <th scope="col" key={c.id} class={c.num ? 'num' : undefined} aria-sort={aria(c)}>
                                    {c.key ? (
                                        <button type="button" class="sort" onClick={() => flip(c)}>
                                            {c.head}
                                        </button>
                                    ) : (
                                        c.head
                                    )}
                                </th>
                            ))}
                        </tr>
                    </thead>
                    <tbody>
                        {sorted.slice(0, ROWS_MAX).map((r) => (
                            <tr key={rowKey(r)} class={onRow ? 'clickable' : undefined} onClick={onRow && (() => onRow(r))}>
                                {columns.map((c) => (
                                    <td key={c.id} class={c.num ? 'num' : undefined}>
                                        {c.cell(r)}
                                    </td>
                                ))}
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
            {rows.length > ROWS_MAX && <p class="faint">The first {ROWS_MAX} of {rows.length} rows.</p>}
        </section>
    );
}
