// Which components an update speaks of, and the state it gives them.
import type { JSX } from 'preact';
import { Select } from '../ui/controls';
import { STATES, type Component, type ComponentState } from './api';
import { STATE_TEXT } from './words';

interface Props {
    components: Component[];
    value: Record<string, ComponentState>;
    onPick: (v: Record<string, ComponentState>) => void;
}

const NO_WORD = 'none';
const OPTIONS = [{ id: NO_WORD, text: 'As it is' }, ...STATES.filter((s) => s !== 'under_maintenance').map((s) => ({ id: s as string, text: STATE_TEXT[s] }))];

export function Affected({ components, value, onPick }: Props): JSX.Element {
    const pick = (id: string, state: string): void => {
        const next = { ...value };
        if (state === NO_WORD) delete next[id];
        else next[id] = state as ComponentState;
        onPick(next);
    };
    return (
        <fieldset class="affected">
            <legend>Components</legend>
            {components
                .filter((c) => !c.is_group)
                .map((c) => (
                    <div key={c.id}>
                        <span>{c.name}</span>
                        <Select label={`State of ${c.name}`} value={value[c.id] ?? NO_WORD} options={OPTIONS} onPick={(s) => pick(c.id, s)} />
                    </div>
                ))}
        </fieldset>
    );
}
