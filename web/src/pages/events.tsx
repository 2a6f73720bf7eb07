// Events: the project's stream, newest first, or one person's.
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { query } from '../api';
import { FilterBlock, RangePicker } from '../ask/blocks';
import { EventPicker } from '../ask/pickers';
import { WhoBlock } from '../ask/who';
import { useHere } from '../context';
import { resolve } from '../dates';
import { pretty } from '../format';
import { useLoad } from '../hooks';
import { eventsQuery } from '../query';
import type { Events as Answer } from '../types';
import { Block, IconButton } from '../ui/controls';
import { EventList } from '../ui/event_list';
import { Calm } from '../ui/states';
import { Workbench } from '../ui/workbench';

const FIRST = 100;
const MOST = 1000;

export function Events(): JSX.Element {
    const { nav, project } = useHere();
    const s = nav.place.state;
    const [limit, setLimit] = useState(FIRST);
    const days = useMemo(() => resolve(s.range, project.timezone), [s.range, project.timezone]);
    const body = eventsQuery(project.id, s, days, limit);
    const answer = useLoad(JSON.stringify(body), (signal) => query<Answer>(body, signal));
    const question = (
        <>
            <Block title="Event">
                <EventPicker id="first-event" label="Event" value={s.event || null} onPick={(event) => nav.patch({ event: event ?? '' })} />
            </Block>
            <WhoBlock />
            <FilterBlock />
        </>
    );
    return (
        <Workbench
            title="Events"
            summary={s.event ? pretty(s.event) : 'All events'}
            question={question}
            tools={
                <>
                    <RangePicker />
                    <span class="spring" />
                    <IconButton icon="reload" label="Ask again" onClick={answer.reload} />
                </>
            }
            answer={answer}
        >
            {(got) =>
                got.events.length ? (
                    <div class="card flush">
                        <EventList events={got.events} label="Events, newest first" />
                        {got.events.length >= limit && limit < MOST && (
                            <button type="button" class="quiet more" onClick={() => setLimit(MOST)}>
                                Show up to {MOST}
                            </button>
                        )}
                    </div>
                ) : (
                    <Calm title="No events here">
                        <p>Nothing in this range fits. Widen the range, or take away a condition.</p>
                    </Calm>
                )
            }
        </Workbench>
    );
}
