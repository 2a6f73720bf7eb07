// A dialog of the browser's own: it keeps the focus, Esc closes it, and the focus returns to where it was.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { IconButton } from './controls';

interface Props {
    title: string;
    onClose: () => void;
    wide?: boolean;
    children: ComponentChildren;
}

export function Dialog({ title, onClose, wide, children }: Props): JSX.Element {
    const box = useRef<HTMLDialogElement>(null);
    const id = useId();
    useEffect(() => {
        const from = document.activeElement;
        box.current?.showModal();
        return () => void (from instanceof HTMLElement && from.focus());
    }, []);
    return (
        <dialog
            ref={box}
            class={wide ? 'dialog wide' : 'dialog'}
            aria-labelledby={id}
            onClose={onClose}
            onClick={(e) => e.target === box.current && onClose()}
        >
            <header>
                <h2 id={id}>{title}</h2>
                <IconButton icon="close" label="Close" onClick={onClose} />
            </header>
            <div class="dialog-body">{children}</div>
        </dialog>
    );
}
