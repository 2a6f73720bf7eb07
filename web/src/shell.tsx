// The frame around every page: the rail, the project, the banners, the keys.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { getStatus, logout } from './api';
import { compact } from './format';
import { useEvery, useLoad, useTheme, type Nav } from './hooks';
import { Keys, useKeys } from './keys';
import { elsewhere, PAGES, type Page } from './state';
import type { Project, Session, Status } from './types';
import { IconButton, Select } from './ui/controls';
import { useCopy } from './ui/copy';
import { Icon, Mark } from './ui/icons';

export const PAGE_TEXT: Record<Page, string> = {
    insights: 'Insights',
    funnel: 'Funnel',
    retention: 'Retention',
    flows: 'Flows',
    users: 'Users',
    events: 'Events',
    live: 'Live',
    health: 'Health',
    data: 'Data',
    setup: 'Set up',
};

function Banners({ session, project, status }: { session: Session; project: Project; status: Status | undefined }): JSX.Element {
    return (
        <div class="banners">
            {project.test && (
                <p class="banner warn">
                    <strong>Test project.</strong> The crowd rule is off: text is stored readable. At most 100 people and 30 days; not for real people.
                </p>
            )}
            {status?.disk_full && (
                <p class="banner bad" role="alert">
                    <strong>The disk is full.</strong> New events are refused until there is space.
                </p>
            )}
            {status?.disk_low && !status.disk_full && (
                <p class="banner warn">
                    <strong>The disk is nearly full.</strong> Free some space before events are refused.
                </p>
            )}
            {session.team_key_on_server ? (
                <p class="banner key">
                    <Icon name="key" />
                    <span>
                        <strong>Quick start.</strong> Labels are opened here because the team key lies beside the data; run <code>weir seal</code> to move it
                        out.
                    </span>
                </p>
            ) : (
                <p class="banner sealed-banner">
                    <Icon name="lock" />
                    <span>
                        <strong>Sealed.</strong> The team key is not on this server: text that fewer than {project.crowd} people sent stays encrypted.
                    </span>
                </p>
            )}
        </div>
    );
}

function Gauge({ status }: { status: Status | undefined }): JSX.Element | null {
    if (!status) return null;
    return (
        <p class="gauge">
            <span class="gauge-number">{compact(status.events)}</span> events held
        </p>
    );
}

function Rail({ nav, status }: { nav: Nav; status: Status | undefined }): JSX.Element {
    return (
        <nav class="rail" aria-label="Reports">
            <p class="brand">
                <Mark />
                <span>Weir</span>
            </p>
            <ul>
                {PAGES.map((p) => (
                    <li key={p}>
                        <a href={elsewhere(nav.place, p)} aria-current={nav.place.page === p ? 'page' : undefined}>
                            <Icon name={p} />
                            <span>{PAGE_TEXT[p]}</span>
                        </a>
                    </li>
                ))}
            </ul>
            <Gauge status={status} />
        </nav>
    );
}

interface Props {
    session: Session;
    project: Project;
    nav: Nav;
    children: ComponentChildren;
}

function Top({ session, project, nav, onKeys }: Omit<Props, 'children'> & { onKeys: () => void }): JSX.Element {
    const { theme, cycle } = useTheme();
    const { done: copied, copy } = useCopy();
    const leave = (): void => {
        void logout().finally(() => location.assign('/'));
    };
    return (
        <header class="top">
            <span class="top-mark">
                <Mark />
            </span>
            <Select
                label="Project"
                value={String(project.id)}
                options={session.projects.map((p) => ({ id: String(p.id), text: p.name }))}
                onPick={(id) => nav.pick(Number(id))}
            />
            <span class="top-page" aria-hidden="true">
                {PAGE_TEXT[nav.place.page]}
            </span>
            <span class="spring" />
            <span class="visually-hidden" role="status">
                {copied ? 'Link copied' : ''}
            </span>
            <IconButton icon="link" label={copied ? 'Copied' : 'Copy a link to this report'} onClick={() => copy(location.href)} />
            <IconButton icon={theme === 'auto' ? 'auto' : theme === 'dark' ? 'moon' : 'sun'} label={`Theme: ${theme}`} onClick={cycle} />
            <IconButton icon="keys" label="Keyboard" onClick={onKeys} />
            <span class="who" data-tip={`Role: ${session.role}`}>
                {session.name}
            </span>
            <IconButton icon="out" label="Log out" onClick={leave} />
        </header>
    );
}

const STATUS_EVERY_MS = 30_000;

export function Shell({ session, project, nav, children }: Props): JSX.Element {
    const { data: status, reload } = useLoad('status', getStatus);
    const [keys, setKeys] = useState(false);
    useEvery(STATUS_EVERY_MS, reload);
    useKeys(nav, () => setKeys(true));
    useEffect(() => {
        document.title = `${PAGE_TEXT[nav.place.page]} · ${project.name} · Weir`;
    }, [nav.place.page, project.name]);
    return (
        <div class="shell">
            <a class="skip" href="#content" onClick={(e) => (e.preventDefault(), document.getElementById('content')?.focus())}>
                Skip to the report
            </a>
            <Rail nav={nav} status={status} />
            <Top session={session} project={project} nav={nav} onKeys={() => setKeys(true)} />
            <main id="content" tabIndex={-1}>
                <h1 class="visually-hidden">{PAGE_TEXT[nav.place.page]}</h1>
                <Banners session={session} project={project} status={status} />
                {children}
            </main>
            {keys && <Keys onClose={() => setKeys(false)} />}
        </div>
    );
}
