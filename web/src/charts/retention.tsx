// Retention as a heat table: a row per cohort, a column per interval since; deeper water, more came back.
import type { JSX } from 'preact';
import { bucketLong, bucketShort, type Interval } from '../dates';
import { number, percent } from '../format';
import type { Cohort } from '../types';

const UNIT: Partial<Record<Interval, string>> = { day: 'Day', week: 'Week', month: 'Month', hour: 'Hour' };

/** Of all whose interval n has begun, the share that returned in it. */
export function average(cohorts: Cohort[], n: number): number | null {
    let size = 0;
    let back = 0;
    for (const c of cohorts) {
        const returned = c.returned[n];
        if (returned === null || returned === undefined) continue;
        size += c.size;
        back += returned;
    }
    return size ? back / size : null;
}

/** The largest share after the first interval: the deep end of the scale. */
function deepest(cohorts: Cohort[]): number {
    const shares = cohorts.flatMap((c) => c.returned.slice(1).map((n) => (n !== null && c.size ? n / c.size : 0)));
    return Math.max(0.01, ...shares);
}

interface CellProps {
    share: number | null;
    most: number;
    people: string;
    title: string;
}

function Cell({ share, most, people, title }: CellProps): JSX.Element {
    if (share === null) return <td class="heat-none" />;
    const depth = Math.min(1, share / most);
    return (
        <td class="heat" style={{ '--depth': `${Math.round(depth * 100)}%` }} data-tip={`${title}: ${people}`}>
            {percent(share)}
        </td>
    );
}

export function HeatTable({ cohorts, interval }: { cohorts: Cohort[]; interval: Interval }): JSX.Element {
    const n = Math.max(0, ...cohorts.map((c) => c.returned.length));
    const columns = Array.from({ length: n }, (_, i) => i);
    const most = deepest(cohorts);
    const unit = UNIT[interval] ?? 'Interval';
    const size = cohorts.reduce((sum, c) => sum + c.size, 0);
    return (
        <div class="table-box" role="region" tabIndex={0} aria-label="Retention by cohort">
            <table class="heat-table">
                <thead>
                    <tr>
                        <th scope="col">Cohort</th>
                        <th scope="col" class="num">People</th>
                        {columns.map((i) => (
                            <th scope="col" class="num" key={i}>{i === 0 ? `< 1 ${unit.toLowerCase()}` : `${unit} ${i}`}</th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    <tr class="heat-average">
                        <th scope="row">All cohorts</th>
                        <td class="num">{number(size)}</td>
                        {columns.map((i) => (
                            <Cell key={i} most={most} share={average(cohorts, i)} people="weighted by cohort size" title={`All cohorts, ${unit.toLowerCase()} ${i}`} />
                        ))}
                    </tr>
                    {cohorts.map((c) => (
                        <tr key={c.start}>
                            <th scope="row">{bucketShort(c.start, interval)}</th>
                            <td class="num">{number(c.size)}</td>
                            {columns.map((i) => {
                                const back = c.returned[i] ?? null;
                                const share = back === null || !c.size ? null : back / c.size;
                                return <Cell key={i} most={most} share={share} people={`${number(back)} of ${number(c.size)}`} title={`${bucketLong(c.start, interval)}, ${unit.toLowerCase()} ${i}`} />;
                            })}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}
