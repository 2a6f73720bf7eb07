// Totals as bars lying on their side: as many as there are, each with its number.
import type { JSX } from 'preact';
import { number, percent } from '../format';
import type { Label as Value } from '../types';
import { Labels } from '../ui/label';

export interface Bar {
    id: string;
    labels: Value[];
    colour: string;
    total: number | null;
}

export function Bars({ bars, share, label }: { bars: Bar[]; share: boolean; label: string }): JSX.Element {
    const most = Math.max(1e-9, ...bars.map((b) => b.total ?? 0));
    const sum = bars.reduce((n, b) => n + (b.total ?? 0), 0);
    return (
        <ol class="bars" aria-label={label}>
            {bars.map((b) => (
                <li key={b.id}>
                    <span class="bars-label">
                        <Labels of={b.labels} />
                    </span>
                    <span class="bars-track">
                        <span class="bars-bar" style={{ width: `${(100 * Math.max(0, b.total ?? 0)) / most}%`, background: b.colour }} />
                    </span>
                    <span class="bars-number">
                        {number(b.total)}
                        {share && sum > 0 && <span class="faint"> {percent((b.total ?? 0) / sum)}</span>}
                    </span>
                </li>
            ))}
        </ol>
    );
}
