// Two hours of a signal by the minute against what is expected: bars over a line, drawn as plain SVG.
import type { JSX } from 'preact';
import { number } from '../format';

interface Props {
    minutes: number[];
    expected: (number | null)[];
    label: string;
    alarmed?: boolean;
}

const HEIGHT = 40;

/** A line through what is known of the baseline; gaps where nothing is. */
function baseline(expected: (number | null)[], most: number): string {
    let d = '';
    let pen = false;
    expected.forEach((v, i) => {
        if (v === null) pen = false;
        else {
            d += `${pen ? 'L' : 'M'}${i + 0.5} ${(HEIGHT - (HEIGHT * Math.min(v, most)) / most).toFixed(2)}`;
            pen = true;
        }
    });
    return d;
}

export function Spark({ minutes, expected, label, alarmed }: Props): JSX.Element {
    const most = Math.max(3, ...minutes, ...expected.map((v) => v ?? 0)) * 1.05;
    const last = minutes.slice(-10).reduce((a, b) => a + b, 0);
    return (
        <svg
            class={alarmed ? 'spark alarmed' : 'spark'}
            viewBox={`0 0 ${minutes.length} ${HEIGHT}`}
            preserveAspectRatio="none"
            role="img"
            aria-label={`${label}: ${number(last)} in the last ten minutes, at most ${number(Math.max(0, ...minutes))} in one`}
        >
            {minutes.map((n, i) => n > 0 && <rect key={i} x={i + 0.1} width={0.8} y={HEIGHT - (HEIGHT * n) / most} height={(HEIGHT * n) / most} />)}
            <path d={baseline(expected, most)} />
        </svg>
    );
}
