// Retention: who comes back, and how long after.
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { EventRow, FilterBlock, RangePicker } from '../ask/blocks';
import { EChart } from '../charts/echart';
import { palette } from '../charts/palette';
import { average, HeatTable } from '../charts/retention';
import { TOOLTIP_BASE, tooltip } from '../charts/tooltip';
import { useReport } from '../ask/report';
import { useHere } from '../context';
import type { Interval } from '../dates';
import { number, percent, pretty } from '../format';
import { useColours } from '../hooks';
import { retentionQuery } from '../query';
import type { State } from '../state';
import type { Cohort, Retention as Answer } from '../types';
import { Block, NumberBox, Select } from '../ui/controls';
import { Calm } from '../ui/states';
import { Workbench } from '../ui/workbench';

const STARTS = [
    { id: 'first_in_range', text: 'First time in the range' },
    { id: 'first_ever', text: 'First time ever' },
];
const MODES = [
    { id: 'on', text: 'Back in that interval' },
    { id: 'on_or_after', text: 'Back then or later' },
];
const EVERY: { id: Interval; text: string }[] = [
    { id: 'day', text: 'Daily' },
    { id: 'week', text: 'Weekly' },
    { id: 'month', text: 'Monthly' },
];
const PERIODS_MAX = 60;

function Question({ s }: { s: State }): JSX.Element {
    const { nav } = useHere();
    return (
        <>
            <Block title="They begin with">
                <EventRow id="first-event" label="Start event" value={s.start} onChange={(start) => nav.patch({ start })} />
                <Select label="Which start counts" value={s.first} options={STARTS} onPick={(first) => nav.patch({ first })} />
            </Block>
            <Block title="They come back with">
                <EventRow label="Return event" value={s.back} onChange={(back) => nav.patch({ back })} />
                <Select label="When a return counts" value={s.mode} options={MODES} onPick={(mode) => nav.patch({ mode })} />
            </Block>
            <Block title="Intervals">
                <div class="inline">
                    <NumberBox label="How many intervals" value={s.periods} min={1} max={PERIODS_MAX} onPick={(periods) => nav.patch({ periods })} />
                    <Select label="Length of an interval" value={s.every} options={EVERY} onPick={(every) => nav.patch({ every })} />
                </div>
            </Block>
            <FilterBlock />
        </>
    );
}

function Curve({ cohorts, every }: { cohorts: Cohort[]; every: Interval }): JSX.Element {
    const colours = useColours();
    const n = Math.max(0, ...cohorts.map((c) => c.returned.length));
    const shares = Array.from({ length: n }, (_, i) => average(cohorts, i));
    const option = useMemo(() => {
        const p = palette();
        const label = { color: p.muted, fontSize: 11, fontFamily: 'inherit' };
        return {
            animation: false,
            grid: { left: 4, right: 14, top: 12, bottom: 2, containLabel: true },
            xAxis: { type: 'category', boundaryGap: false, data: shares.map((_, i) => `${every} ${i}`), axisLabel: label, axisTick: { show: false }, axisLine: { lineStyle: { color: p.line } } },
            yAxis: { type: 'value', min: 0, max: (x: { max: number }) => (x.max > 0.8 ? 1 : null), splitNumber: 3, axisLabel: { ...label, formatter: (v: number) => `${Math.round(v * 100)} %` }, splitLine: { lineStyle: { color: p.line } } },
            tooltip: {
                ...TOOLTIP_BASE,
                trigger: 'axis',
                formatter: (x: unknown) => {
                    const i = (x as { dataIndex: number }[])[0]?.dataIndex ?? 0;
                    return tooltip(`${every} ${i}`, [{ colour: p.series[0] ?? '', text: 'came back', value: percent(shares[i]) }]);
                },
            },
            series: [{ type: 'line', data: shares, color: p.series[0], areaStyle: { opacity: 0.12 }, lineStyle: { width: 2 }, symbol: 'circle', symbolSize: 6 }],
        };
    }, [cohorts, every, colours]);
    const said = shares.slice(0, 6).map((x, i) => `${every} ${i} ${percent(x)}`).join(', ');
    return <EChart option={option} label={`Share that came back: ${said}`} />;
}

function Result({ s, got }: { s: State; got: Answer }): JSX.Element {
    const cohorts = got.cohorts.filter((c) => c.size > 0);
    if (!cohorts.length) {
        return (
            <Calm title="No cohort began">
                <p>Nobody did “{pretty(s.start.event)}” in this range. Widen the range or let cohorts begin with another event.</p>
            </Calm>
        );
    }
    const people = cohorts.reduce((n, c) => n + c.size, 0);
    return (
        <>
            <div class="card">
                <div class="headline">
                    <div>
                        <span class="headline-number">{percent(average(cohorts, 1))}</span>
                        <span class="headline-text">
                            of {number(people)} people are back in {s.every} 1
                        </span>
                    </div>
                </div>
                <Curve cohorts={cohorts} every={s.every} />
            </div>
            <HeatTable cohorts={cohorts} interval={s.every} />
        </>
    );
}

export function Retention(): JSX.Element {
    const { s, answer } = useReport<Answer>(retentionQuery);
    return (
        <Workbench
            title="Retention"
            summary={`${pretty(s.start.event)} ⟲ ${pretty(s.back.event)}`}
            question={<Question s={s} />}
            tools={<RangePicker />}
            answer={answer}
        >
            {({ asked, got }) => <Result s={asked} got={got} />}
        </Workbench>
    );
}
