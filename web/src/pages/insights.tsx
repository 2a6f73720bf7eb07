// Insights: how often, how many, how much; over time or in total; broken down.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { query } from '../api';
import { BreakdownBlock, EventRow, FilterBlock, IntervalPicker, letter, RangePicker } from '../ask/blocks';
import { metricText, PropertyPicker } from '../ask/pickers';
import { useReport } from '../ask/report';
import { useHere } from '../context';
import { before, type Days } from '../dates';
import { useLoad } from '../hooks';
import { insightsQuery, MEASURES, needsProperty } from '../query';
import type { ChartKind, State } from '../state';
import type { Insights as Answer, Metric } from '../types';
import { AddButton, Block, IconButton, Segmented, Select } from '../ui/controls';
import { Workbench } from '../ui/workbench';
import { InsightsResult } from './insights_result';

const METRICS_MAX = 6;

function MetricRow({ m, i, s }: { m: Metric; i: number; s: State }): JSX.Element {
    const { nav, lexicon } = useHere();
    const set = (next: Metric): void => nav.patch({ metrics: s.metrics.map((old, j) => (j === i ? next : old)) });
    const remove = (): void => nav.patch({ metrics: s.metrics.filter((_, j) => j !== i), formula: '' });
    const measured = (measure: string): void => {
        const number = lexicon.properties.find((p) => p.type === 'number')?.name ?? lexicon.properties[0]?.name;
        set({ ...m, measure, ...(needsProperty(measure) && !m.property && number ? { property: number } : {}) });
    };
    return (
        <EventRow
            mark={letter(i)}
            label={`Event ${letter(i)}`}
            value={m}
            onChange={(e) => set({ ...m, ...e })}
            {...(i === 0 ? { id: 'first-event' } : {})}
            tools={s.metrics.length > 1 && <IconButton icon="close" label={`Remove event ${letter(i)}`} onClick={remove} />}
        >
            <div class="measure">
                <Select label={`Measure of ${letter(i)}`} value={m.measure} options={MEASURES} onPick={measured} />
                {needsProperty(m.measure) && (
                    <PropertyPicker
                        label={`Property of ${letter(i)}`}
                        value={m.property}
                        {...(m.measure === 'distinct' ? {} : { only: 'number' as const })}
                        onPick={(property) => set({ ...m, property })}
                    />
                )}
            </div>
        </EventRow>
    );
}

function Question({ s }: { s: State }): JSX.Element {
    const { nav } = useHere();
    const last = s.metrics[s.metrics.length - 1];
    return (
        <>
            <Block title="Events">
                {s.metrics.map((m, i) => (
                    <MetricRow key={i} m={m} i={i} s={s} />
                ))}
                {s.metrics.length < METRICS_MAX && (
                    <AddButton onClick={() => nav.patch({ metrics: [...s.metrics, { event: last?.event ?? null, measure: 'unique' }] })}>Event</AddButton>
                )}
                {s.metrics.length > 1 && (
                    <label class="labelled">
                        <span>Formula</span>
                        <input
                            class="box"
                            type="text"
                            placeholder="for example B / A"
                            value={s.formula}
                            onChange={(e) => nav.patch({ formula: e.currentTarget.value })}
                        />
                    </label>
                )}
            </Block>
            <FilterBlock />
            <BreakdownBlock />
        </>
    );
}

const CHARTS: { id: ChartKind; text: string }[] = [
    { id: 'line', text: 'Line' },
    { id: 'stacked', text: 'Stacked' },
    { id: 'column', text: 'Columns' },
    { id: 'bar', text: 'Bars' },
];

function Tools({ s }: { s: State }): JSX.Element {
    const { nav } = useHere();
    const comparable = s.chart === 'line' && !s.breakdown.length;
    return (
        <>
            <RangePicker />
            {s.chart !== 'bar' && <IntervalPicker value={s.interval} />}
            <span class="spring" />
            {comparable && (
                <button type="button" class="toggle" aria-pressed={s.compare} onClick={() => nav.patch({ compare: !s.compare })}>
                    Compare
                </button>
            )}
            <Segmented label="Chart" value={s.chart} options={CHARTS} onPick={(chart) => nav.patch({ chart })} />
        </>
    );
}

/** The same question about the days right before; asked only when it is shown. */
function useEarlier(s: State, days: Days): Answer | undefined {
    const { project } = useHere();
    const wanted = s.compare && s.chart === 'line' && !s.breakdown.length;
    const body = wanted ? insightsQuery(project.id, s, before(days)) : null;
    const { data } = useLoad(body && JSON.stringify(body), (signal) => query<Answer>(body ?? {}, signal));
    return wanted ? data : undefined;
}

export function Insights(): JSX.Element {
    const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
    const { s, days, answer } = useReport<Answer>(insightsQuery);
    const earlier = useEarlier(s, days);
    const toggle = (id: string): void => {
        const next = new Set(hidden);
        if (!next.delete(id)) next.add(id);
        setHidden(next);
    };
    return (
        <Workbench title="Insights" summary={s.metrics.map(metricText).join('; ')} question={<Question s={s} />} tools={<Tools s={s} />} answer={answer}>
            {({ asked, got }) => <InsightsResult s={{ ...asked, chart: s.chart }} got={got} earlier={earlier} hidden={hidden} onToggle={toggle} />}
        </Workbench>
    );
}
