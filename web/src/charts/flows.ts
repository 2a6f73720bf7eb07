// Flows as a sankey: a layer per step before or after the anchor, a band per passage. Events of one step share the height.
import type { EChartsCoreOption } from 'echarts/core';
import { compact, number, percent, pretty } from '../format';
import type { Flows } from '../types';
import type { Palette } from './palette';
import { tooltip, TOOLTIP_BASE } from './tooltip';

const OTHER = '$other';
const LABEL_LEAST = 0.012; // of all: a band thinner than its label's line has its name in the tooltip only

interface Band {
    source: string;
    target: string;
    value: number;
}

const nodeName = (at: number, event: string | null): string => `${at}|${event ?? ''}`;

const shownName = (event: string | null): string => {
    if (event === null) return 'Ended';
    return event === OTHER ? 'Other events' : pretty(event);
};

/** A colour per event, the same in every layer; the anchor is the water's own. */
function colours(flows: Flows, p: Palette): Map<string | null, string> {
    const map = new Map<string | null, string>([
        [null, p.line],
        [OTHER, p.other],
    ]);
    const totals = new Map<string, number>();
    for (const step of flows.steps)
        for (const e of step.events) if (e.event && e.event !== OTHER) totals.set(e.event, (totals.get(e.event) ?? 0) + e.count);
    const byCount = [...totals].sort((a, b) => b[1] - a[1]);
    byCount.forEach(([event], i) => map.set(event, p.series[i % p.series.length] ?? p.other));
    return map;
}

export function sankey(flows: Flows, p: Palette): EChartsCoreOption {
    const paint = colours(flows, p);
    const first = Math.min(0, ...flows.steps.map((s) => s.at));
    const nodes = new Map<string, { name: string; depth: number; event: string | null; itemStyle: object; label: { show: boolean } }>();
    const count = new Map(flows.steps.flatMap((s) => s.events.map((e) => [nodeName(s.at, e.event), e.count])));
    const all = flows.steps.find((s) => s.at === 0)?.events.reduce((n, e) => n + e.count, 0) ?? 0;
    const add = (at: number, event: string | null): string => {
        const name = nodeName(at, event);
        if (!nodes.has(name)) nodes.set(name, { name, depth: at - first, event, itemStyle: { color: paint.get(event) ?? p.other }, label: { show: (count.get(name) ?? 0) >= LABEL_LEAST * all } });
        return name;
    };
    const links: Band[] = flows.links.map((l) => ({ source: add(l.at, l.from), target: add(l.at + 1, l.to), value: l.count }));
    const tip = (params: { dataType: string; value: number; data: { source?: string; target?: string; name?: string } }): HTMLElement => {
        const event = (name: string | undefined): string => shownName(nodes.get(name ?? '')?.event ?? null);
        const d = params.data;
        const title = params.dataType === 'edge' ? `${event(d.source)} → ${event(d.target)}` : event(d.name);
        return tooltip(title, [{ colour: 'transparent', text: `${percent(all ? params.value / all : null)} of all`, value: number(params.value) }]);
    };
    return {
        animation: false,
        tooltip: { ...TOOLTIP_BASE, trigger: 'item', formatter: tip },
        series: [
            {
                type: 'sankey',
                left: 4,
                right: 130,
                top: 10,
                bottom: 10,
                nodeWidth: 10,
                nodeGap: 14,
                layoutIterations: 0,
                draggable: false,
                data: [...nodes.values()],
                links,
                lineStyle: { color: 'source', opacity: 0.22, curveness: 0.5 },
                emphasis: { focus: 'adjacency', lineStyle: { opacity: 0.5 } },
                label: {
                    color: p.ink,
                    fontSize: 11.5,
                    width: 122,
                    overflow: 'truncate',
                    formatter: (x: { data: { event: string | null }; value: number }) => `${shownName(x.data.event)} ${compact(x.value)}`,
                    lineHeight: 14,
                },
            },
        ],
    };
}
