// What insights answered: headline numbers, the picture with its legend, the table.
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { metricText, propertyText } from '../ask/pickers';
import { Bars } from '../charts/bars';
import { EChart } from '../charts/echart';
import { palette, seriesVar } from '../charts/palette';
import { overTime, type Drawn } from '../charts/series';
import { useHere } from '../context';
import { bucketShort, isRunning } from '../dates';
import { compact, number, percent, plain } from '../format';
import { useColours } from '../hooks';
import type { State } from '../state';
import type { Insights, Label as Value, Series } from '../types';
import { Label } from '../ui/label';
import { Calm } from '../ui/states';
import { Table, type Column } from '../ui/table';

interface Row {
    id: string;
    at: number;
    labels: Value[];
    metric: string;
    text: string;
    series: Series;
}

const DRAWN_MAX = 12;
const ADDITIVE = ['total', 'sum'];

function rowsOf(s: State, got: Insights): Row[] {
    const formula = got.series.filter((x) => x.metric === 'formula');
    const several = !formula.length && s.metrics.length > 1;
    return (formula.length ? formula : got.series).map((series, at) => {
        const m = series.metric === 'formula' ? undefined : s.metrics[series.metric];
        const metric = m ? metricText(m) : s.formula;
        const label = series.breakdown.map(plain).join(' · ');
        const text = !label ? metric : several ? `${label} (${metric})` : label;
        return { id: `${series.metric}/${JSON.stringify(series.breakdown)}`, at, labels: series.breakdown, metric, text, series };
    });
}

const isOther = (r: Row): boolean => r.labels.includes('$other');
const colourVar = (r: Row): string => (isOther(r) ? 'var(--series-other)' : seriesVar(r.at));

function Headline({ rows, earlier }: { rows: Row[]; earlier: Insights | undefined }): JSX.Element | null {
    if (rows.some((r) => r.labels.length) || rows.length > 4) return null;
    return (
        <div class="headline">
            {rows.map((r) => {
                const was = earlier?.series.find((x) => x.metric === r.series.metric)?.total;
                const change = was && r.series.total !== null ? r.series.total / was - 1 : null;
                return (
                    <div key={r.id}>
                        <span class="headline-number">{number(r.series.total)}</span>
                        {change !== null && (
                            <span class={change < 0 ? 'change fall' : 'change rise'}>
                                {change < 0 ? '▼' : '▲'} {percent(Math.abs(change))} <span class="faint">to the period before</span>
                            </span>
                        )}
                        <span class="headline-text">{r.text}</span>
                    </div>
                );
            })}
        </div>
    );
}

function Legend({ rows, hidden, onToggle }: { rows: Row[]; hidden: ReadonlySet<string>; onToggle: (id: string) => void }): JSX.Element | null {
    if (rows.length < 2) return null;
    return (
        <ul class="legend" aria-label="Series">
            {rows.slice(0, DRAWN_MAX).map((r) => (
                <li key={r.id}>
                    <button type="button" aria-pressed={!hidden.has(r.id)} onClick={() => onToggle(r.id)}>
                        <span class="swatch" style={{ background: colourVar(r) }} />
                        {r.text}
                    </button>
                </li>
            ))}
        </ul>
    );
}

interface Props {
    s: State;
    got: Insights;
    earlier: Insights | undefined;
    hidden: ReadonlySet<string>;
    onToggle: (id: string) => void;
}

