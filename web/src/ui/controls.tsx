// Small controls shared by all pages.
import type { ComponentChildren, JSX } from 'preact';
import { useCopy } from './copy';
import { Icon, type IconName } from './icons';

interface ButtonProps {
    icon: IconName;
    label: string;
    onClick: (e: MouseEvent) => void;
    pressed?: boolean;
    disabled?: boolean;
}

/** A button that is only a picture; its name is its tooltip. */
export function IconButton({ icon, label, onClick, pressed, disabled }: ButtonProps): JSX.Element {
    return (
        <button
            type="button"
            class="icon-button"
            aria-label={label}
            aria-pressed={pressed}
            data-tip={label}
            disabled={disabled}
            onClick={onClick}
        >
            <Icon name={icon} />
        </button>
    );
}

export function AddButton({ children, onClick, id }: { children: string; onClick: () => void; id?: string }): JSX.Element {
    return (
        <button type="button" class="add" id={id} onClick={onClick}>
            <Icon name="plus" />
            {children}
        </button>
    );
}

interface ChoiceProps<T extends string> {
    label: string;
    value: T;
    options: readonly { id: T; text: string; icon?: IconName }[];
    onPick: (v: T) => void;
}

/** A row of choices of which one holds. */
export function Segmented<T extends string>({ label, value, options, onPick }: ChoiceProps<T>): JSX.Element {
    return (
        <div class="segmented" role="group" aria-label={label}>
            {options.map((o) => (
                <button type="button" key={o.id} aria-pressed={o.id === value} onClick={() => onPick(o.id)}>
                    {o.text}
                </button>
            ))}
        </div>
    );
}

export function Select<T extends string>({ label, value, options, onPick }: ChoiceProps<T>): JSX.Element {
    return (
        <select
            class="select"
            aria-label={label}
            value={value}
            onChange={(e) => onPick(e.currentTarget.value as T)}
        >
            {options.map((o) => (
                <option key={o.id} value={o.id} selected={o.id === value}>
                    {o.text}
                </option>
            ))}
        </select>
    );
}

interface NumberProps {
    label: string;
    value: number;
    min: number;
    max: number;
    onPick: (n: number) => void;
}

export function NumberBox({ label, value, min, max, onPick }: NumberProps): JSX.Element {
    return (
        <input
            class="box number"
            type="number"
            aria-label={label}
            min={min}
            max={max}
            value={value}
            onChange={(e) => {
                const n = Math.round(Number(e.currentTarget.value));
                onPick(Number.isFinite(n) ? Math.min(max, Math.max(min, n)) : value);
            }}
        />
    );
}

/** A titled block of the question. */
export function Block({ title, children, aside }: { title: string; children: ComponentChildren; aside?: ComponentChildren }): JSX.Element {
    return (
        <section class="block">
            <header>
                <h2>{title}</h2>
                {aside}
            </header>
            {children}
        </section>
    );
}

/** Text to take along, with the button that takes it. */
export function CopyBox({ text, label }: { text: string; label: string }): JSX.Element {
    const { done, copy } = useCopy();
    return (
        <div class="copy-box">
            <pre role="group" aria-label={label}>
                <code>{text}</code>
            </pre>
            <button type="button" class="quiet" onClick={() => copy(text)}>
                <Icon name="copy" />
                <span aria-live="polite">{done ? 'Copied' : 'Copy'}</span>
            </button>
        </div>
    );
}
