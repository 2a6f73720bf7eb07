// A label that may be sealed. Sealed text is a short chip; hover or focus says what it is.
import type { JSX } from 'preact';
import { useContext } from 'preact/hooks';
import { HereContext } from '../context';
import { plain, pretty, sealedHead } from '../format';
import type { Label as Value } from '../types';

function Sealed({ head, crowd }: { head: string; crowd: number }): JSX.Element {
    const why =
        `Sealed: fewer than ${crowd} people have sent this text, so it is stored encrypted. ` +
        'It still counts, groups and filters; it becomes readable when enough people send it. ' +
        'A member with the team key opens it with: weir open';
    return (
        <button type="button" class="sealed" data-tip={why} aria-label={`sealed ${head}. ${why}`} onClick={(e) => e.stopPropagation()}>
            sealed {head}…
        </button>
    );
}

export function Label({ v, name }: { v: Value | undefined; name?: boolean }): JSX.Element {
    const here = useContext(HereContext);
    const head = sealedHead(v);
    if (head) return <Sealed head={head} crowd={here?.project.crowd ?? 10} />;
    const text = name && typeof v === 'string' ? pretty(v) : plain(v);
    const faint = v === null || v === undefined || v === '$none' || v === '$other' || v === '';
    return <span class={faint ? 'faint' : undefined}>{text}</span>;
}

/** The values of a breakdown, side by side. */
export function Labels({ of }: { of: Value[] }): JSX.Element {
    return (
        <span>
            {of.map((v, i) => (
                <span key={i}>
                    {i > 0 && <span class="faint"> · </span>}
                    <Label v={v} />
                </span>
            ))}
        </span>
    );
}
