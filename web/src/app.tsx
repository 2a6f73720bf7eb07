// The console as a whole: who is here, which project, which page.
import type { JSX } from 'preact';
import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { getLexicon, getSession } from './api';
import { HereContext, type Here } from './context';
import { useLoad, useNav, type Nav } from './hooks';
import { Boundary } from './ui/boundary';
import { Calm, Failed, Waiting } from './ui/states';
import { Tip } from './ui/tip';
import { Shell } from './shell';
import type { Page } from './state';
import type { Project, Session } from './types';
import { Data } from './pages/data';
import { Events } from './pages/events';
import { Flows } from './pages/flows';
import { Funnel } from './pages/funnel';
import { Health } from './pages/health';
import { Insights } from './pages/insights';
import { Live } from './pages/live';
import { Login } from './pages/login';
import { Retention } from './pages/retention';
import { EmptyProject, Setup } from './pages/setup';
import { Users } from './pages/users';

const VIEWS: Record<Page, () => JSX.Element> = {
    insights: Insights,
    funnel: Funnel,
    retention: Retention,
    flows: Flows,
    users: Users,
    events: Events,
    live: Live,
    health: Health,
    data: Data,
    setup: Setup,
};

const WITHOUT_EVENTS: Page[] = ['live', 'health', 'data', 'setup', 'users'];

function InProject({ session, project, nav }: { session: Session; project: Project; nav: Nav }): JSX.Element {
    const { data: lexicon, error, reload } = useLoad(`lexicon/${project.id}`, (signal) => getLexicon(project.id, signal));
    const here = useMemo<Here | null>(
        () => (lexicon ? { session, project, lexicon, reloadLexicon: reload, nav } : null),
        [session, project, lexicon, reload, nav.place],
    );
    const { page } = nav.place;
    const View = VIEWS[page];
    const empty = lexicon && !lexicon.events.length && !WITHOUT_EVENTS.includes(page);
    return (
        <Shell session={session} project={project} nav={nav}>
            {error && !lexicon && <Failed error={error} retry={reload} />}
            {!here && !error && <Waiting label="Loading the project" />}
            {here && (
                <HereContext.Provider value={here}>
                    <Boundary key={`${project.id}/${page}`} onReset={() => nav.go(page)}>
                        {empty ? <EmptyProject /> : <View key={`${project.id}/${page}`} />}
                    </Boundary>
                </HereContext.Provider>
            )}
        </Shell>
    );
}

function NoProject(): JSX.Element {
    return (
        <main class="door">
            <Calm title="No project yet">
                <p>
                    Make one on the machine where Weir runs, then reload: <code>weir project create NAME</code>
                </p>
            </Calm>
        </main>
    );
}

const LAST = 'weir-project';

/** The project of the address, else the one last looked at, else the first. */
function usePicked(session: Session | undefined, nav: Nav): Project | undefined {
    const asked = nav.place.project ?? Number(localStorage.getItem(LAST));
    const project = session?.projects.find((p) => p.id === asked) ?? session?.projects[0];
    useEffect(() => {
        if (!project) return;
        localStorage.setItem(LAST, String(project.id));
        if (nav.place.project !== project.id) location.replace(`#/${project.id}/${nav.place.page}`);
    }, [project?.id, nav.place.project]);
    return project;
}

export function App(): JSX.Element {
    const nav = useNav();
    const { data: session, error, reload } = useLoad('session', getSession);
    const [out, setOut] = useState(false);
    const signedOut = useCallback(() => setOut(true), []);
    useEffect(() => {
        addEventListener('weir-signed-out', signedOut);
        addEventListener('weir-session', reload);
        return () => {
            removeEventListener('weir-signed-out', signedOut);
            removeEventListener('weir-session', reload);
        };
    }, []);
    const project = usePicked(session, nav);
    let view: JSX.Element;
    if (out || (error && !session)) view = <Login error={out ? undefined : error} />;
    else if (!session) view = <Waiting label="Loading" />;
    else if (!project) view = <NoProject />;
    else if (nav.place.project !== project.id) view = <Waiting label="Loading" />;
    else view = <InProject key={project.id} session={session} project={project} nav={nav} />;
    return (
        <>
            {view}
            <Tip />
        </>
    );
}
