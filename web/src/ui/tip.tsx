// One tooltip for the whole page: whatever carries data-tip shows it on hover and on focus; Esc puts it away.
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

interface Shown {
    text: string;
    at: DOMRect;
}

const GAP = 8;

export function Tip(): JSX.Element | null {
    const [shown, setShown] = useState<Shown | null>(null);
    const box = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const show = (e: Event): void => {
            const target = e.target instanceof Element ? e.target.closest<HTMLElement>('[data-tip]') : null;
            setShown(target ? { text: target.dataset['tip'] ?? '', at: target.getBoundingClientRect() } : null);
        };
        const focus = (e: FocusEvent): void => {
            if (e.target instanceof Element && e.target.matches(':focus-visible')) show(e);
        };
        const hide = (): void => setShown(null);
        const escape = (e: KeyboardEvent): void => void (e.key === 'Escape' && hide());
        addEventListener('mouseover', show);
        addEventListener('focusin', focus);
        addEventListener('focusout', hide);
        addEventListener('mousedown', hide);
        addEventListener('keydown', escape);
        addEventListener('scroll', hide, true);
        return () => {
            removeEventListener('mouseover', show);
            removeEventListener('focusin', focus);
            removeEventListener('focusout', hide);
            removeEventListener('mousedown', hide);
            removeEventListener('keydown', escape);
            removeEventListener('scroll', hide, true);
        };
    }, []);
    useLayoutEffect(() => {
        if (!shown || !box.current) return;
        box.current.showPopover?.(); /* above an open dialog, too */
        const { width, height } = box.current.getBoundingClientRect();
        const left = Math.max(GAP, Math.min(innerWidth - width - GAP, shown.at.left + shown.at.width / 2 - width / 2));
        const below = shown.at.bottom + GAP;
        const top = below + height > innerHeight ? shown.at.top - height - GAP : below;
        box.current.style.left = `${left}px`;
        box.current.style.top = `${top}px`;
    }, [shown]);
    if (!shown?.text) return null;
    return (
        <div class="tip" role="tooltip" popover="manual" ref={box}>
            {shown.text}
        </div>
    );
}
