// ECharts behind one component; loaded when the first chart is drawn. It draws on a canvas, so the picture's words go into
// aria-label, and the table beside it holds the numbers.
import type { EChartsCoreOption, EChartsType } from 'echarts/core';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface Props {
    option: EChartsCoreOption | null;
    label: string;
    tall?: boolean;
    onClick?: (name: string) => void;
}

export function EChart({ option, label, tall }: Props): JSX.Element {
    const box = useRef<HTMLDivElement>(null);
    const chart = useRef<EChartsType | null>(null);
    const latest = useRef(option);
    latest.current = option;
    useEffect(() => {
        let gone = false;
        let watch: ResizeObserver | undefined;
        void import('./echarts').then(({ init }) => {
            if (gone || !box.current) return;
            const made = init(box.current, undefined, { renderer: 'canvas' });
            chart.current = made;
            if (latest.current) made.setOption(latest.current, { notMerge: true });
            watch = new ResizeObserver(() => made.resize());
            watch.observe(box.current);
        });
        return () => {
            gone = true;
            watch?.disconnect();
            chart.current?.dispose();
            chart.current = null;
        };
    }, []);
    useEffect(() => {
        if (option) chart.current?.setOption(option, { notMerge: true });
    }, [option]);
    return <div class={tall ? 'echart tall' : 'echart'} role="img" aria-label={label} ref={box} />;
}
