// Looks for one person by an id in the clear. That needs the right to reveal, and the server writes it down.
import type { JSX } from 'preact';
import { useHere } from '../context';
import { Block } from '../ui/controls';

export function WhoBlock(): JSX.Element {
    const { nav } = useHere();
    return (
        <Block title="Person">
            <form
                class="inline"
                onSubmit={(e) => {
                    e.preventDefault();
                    const who = new FormData(e.currentTarget).get('who');
                    nav.patch({ who: typeof who === 'string' ? who.trim() : '', at: 0 });
                }}
            >
                <input
                    class="box"
                    type="search"
                    name="who"
                    autocomplete="off"
                    spellcheck={false}
                    aria-label="distinct_id of a person"
                    placeholder="distinct_id"
                    value={nav.place.state.who}
                />
                <button type="submit" class="quiet">
                    Find
                </button>
            </form>
            <p class="note">Looking for a person by id is written to the audit log.</p>
        </Block>
    );
}
