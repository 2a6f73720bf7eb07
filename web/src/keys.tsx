// One-letter shortcuts, silent while something is being typed.
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Nav } from './hooks';
import { elsewhere, PAGES } from './state';
import { Dialog } from './ui/dialog';

/** What a letter reaches on the page, if it is there. */
const REACHES: Record<string, string> = { e: 'first-event', f: 'add-filter', b: 'add-breakdown' };

const TABLE: [string, string][] = [
    ['1 – 9, 0', 'Insights, Funnel, Retention, Flows, Users, Events, Live, Health, Data, Set up'],
    ['e', 'Pick the event'],
    ['f', 'Add a filter'],
    ['b', 'Add a breakdown'],
    ['?', 'This list'],
    ['Esc', 'Close what is open'],
    ['Alt ←', 'Undo the last change'],
];

function isTyping(target: EventTarget | null): boolean {
    return target instanceof HTMLElement && !!target.closest('input, select, textarea, [contenteditable], dialog');
}

export function useKeys(nav: Nav, onHelp: () => void): void {
    useEffect(() => {
        const press = (e: KeyboardEvent): void => {
            if (e.ctrlKey || e.metaKey || e.altKey || isTyping(e.target)) return;
            const page = PAGES[e.key === '0' ? 9 : Number(e.key) - 1];
            const reach = REACHES[e.key];
            if (page) location.hash = elsewhere(nav.place, page);
            else if (reach) reachFor(reach);
            else if (e.key === '?') onHelp();
            else return;
            e.preventDefault();
        };
        addEventListener('keydown', press);
        return () => removeEventListener('keydown', press);
    }, [nav.place]);
}

function reachFor(id: string): void {
    const fold = document.querySelector<HTMLElement>('.question-fold[aria-expanded="false"]');
    if (fold?.offsetParent) fold.click();
    setTimeout(() => {
        const target = document.getElementById(id);
        target?.focus();
        target?.click();
    });
}

export function Keys({ onClose }: { onClose: () => void }): JSX.Element {
    return (
        <Dialog title="Keyboard" onClose={onClose}>
            <dl class="facts keys">
                {TABLE.map(([key, what]) => (
                    <div key={key}>
                        <dt>
                            <kbd>{key}</kbd>
                        </dt>
                        <dd>{what}</dd>
                    </div>
                ))}
            </dl>
        </Dialog>
    );
}
