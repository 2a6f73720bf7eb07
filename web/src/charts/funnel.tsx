// The funnel as water over steps: a column per step, its height the share of the first; what ran off is hatched above it.
import type { JSX } from 'preact';
import { number, percent, pretty, span } from '../format';
import type { FunnelSeries, FunnelStep, Label as Value } from '../types';
import { Labels } from '../ui/label';
import { seriesVar } from './palette';

export function SeriesName({ labels }: { labels: Value[] }): JSX.Element {
    return labels.length ? <Labels of={labels} /> : <span>Everyone</span>;
}

function Column({ step, before, colour }: { step: FunnelStep; before: FunnelStep | undefined; colour: string }): JSX.Element {
    const share = step.from_first ?? 0;
    const lost = (before?.from_first ?? share) - share;
    return (
        <div class="funnel-column" style={{ '--colour': colour }}>
            <div class="funnel-lost" style={{ '--share': `${100 * Math.max(0, lost)}%` }} />
            <div class="funnel-kept" style={{ '--share': `${100 * share}%` }} />
        </div>
    );
}

function Passage({ step }: { step: FunnelStep }): JSX.Element {
    const lost = step.from_previous === null ? null : 1 - step.from_previous;
    return (
        <p class="funnel-passage">
            <span class="funnel-drop">{percent(lost)} leave</span>
            {step.median_s !== null && <span class="faint">median {span(step.median_s)}</span>}
        </p>
    );
}

interface Props {
    series: FunnelSeries[];
    steps: { event: string | null }[];
}

export function FunnelChart({ series, steps }: Props): JSX.Element {
    return (
        <div class="funnel" role="region" tabIndex={0} aria-label="Funnel, step by step">
            {steps.map((asked, i) => {
                const lead = series[0]?.steps[i];
                return (
                    <section class="funnel-step" key={i}>
                        <header>
                            <span class="letter">{i + 1}</span>
                            <h2>{pretty(asked.event)}</h2>
                        </header>
                        <div class="funnel-columns">
                            {series.map((s, j) => {
                                const step = s.steps[i];
                                return step && <Column key={j} step={step} before={s.steps[i - 1]} colour={seriesVar(j)} />;
                            })}
                        </div>
                        {series.length === 1 && lead && (
                            <div class="funnel-foot">
                                <p>
                                    <strong>{percent(lead.from_first)}</strong> <span class="faint">{number(lead.count)} people</span>
                                </p>
                                {i > 0 && <Passage step={lead} />}
                            </div>
                        )}
                    </section>
                );
            })}
        </div>
    );
}
