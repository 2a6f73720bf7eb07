// Takes text to the clipboard, also where the page came over plain HTTP and the browser hides the clipboard's own interface.
import { useState } from 'preact/hooks';

function byHand(text: string): boolean {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'visually-hidden';
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
}

async function take(text: string): Promise<boolean> {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        return byHand(text);
    }
}

const SAID_MS = 1600;

/** `done` is true for a moment after the text was taken. */
export function useCopy(): { done: boolean; copy: (text: string) => void } {
    const [done, setDone] = useState(false);
    const copy = (text: string): void => {
        void take(text).then((taken) => {
            setDone(taken);
            setTimeout(() => setDone(false), SAID_MS);
        });
    };
    return { done, copy };
}
