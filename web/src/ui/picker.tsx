// Choose one or several of many by typing: a button that opens a search box over a list (the combobox pattern of WAI-ARIA).
// Arrows move, Enter picks, Esc closes and gives the focus back.
import type { JSX } from 'preact';
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Icon } from './icons';

export interface Option<T> {
    value: T;
    text: string;
    hint?: string;
}

interface Props<T> {
    label: string;
    text: string;
    options: Option<T>[];
    onPick: (value: T) => void;
    isPicked?: (value: T) => boolean;
    many?: boolean;
    free?: (text: string) => T | undefined;
    loading?: boolean;
    faint?: boolean;
    startOpen?: boolean;
    onOpen?: () => void;
    id?: string;
}

const SHOWN_MAX = 200;
const MARGIN = 8;

function matching<T>(options: Option<T>[], typed: string, free: Props<T>['free']): Option<T>[] {
    const needle = typed.trim().toLowerCase();
    const found = needle ? options.filter((o) => o.text.toLowerCase().includes(needle)) : options;
    const own = needle && free && !options.some((o) => o.text.toLowerCase() === needle) ? free(typed.trim()) : undefined;
    const extra = own === undefined ? [] : [{ value: own, text: typed.trim(), hint: 'as typed' }];
    return [...extra, ...found].slice(0, SHOWN_MAX);
}

/** Where a key moves the active row; Home and End belong to the text while there is some. */
function moved(key: string, active: number, n: number, blank: boolean): number | undefined {
    if (key === 'ArrowDown') return Math.min(n - 1, active + 1);
    if (key === 'ArrowUp') return Math.max(0, active - 1);
    if (blank && key === 'Home') return 0;
    if (blank && key === 'End') return n - 1;
    return undefined;
}

/** Keeps the panel beside its button and inside the window. */
function usePlace(open: boolean, button: { current: HTMLElement | null }, panel: { current: HTMLElement | null }): void {
    useLayoutEffect(() => {
        if (!open) return undefined;
        const place = (): void => {
            const b = button.current?.getBoundingClientRect();
            const p = panel.current;
            if (!b || !p) return;
            const width = Math.min(Math.max(b.width, 280), innerWidth - 2 * MARGIN);
            const room = innerHeight - b.bottom - 2 * MARGIN;
            const above = room < 220 && b.top > room;
            p.style.width = `${width}px`;
            p.style.left = `${Math.max(MARGIN, Math.min(b.left, innerWidth - width - MARGIN))}px`;
            p.style.maxHeight = `${Math.min(360, above ? b.top - 2 * MARGIN : room)}px`;
            p.style.top = above ? 'auto' : `${b.bottom + 4}px`;
            p.style.bottom = above ? `${innerHeight - b.top + 4}px` : 'auto';
        };
        place();
        addEventListener('resize', place);
        addEventListener('scroll', place, true);
        return () => {
            removeEventListener('resize', place);
            removeEventListener('scroll', place, true);
        };
    }, [open]);
}

function useOutside(open: boolean, root: { current: HTMLElement | null }, close: () => void): void {
    useEffect(() => {
        if (!open) return undefined;
        const outside = (e: Event): void => {
            if (e.target instanceof Node && !root.current?.contains(e.target)) close();
        };
        addEventListener('mousedown', outside);
        addEventListener('focusin', outside);
        return () => {
            removeEventListener('mousedown', outside);
            removeEventListener('focusin', outside);
        };
    }, [open]);
}

interface ListProps<T> {
    id: string;
    label: string;
    found: Option<T>[];
    active: number;
    many: boolean;
    loading: boolean;
    isPicked: (value: T) => boolean;
    onPick: (o: Option<T>) => void;
}

