// Funnel: how many go from one step to the next, and where they leave.
import type { JSX } from 'preact';
import { BreakdownBlock, EventRow, FilterBlock, PropertyList, RangePicker, WindowPicker } from '../ask/blocks';
import { EventPicker } from '../ask/pickers';
import { FunnelChart, SeriesName } from '../charts/funnel';
import { seriesVar } from '../charts/palette';
import { useReport } from '../ask/report';
import { useHere } from '../context';
import { number, percent, plain, pretty, span } from '../format';
import { funnelQuery } from '../query';
import type { State } from '../state';
import type { EventRef, Funnel as Answer, FunnelSeries } from '../types';
import { AddButton, Block, IconButton, Select } from '../ui/controls';
import { Calm } from '../ui/states';
import { Table, type Column } from '../ui/table';
import { Workbench } from '../ui/workbench';

const STEPS_MAX = 32;
const SHOWN_SERIES = 6;
const HOLD_MAX = 4;
const ORDERS = [
    { id: 'ordered', text: 'In this order' },
    { id: 'any', text: 'In any order' },
];

function Steps({ s }: { s: State }): JSX.Element {
    const { nav, lexicon } = useHere();
    const set = (steps: EventRef[]): void => nav.patch({ steps, exclude: s.exclude.filter((x) => x.after_step < steps.length) });
    const swap = (i: number): void => {
        const next = [...s.steps];
        const [moved] = next.splice(i, 1);
        if (moved) next.splice(i - 1, 0, moved);
        set(next);
    };
    const unused = lexicon.events.find((e) => !e.name.startsWith('$') && !s.steps.some((x) => x.event === e.name));
    return (
        <Block title="Steps" aside={<Select label="Order of steps" value={s.order} options={ORDERS} onPick={(order) => nav.patch({ order })} />}>
            {s.steps.map((step, i) => (
                <EventRow
                    key={i}
                    mark={String(i + 1)}
                    label={`Step ${i + 1}`}
                    value={step}
                    onChange={(e) => set(s.steps.map((old, j) => (j === i ? e : old)))}
                    {...(i === 0 ? { id: 'first-event' } : {})}
                    tools={
                        <>
                            {i > 0 && <IconButton icon="up" label={`Move step ${i + 1} up`} onClick={() => swap(i)} />}
                            {s.steps.length > 2 && <IconButton icon="close" label={`Remove step ${i + 1}`} onClick={() => set(s.steps.filter((_, j) => j !== i))} />}
                        </>
                    }
                />
            ))}
            {s.steps.length < STEPS_MAX && <AddButton onClick={() => set([...s.steps, { event: unused?.name ?? null }])}>Step</AddButton>}
        </Block>
    );
}

function Exclusions({ s }: { s: State }): JSX.Element {
    const { nav, lexicon } = useHere();
    const first = lexicon.events[0]?.name ?? '';
    const between = s.steps.slice(1).map((_, i) => ({ id: String(i + 1), text: `between ${i + 1} and ${i + 2}` }));
    return (
        <Block title="Leave out who did">
            {s.exclude.map((x, i) => (
                <div class="filter-row" key={i}>
                    <EventPicker
                        label={`Excluded event ${i + 1}`}
                        value={x.event}
                        onPick={(event) => nav.patch({ exclude: s.exclude.map((old, j) => (j === i ? { ...old, event: event ?? old.event } : old)) })}
                    />
                    <Select
                        label={`Where excluded event ${i + 1} counts`}
                        value={String(x.after_step)}
                        options={between}
                        onPick={(v) => nav.patch({ exclude: s.exclude.map((old, j) => (j === i ? { ...old, after_step: Number(v) } : old)) })}
                    />
                    <IconButton icon="close" label={`Remove exclusion ${i + 1}`} onClick={() => nav.patch({ exclude: s.exclude.filter((_, j) => j !== i) })} />
                </div>
            ))}
            <AddButton onClick={() => nav.patch({ exclude: [...s.exclude, { event: first, after_step: 1 }] })}>Exclusion</AddButton>
        </Block>
    );
}

