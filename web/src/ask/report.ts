// What every report does: fill the blanks of its state, ask, and keep with the answer the state it was asked for.
import { useMemo } from 'preact/hooks';
import { query } from '../api';
import { useHere } from '../context';
import { resolve, type Days } from '../dates';
import { useLoad, type Loaded } from '../hooks';
import { filled } from '../query';
import type { State } from '../state';

export interface Report<T> {
    s: State;
    days: Days;
    answer: Loaded<{ asked: State; got: T }>;
}

export function useReport<T>(build: (project: number, s: State, days: Days) => object): Report<T> {
    const { nav, lexicon, project } = useHere();
    const raw = nav.place.state;
    const days = useMemo(() => resolve(raw.range, project.timezone), [raw.range, project.timezone]);
    const s = useMemo(() => filled(raw, lexicon, days), [raw, lexicon, days]);
    const body = build(project.id, s, days);
    const answer = useLoad(JSON.stringify(body), async (signal) => ({ asked: s, got: await query<T>(body, signal) }));
    return { s, days, answer };
}