function List<T>({ id, label, found, active, many, loading, isPicked, onPick }: ListProps<T>): JSX.Element {
    return (
        <ul role="listbox" id={id} aria-label={label} aria-multiselectable={many} class="picker-list">
            {found.map((o, i) => (
                <li
                    key={i}
                    id={`${id}-${i}`}
                    role="option"
                    aria-selected={isPicked(o.value)}
                    class={i === active ? 'active' : undefined}
                    onMouseDown={(e) => e.preventDefault()}
                    onClick={() => onPick(o)}
                >
                    {many && <span class="tick" aria-hidden="true" />}
                    <span class="picker-text">{o.text}</span>
                    {o.hint && <span class="hint">{o.hint}</span>}
                </li>
            ))}
            {!found.length && (
                <li role="option" aria-selected="false" aria-disabled="true" class="faint">
                    {loading ? 'Loading…' : 'Nothing matches'}
                </li>
            )}
        </ul>
    );
}

export function Picker<T>(props: Props<T>): JSX.Element {
    const { label, text, options, many = false, isPicked = () => false, onPick } = props;
    const [open, setOpen] = useState(props.startOpen ?? false);
    const [typed, setTyped] = useState('');
    const [active, setActive] = useState(0);
    const root = useRef<HTMLDivElement>(null);
    const button = useRef<HTMLButtonElement>(null);
    const panel = useRef<HTMLDivElement>(null);
    const input = useRef<HTMLInputElement>(null);
    const list = useId();
    const found = useMemo(() => matching(options, typed, props.free), [options, typed]);
    usePlace(open, button, panel);
    const close = (refocus: boolean): void => {
        setOpen(false);
        setTyped('');
        setActive(0);
        if (refocus) button.current?.focus();
    };
    useOutside(open, root, () => close(false));
    /* Before the next frame, so that the letters after the one that opened it are not lost. */
    useLayoutEffect(() => {
        if (!open) return;
        input.current?.focus();
        props.onOpen?.();
    }, [open]);
    useEffect(() => {
        panel.current?.querySelector('.active')?.scrollIntoView({ block: 'nearest' });
    }, [active, open]);
    const pick = (o: Option<T>): void => {
        onPick(o.value);
        if (many) setTyped('');
        else close(true);
    };
    const keys = (e: KeyboardEvent): void => {
        const to = moved(e.key, active, found.length, typed === '');
        if (to !== undefined) {
            e.preventDefault();
            setActive(to);
        } else if (e.key === 'Enter') {
            e.preventDefault();
            const o = found[active];
            if (o) pick(o);
        } else if (e.key === 'Escape') {
            e.preventDefault();
            e.stopPropagation();
            close(true);
        } else if (e.key === 'Tab') close(false);
    };
    return (
        <div class="picker" ref={root}>
            <button
                type="button"
                id={props.id}
                ref={button}
                class={props.faint ? 'picker-button faint' : 'picker-button'}
                aria-haspopup="listbox"
                aria-expanded={open}
                aria-label={`${label}: ${text}`}
                onClick={() => (open ? close(true) : setOpen(true))}
            >
                <span class="picker-text">{text}</span>
                <Icon name="down" />
            </button>
            {open && (
                <div class="picker-panel" ref={panel}>
                    <input
                        ref={input}
                        class="box"
                        role="combobox"
                        type="text"
                        autocomplete="off"
                        spellcheck={false}
                        aria-label={label}
                        aria-expanded="true"
                        aria-controls={list}
                        aria-autocomplete="list"
                        aria-activedescendant={found.length ? `${list}-${active}` : undefined}
                        placeholder={props.free ? 'Search or type a value' : 'Search'}
                        value={typed}
                        onInput={(e) => {
                            setTyped(e.currentTarget.value);
                            setActive(0);
                        }}
                        onKeyDown={keys}
                    />
                    <List
                        id={list}
                        label={label}
                        found={found}
                        active={active}
                        many={many}
                        loading={props.loading ?? false}
                        isPicked={isPicked}
                        onPick={pick}
                    />
                </div>
            )}
        </div>
    );
}
