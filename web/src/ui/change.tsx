// One change at a time: which one is under way, and what came of the last.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ApiError } from '../api';

export interface Change {
    busy: string;
    said: string;
    bad: string;
    run: (id: string, work: () => Promise<unknown>, said: string) => Promise<boolean>;
}

export function useChange(after: () => void): Change {
    const [busy, setBusy] = useState('');
    const [said, setSaid] = useState('');
    const [bad, setBad] = useState('');
    const run = async (id: string, work: () => Promise<unknown>, done: string): Promise<boolean> => {
        setBusy(id);
        setSaid('');
        setBad('');
        try {
            await work();
            setSaid(done);
            after();
            return true;
        } catch (e) {
            setBad(e instanceof ApiError ? e.message : String(e));
            return false;
        } finally {
            setBusy('');
        }
    };
    return { busy, said, bad, run };
}

export function Outcome({ change }: { change: Change }): JSX.Element {
    return (
        <>
            <p class="note" role="status">
                {change.said}
            </p>
            {change.bad && (
                <p class="bad" role="alert">
                    {change.bad}
                </p>
            )}
        </>
    );
}