function Picture({ s, got, earlier, hidden, onToggle }: Props): JSX.Element {
    const { project } = useHere();
    const colours = useColours();
    const rows = useMemo(() => rowsOf(s, got), [s, got]);
    const option = useMemo(() => {
        const p = palette();
        const drawn: Drawn[] = rows
            .slice(0, DRAWN_MAX)
            .filter((r) => !hidden.has(r.id))
            .map((r) => ({
                id: r.id,
                text: r.text,
                colour: isOther(r) ? p.other : (p.series[r.at % p.series.length] ?? p.ink),
                values: r.series.values,
                earlier: earlier?.series.find((x) => x.metric === r.series.metric)?.values,
            }));
        const running = isRunning(got.buckets.at(-1) ?? '', s.interval, project.timezone);
        const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
        return overTime({ drawn, buckets: got.buckets, interval: s.interval, kind: s.chart, running, palette: p, calm });
    }, [rows, got, earlier, hidden, s.chart, colours]);
    const said = rows.slice(0, 5).map((r) => `${r.text}: ${number(r.series.total)}`).join('; ');
    return (
        <>
            <Headline rows={rows} earlier={earlier} />
            {s.chart === 'bar' ? (
                <Bars
                    label="Totals"
                    share={s.breakdown.length > 0 && s.metrics.length === 1 && ADDITIVE.includes(s.metrics[0]?.measure ?? '')}
                    bars={rows.map((r) => ({ id: r.id, labels: r.labels.length ? r.labels : [r.text], colour: colourVar(r), total: r.series.total }))}
                />
            ) : (
                <>
                    <EChart option={option} label={`Chart over time. ${said}`} />
                    <Legend rows={rows} hidden={hidden} onToggle={onToggle} />
                </>
            )}
        </>
    );
}

function columnsOf(s: State, got: Insights, rows: Row[]): Column<Row>[] {
    const names = s.breakdown.length ? s.breakdown : [null];
    const label = (i: number): Column<Row> => ({
        id: `label${i}`,
        head: s.breakdown[i] === undefined ? 'Metric' : propertyText(s.breakdown[i]),
        key: (r) => (names[0] === null ? r.text : plain(r.labels[i])),
        cell: (r) => (
            <span class="series-name">
                {i === 0 && <span class="swatch" style={{ background: colourVar(r) }} />}
                {names[0] === null ? r.text : <Label v={r.labels[i]} />}
            </span>
        ),
    });
    const metric: Column<Row> = { id: 'metric', head: 'Metric', key: (r) => r.metric, cell: (r) => r.metric };
    const several = names[0] !== null && new Set(rows.map((r) => r.metric)).size > 1;
    return [
        ...names.map((_, i) => label(i)),
        ...(several ? [metric] : []),
        { id: 'total', head: 'Whole range', num: true, key: (r) => r.series.total, cell: (r) => <strong>{number(r.series.total)}</strong> },
        ...got.buckets.map((b, i) => ({
            id: `b${i}`,
            head: bucketShort(b, s.interval),
            num: true,
            key: (r: Row) => r.series.values[i] ?? null,
            cell: (r: Row) => number(r.series.values[i]),
        })),
    ];
}

export function InsightsResult(props: Props): JSX.Element {
    const { s, got } = props;
    const { nav } = useHere();
    const rows = useMemo(() => rowsOf(s, got), [s, got]);
    if (!got.series.some((x) => x.values.some((v) => v))) {
        return (
            <Calm
                title="No events match"
                action={
                    <>
                        {s.range !== '90d' && <button type="button" class="primary" onClick={() => nav.patch({ range: '90d' })}>Look at 90 days</button>}
                        {s.filters.length > 0 && <button type="button" class="quiet" onClick={() => nav.patch({ filters: [] })}>Remove filters</button>}
                    </>
                }
            >
                <p>Nothing in this range fits the question. Widen the range, pick another event, or loosen a filter.</p>
            </Calm>
        );
    }
    return (
        <>
            <div class="card">
                <Picture {...props} />
            </div>
            <Table
                label="Numbers"
                columns={columnsOf(s, got, rows)}
                rows={rows}
                rowKey={(r) => r.id}
                tools={<Cost got={got} />}
            />
        </>
    );
}

function Cost({ got }: { got: Insights }): JSX.Element | null {
    if (got.elapsed_ms === undefined || got.scanned_events === undefined) return null;
    return (
        <span class="cost">
            {compact(got.scanned_events)} events read in {number(Math.max(1, Math.round(got.elapsed_ms)))} ms
        </span>
    );
}
