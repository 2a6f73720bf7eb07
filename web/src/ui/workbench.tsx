// The shape of every report: the question on one side, its picture and table on the other.
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Loaded } from '../hooks';
import { Icon } from './icons';
import { Failed, Waiting } from './states';

interface Props<T> {
    title: string;
    /** One line that says what is asked, for the folded question on a small screen. */
    summary: string;
    question: ComponentChildren;
    tools: ComponentChildren;
    answer: Loaded<T>;
    children: (data: T) => ComponentChildren;
}

export function Workbench<T>({ title, summary, question, tools, answer, children }: Props<T>): JSX.Element {
    const [open, setOpen] = useState(false);
    const { data, error, loading } = answer;
    return (
        <div class="workbench">
            <aside class={open ? 'question open' : 'question'} aria-label="Question">
                <button type="button" class="question-fold" aria-expanded={open} onClick={() => setOpen(!open)}>
                    <span>{summary}</span>
                    <Icon name={open ? 'up' : 'down'} />
                </button>
                <div class="question-body">{question}</div>
            </aside>
            <div class="answer" aria-busy={loading}>
                <div class="toolbar">{tools}</div>
                <div class={loading ? 'progress on' : 'progress'} aria-hidden="true" />
                {error && !loading && <Failed error={error} retry={answer.reload} />}
                {!data && loading && <Waiting label={`Loading ${title}`} />}
                {data && !error && <div class={loading ? 'result stale' : 'result'}>{children(data)}</div>}
            </div>
        </div>
    );
}