function Question({ s }: { s: State }): JSX.Element {
    const { nav } = useHere();
    return (
        <>
            <Steps s={s} />
            <Block title="Within">
                <WindowPicker />
            </Block>
            <FilterBlock />
            <BreakdownBlock />
            <Block title="Hold constant">
                <PropertyList list={s.hold} max={HOLD_MAX} add="Same value in all steps" what="held property" onChange={(hold) => nav.patch({ hold })} />
            </Block>
            {s.order === 'ordered' && <Exclusions s={s} />}
        </>
    );
}

const nameOf = (x: FunnelSeries): string => x.breakdown.map(plain).join(' · ') || 'Everyone';

function columnsOf(got: Answer, steps: EventRef[]): Column<FunnelSeries>[] {
    const name: Column<FunnelSeries> = {
        id: 'name',
        head: 'Who',
        key: nameOf,
        cell: (x) => (
            <span class="series-name">
                <span class="swatch" style={{ background: seriesVar(got.series.indexOf(x)) }} />
                <SeriesName labels={x.breakdown} />
            </span>
        ),
    };
    const last = steps.length - 1;
    const whole: Column<FunnelSeries> = {
        id: 'whole',
        head: 'Conversion',
        num: true,
        key: (x) => x.steps[last]?.from_first ?? null,
        cell: (x) => <strong>{percent(x.steps[last]?.from_first)}</strong>,
    };
    const per = steps.flatMap((step, i): Column<FunnelSeries>[] => [
        { id: `n${i}`, head: `${i + 1} ${pretty(step.event)}`, num: true, key: (x) => x.steps[i]?.count ?? null, cell: (x) => number(x.steps[i]?.count) },
        ...(i === 0
            ? []
            : [
                  { id: `p${i}`, head: 'from step before', num: true, key: (x: FunnelSeries) => x.steps[i]?.from_previous ?? null, cell: (x: FunnelSeries) => percent(x.steps[i]?.from_previous) },
                  { id: `t${i}`, head: 'median time', num: true, key: (x: FunnelSeries) => x.steps[i]?.median_s ?? null, cell: (x: FunnelSeries) => span(x.steps[i]?.median_s) },
              ]),
    ]);
    return [name, whole, ...per];
}

function Result({ s, got }: { s: State; got: Answer }): JSX.Element {
    if (!got.series.some((x) => (x.steps[0]?.count ?? 0) > 0)) {
        return (
            <Calm title="Nobody took the first step">
                <p>Nobody did “{pretty(s.steps[0]?.event ?? null)}” in this range. Widen the range or begin with another event.</p>
            </Calm>
        );
    }
    const shown = got.series.slice(0, SHOWN_SERIES);
    const whole = got.series[0]?.steps.at(-1);
    return (
        <>
            <div class="card">
                {got.series.length === 1 && whole && (
                    <div class="headline">
                        <div>
                            <span class="headline-number">{percent(whole.from_first)}</span>
                            <span class="headline-text">
                                {number(whole.count)} of {number(got.series[0]?.steps[0]?.count)} people reach “{pretty(whole.event)}”
                            </span>
                        </div>
                    </div>
                )}
                <FunnelChart series={shown} steps={s.steps} />
                {got.series.length > 1 && (
                    <ul class="legend" aria-label="Series">
                        {shown.map((x, i) => (
                            <li key={i} class="legend-item">
                                <span class="swatch" style={{ background: seriesVar(i) }} />
                                <SeriesName labels={x.breakdown} /> <strong>{percent(x.steps.at(-1)?.from_first)}</strong>
                            </li>
                        ))}
                    </ul>
                )}
            </div>
            <Table label="Numbers" columns={columnsOf(got, s.steps)} rows={got.series} rowKey={(x) => JSON.stringify(x.breakdown)} />
        </>
    );
}

export function Funnel(): JSX.Element {
    const { s, answer } = useReport<Answer>(funnelQuery);
    return (
        <Workbench
            title="Funnel"
            summary={s.steps.map((x) => pretty(x.event)).join(' → ')}
            question={<Question s={s} />}
            tools={<RangePicker />}
            answer={answer}
        >
            {({ asked, got }) => <Result s={asked} got={got} />}
        </Workbench>
    );
}
