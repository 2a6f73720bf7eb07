// Insights over time as lines, stacked areas or columns.
import type { EChartsCoreOption } from 'echarts/core';
import { bucketLong, bucketShort, type Interval } from '../dates';
import { compact, number } from '../format';
import type { ChartKind } from '../state';
import type { Palette } from './palette';
import { tooltip, TOOLTIP_BASE } from './tooltip';

/** One line of the picture. */
export interface Drawn {
    id: string;
    text: string;
    colour: string;
    values: (number | null)[];
    /** The same span before, drawn faint. */
    earlier?: (number | null)[] | undefined;
}

export interface Picture {
    drawn: Drawn[];
    buckets: string[];
    interval: Interval;
    kind: ChartKind;
    /** The last bucket is still filling. */
    running: boolean;
    palette: Palette;
    calm: boolean;
}

function axes(p: Picture): EChartsCoreOption {
    const { line, muted } = p.palette;
    const label = { color: muted, fontSize: 11, fontFamily: 'inherit' };
    return {
        grid: { left: 4, right: 14, top: 14, bottom: 2, containLabel: true },
        xAxis: {
            type: 'category',
            data: p.buckets,
            boundaryGap: p.kind === 'column',
            axisLine: { lineStyle: { color: line } },
            axisTick: { show: false },
            axisLabel: { ...label, hideOverlap: true, formatter: (b: string) => bucketShort(b, p.interval) },
        },
        yAxis: {
            type: 'value',
            splitNumber: 4,
            splitLine: { lineStyle: { color: line } },
            axisLabel: { ...label, formatter: (n: number) => compact(n) },
        },
    };
}

const wholeOnly = (d: Drawn, p: Picture): (number | null)[] => (p.running ? [...d.values.slice(0, -1), null] : d.values);

const lined = (d: Drawn, p: Picture): object => ({
    id: d.id,
    name: d.text,
    type: 'line',
    data: wholeOnly(d, p),
    color: d.colour,
    lineStyle: { width: 2 },
    showSymbol: d.values.length === 1,
    symbol: 'circle',
    symbolSize: 6,
    emphasis: { focus: 'series' },
    ...(p.drawn.length === 1 ? { areaStyle: { opacity: 0.08 } } : {}),
});

/** The way to a value that is still growing is dashed. */
const tail = (d: Drawn, p: Picture): object => ({
    id: `${d.id}~tail`,
    name: d.text,
    type: 'line',
    data: d.values.map((v, i) => (i >= d.values.length - 2 ? v : null)),
    color: d.colour,
    lineStyle: { width: 2, type: [4, 4] },
    showSymbol: false,
    silent: true,
    ...(p.drawn.length === 1 ? { areaStyle: { opacity: 0.04 } } : {}),
});

const faint = (d: Drawn): object => ({
    id: `${d.id}~earlier`,
    name: d.text,
    type: 'line',
    data: d.earlier,
    color: d.colour,
    lineStyle: { width: 1.5, type: [2, 3], opacity: 0.6 },
    showSymbol: false,
    silent: true,
    z: 1,
});

/** Areas end with the last whole bucket: one that is still filling would look like a fall. */
const stacked = (d: Drawn, p: Picture): object => ({
    id: d.id,
    name: d.text,
    type: 'line',
    stack: 'all',
    data: wholeOnly(d, p),
    color: d.colour,
    lineStyle: { width: 1 },
    areaStyle: { opacity: 0.72 },
    showSymbol: false,
    emphasis: { focus: 'series' },
});

const column = (d: Drawn, p: Picture): object => ({
    id: d.id,
    name: d.text,
    type: 'bar',
    ...(p.drawn.length > 3 ? { stack: 'all' } : {}),
    data: d.values.map((v, i) => (p.running && i === d.values.length - 1 ? { value: v, itemStyle: { opacity: 0.45 } } : v)),
    color: d.colour,
    barMaxWidth: 36,
    barCategoryGap: '22%',
    emphasis: { focus: 'series' },
});

function tip(p: Picture, index: number): HTMLElement {
    const bucket = p.buckets[index] ?? '';
    const rows = p.drawn
        .map((d) => ({ value: d.values[index] ?? null, colour: d.colour, text: d.text, earlier: d.earlier?.[index] }))
        .sort((a, b) => (b.value ?? -Infinity) - (a.value ?? -Infinity))
        .flatMap((d) => {
            const row = { colour: d.colour, text: d.text, value: number(d.value) };
            return d.earlier === undefined ? [row] : [row, { colour: 'transparent', text: 'the period before', value: number(d.earlier) }];
        });
    const last = p.running && index === p.buckets.length - 1;
    return tooltip(bucketLong(bucket, p.interval), rows, last ? 'still filling' : undefined);
}

export function overTime(p: Picture): EChartsCoreOption {
    const split = p.running && p.buckets.length > 1;
    const shape = { ...p, running: split };
    const series = p.drawn.flatMap((d) => {
        if (p.kind === 'stacked') return [stacked(d, shape)];
        if (p.kind === 'column') return [column(d, p)];
        return [lined(d, shape), ...(split ? [tail(d, p)] : []), ...(d.earlier ? [faint(d)] : [])];
    });
    return {
        animation: !p.calm,
        animationDuration: 260,
        textStyle: { fontFamily: 'inherit' },
        ...axes(p),
        tooltip: {
            ...TOOLTIP_BASE,
            trigger: 'axis',
            axisPointer: { type: p.kind === 'column' ? 'shadow' : 'line', lineStyle: { color: p.palette.muted, type: 'solid' }, shadowStyle: { opacity: 0.06 } },
            formatter: (params: unknown) => tip(p, (params as { dataIndex: number }[])[0]?.dataIndex ?? 0),
        },
        series,
    };
}
