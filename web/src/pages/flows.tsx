// Flows: what people do next, or did before.
import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { EventRow, FilterBlock, RangePicker, WindowPicker } from '../ask/blocks';
import { EChart } from '../charts/echart';
import { sankey } from '../charts/flows';
import { palette } from '../charts/palette';
import { useReport } from '../ask/report';
import { useHere } from '../context';
import { number, percent, pretty } from '../format';
import { useColours } from '../hooks';
import { flowsQuery } from '../query';
import type { State } from '../state';
import type { Flows as Answer } from '../types';
import { Block, NumberBox } from '../ui/controls';
import { Label } from '../ui/label';
import { Calm } from '../ui/states';
import { Table, type Column } from '../ui/table';
import { Workbench } from '../ui/workbench';

const FAR = 6;
const ROWS = 20;

function Question({ s }: { s: State }): JSX.Element {
    const { nav } = useHere();
    return (
        <>
            <Block title="Around the event">
                <EventRow id="first-event" label="Anchor event" value={s.anchor} onChange={(anchor) => nav.patch({ anchor })} />
            </Block>
            <Block title="How far">
                <div class="labelled-row">
                    <span>Steps before</span>
                    <NumberBox label="Steps before" value={s.backward} min={0} max={FAR} onPick={(backward) => nav.patch({ backward })} />
                </div>
                <div class="labelled-row">
                    <span>Steps after</span>
                    <NumberBox label="Steps after" value={s.forward} min={0} max={FAR} onPick={(forward) => nav.patch({ forward })} />
                </div>
                <div class="labelled-row">
                    <span>Events per step</span>
                    <NumberBox label="Events per step" value={s.rows} min={2} max={ROWS} onPick={(rows) => nav.patch({ rows })} />
                </div>
                <div class="labelled-row">
                    <span>Within</span>
                    <WindowPicker />
                </div>
            </Block>
            <FilterBlock title="Filters on the event" />
        </>
    );
}

type Path = Answer['paths'][number];

function columnsOf(all: number): Column<Path>[] {
    return [
        {
            id: 'path',
            head: 'Path',
            key: (p) => p.events.map((e) => (e === null ? 'Ended' : pretty(e))).join(' → '),
            cell: (p) => (
                <span>
                    {p.events.map((e, i) => (
                        <span key={i}>
                            {i > 0 && <span class="faint"> → </span>}
                            {e === null ? <span class="faint">Ended</span> : <Label v={e} name />}
                        </span>
                    ))}
                </span>
            ),
        },
        { id: 'count', head: 'Times', num: true, key: (p) => p.count, cell: (p) => number(p.count) },
        { id: 'share', head: 'Share', num: true, key: (p) => p.count / all, cell: (p) => percent(p.count / all) },
    ];
}

function Result({ s, got }: { s: State; got: Answer }): JSX.Element {
    const colours = useColours();
    const option = useMemo(() => sankey(got, palette()), [got, colours]);
    if (!got.links.length) {
        return (
            <Calm title="Nothing flows from here">
                <p>“{pretty(s.anchor.event)}” did not happen in this range, or nothing was asked before or after it. Widen the range or look further.</p>
            </Calm>
        );
    }
    const all = got.steps.find((x) => x.at === 0)?.events.reduce((n, e) => n + e.count, 0) ?? got.paths.reduce((n, p) => n + p.count, 0);
    const top = got.paths[0];
    const said = top ? `Most frequent: ${top.events.map((e) => (e === null ? 'ended' : pretty(e))).join(', then ')}` : '';
    return (
        <>
            <div class="card">
                <div class="scroll-x" role="region" tabIndex={0} aria-label="Flows">
                    <EChart tall option={option} label={`Flows around ${pretty(s.anchor.event)}. ${said}`} />
                </div>
            </div>
            <Table label="Most frequent paths" columns={columnsOf(Math.max(1, all))} rows={got.paths} rowKey={(p) => JSON.stringify(p.events)} />
        </>
    );
}

export function Flows(): JSX.Element {
    const { s, answer } = useReport<Answer>(flowsQuery);
    return (
        <Workbench
            title="Flows"
            summary={`${s.backward ? `${s.backward} before, ` : ''}${pretty(s.anchor.event)}, ${s.forward} after`}
            question={<Question s={s} />}
            tools={<RangePicker />}
            answer={answer}
        >
            {({ asked, got }) => <Result s={asked} got={got} />}
        </Workbench>
    );
}
