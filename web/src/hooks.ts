// State that outlives a component: what a request answered, the address, the theme.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from './api';
import { decode, encode, type Page, type Place, type State } from './state';

export interface Loaded<T> {
    data?: T;
    error?: ApiError;
    loading: boolean;
    reload: () => void;
}

/** Asks when `key` changes (null: not at all); keeps the last answer on show while the next is on its way. */
export function useLoad<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
    const [turn, setTurn] = useState(0);
    const [state, setState] = useState<{ data?: T; error?: ApiError; loading: boolean }>({ loading: key !== null });
    const latest = useRef(load);
    latest.current = load;
    useEffect(() => {
        if (key === null) return undefined;
        const abort = new AbortController();
        setState((s) => ({ ...s, loading: true }));
        latest
            .current(abort.signal)
            .then((data) => !abort.signal.aborted && setState({ data, loading: false }))
            .catch((e: unknown) => {
                if (abort.signal.aborted) return;
                const error = e instanceof ApiError ? e : new ApiError(0, 'console', String(e));
                if (error.status === 401) dispatchEvent(new Event('weir-signed-out'));
                setState((s) => ({ ...s, error, loading: false }));
            });
        return () => abort.abort();
    }, [key, turn]);
    return { ...state, reload: useCallback(() => setTurn((n) => n + 1), []) };
}

export interface Nav {
    place: Place;
    /** Changes part of the report's state; Back undoes it. */
    patch: (change: Partial<State>) => void;
    go: (page: Page, state?: Partial<State>) => void;
    pick: (project: number) => void;
}

export function useNav(): Nav {
    const [place, setPlace] = useState(() => decode(location.hash));
    useEffect(() => {
        const read = (): void => setPlace(decode(location.hash));
        addEventListener('hashchange', read);
        return () => removeEventListener('hashchange', read);
    }, []);
    const project = place.project ?? 0;
    return {
        place,
        patch: (change) => (location.hash = encode(project, place.page, { ...place.state, ...change })),
        go: (page, state = {}) => (location.hash = encode(project, page, state)),
        pick: (id) => (location.hash = encode(id, place.page, {})),
    };
}

export type Theme = 'auto' | 'light' | 'dark';

const readTheme = (): Theme => {
    const chosen = document.documentElement.dataset['theme'];
    return chosen === 'dark' || chosen === 'light' ? chosen : 'auto';
};

/** The chosen theme, and a number that changes whenever the colours do. */
export function useTheme(): { theme: Theme; cycle: () => void } {
    const [theme, setTheme] = useState(readTheme);
    const cycle = (): void => {
        const next = theme === 'auto' ? 'dark' : theme === 'dark' ? 'light' : 'auto';
        if (next === 'auto') delete document.documentElement.dataset['theme'];
        else document.documentElement.dataset['theme'] = next;
        localStorage.setItem('weir-theme', next);
        setTheme(next);
        dispatchEvent(new Event('weir-theme'));
    };
    return { theme, cycle };
}

/** Counts changes of colour: by the switch or by the system. */
export function useColours(): number {
    const [n, setN] = useState(0);
    useEffect(() => {
        const bump = (): void => setN((v) => v + 1);
        const media = matchMedia('(prefers-color-scheme: dark)');
        addEventListener('weir-theme', bump);
        media.addEventListener('change', bump);
        return () => {
            removeEventListener('weir-theme', bump);
            media.removeEventListener('change', bump);
        };
    }, []);
    return n;
}

/** Calls back every `ms` while the page is looked at. */
export function useEvery(ms: number, tick: () => void): void {
    const latest = useRef(tick);
    latest.current = tick;
    useEffect(() => {
        const timer = setInterval(() => document.hidden || latest.current(), ms);
        return () => clearInterval(timer);
    }, [ms]);
}
