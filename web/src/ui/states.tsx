// What stands where a picture would: nothing yet, nothing found, or something wrong; each with what to do next.
import type { ComponentChildren, JSX } from 'preact';
import type { ApiError } from '../api';
import { Mark } from './icons';

interface CalmProps {
    title: string;
    children?: ComponentChildren;
    action?: ComponentChildren;
    alert?: boolean;
}

export function Calm({ title, children, action, alert }: CalmProps): JSX.Element {
    return (
        <div class="calm" role={alert ? 'alert' : undefined}>
            <Mark />
            <h2>{title}</h2>
            {children && <div class="calm-text">{children}</div>}
            {action && <div class="calm-action">{action}</div>}
        </div>
    );
}

const NEXT: Record<number, string> = {
    0: 'Check that the server is running and that you can reach it, then try again.',
    403: 'Your role may not ask this. An admin can, or can give you a key that may.',
    404: 'It may have been removed. Pick another project or report.',
    413: 'The answer is too large. Narrow the range, add a filter, or lower the number of rows.',
    503: 'The server is busy or its disk is full. Wait a moment and try again.',
    504: 'It took longer than the time limit. Narrow the range or use a coarser interval.',
};

export function Failed({ error, retry }: { error: ApiError; retry: () => void }): JSX.Element {
    const title = error.status === 400 ? 'This question cannot be asked as it stands' : error.status === 0 ? 'No answer' : 'That did not work';
    return (
        <Calm
            alert
            title={title}
            action={
                <button type="button" class="primary" onClick={retry}>
                    Try again
                </button>
            }
        >
            <p>{error.message}</p>
            {error.field && (
                <p>
                    Look at <code>{error.field}</code>.
                </p>
            )}
            {NEXT[error.status] && <p>{NEXT[error.status]}</p>}
        </Calm>
    );
}

/** A wait with the shape of what is coming. */
export function Waiting({ label }: { label: string }): JSX.Element {
    return (
        <div class="waiting" role="status">
            <span class="visually-hidden">{label}</span>
            <div class="waiting-water" />
        </div>
    );
}
