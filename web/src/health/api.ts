// The status desk's API as the console sees it (doc/status-api.md).
import { call } from '../api';

export const STATES = ['operational', 'under_maintenance', 'degraded_performance', 'partial_outage', 'major_outage'] as const;
export type ComponentState = (typeof STATES)[number];
export const IMPACTS = ['none', 'minor', 'major', 'critical', 'maintenance'] as const;
export type Impact = (typeof IMPACTS)[number];
export type Phase = 'draft' | 'investigating' | 'identified' | 'monitoring' | 'resolved' | 'postmortem' | 'scheduled' | 'in_progress' | 'verifying' | 'completed';
export type Rule = 'off' | 'draft' | 'public';

export interface StatusPage {
    id: string;
    name: string;
    url: string;
    time_zone: string;
    description: string;
    support_url: string;
    accent: string;
    project: number | null;
    takes_reports: boolean;
    takes_comments: boolean;
    shared_networks: number[];
}

export interface Condition {
    property: string;
    is?: string | number | boolean;
    min?: number;
    max?: number;
}

export interface EventFilter {
    event?: string;
    where?: Condition[];
}

export interface Component {
    id: string;
    number: number;
    name: string;
    description: string;
    group: string | null;
    is_group: boolean;
    showcase: boolean;
    only_if_degraded: boolean;
    position: number;
    state: ComponentState;
    types: string[];
    rule: Rule;
    harsh: boolean;
    events: EventFilter[];
    errors: EventFilter[];
    uptime_90d: number | null;
    reports_24h: number;
    verified_24h: number;
}

export interface Update {
    id: string;
    status: Phase;
    body: string;
    created_at: string;
    display_at: string;
    notify: boolean;
    affected: { component: string; from: ComponentState; to: ComponentState }[];
}

export interface Evidence {
    source: 'reports' | 'events' | 'errors' | 'probe' | 'alert';
    component: string | null;
    probe: number | null;
    country: string | null;
    type: string | null;
    onset_at: string;
    detected_at: string;
    closed_at: string | null;
    window_s: number;
    z: number;
    peak_ratio: number;
    seen: number;
    expected: number;
    counted: number;
    verified: number;
    prefixes: number;
    networks: number;
    from: string;
    minutes: number[];
    expected_minutes: (number | null)[];
}

export interface Incident {
    id: string;
    name: string;
    status: Phase;
    impact: Impact;
    created_at: string;
    updated_at: string;
    started_at: string;
    detected_at: string | null;
    monitoring_at: string | null;
    resolved_at: string | null;
    scheduled_for: string | null;
    scheduled_until: string | null;
    people: number | null;
    components: string[];
    updates: Update[];
    postmortem: string;
    evidence?: Evidence[];
}

export interface Signal {
    component: string;
    kind: 'reports' | 'events' | 'errors';
    cold: boolean;
    open: boolean;
    held: boolean;
    z: number;
    alarm_at: number;
    window_s: number;
    seen: number;
    expected: number;
    minutes: number[];
    expected_minutes: (number | null)[];
}

export interface Desk {
    page: StatusPage;
    generation: number;
    now: string;
    components: Component[];
    incidents: Incident[];
    maintenances: Incident[];
}

const ROOT = '/api/v1/status-page';
const get =
    <T>(path: string) =>
    (signal?: AbortSignal): Promise<T> =>
        call('GET', ROOT + path, undefined, signal);

export const getDesk = get<Desk>('');
export const getSignals = get<{ signals: Signal[] }>('/signals');
export const getIncidents = (state: string): ((signal?: AbortSignal) => Promise<{ incidents: Incident[] }>) => get(`/incidents?state=${state}&limit=100`);
export const getMaintenances = get<{ maintenances: Incident[] }>('/maintenances');
export const getIncident = (id: string, planned: boolean): ((signal?: AbortSignal) => Promise<Incident>) =>
    get(`/${planned ? 'maintenances' : 'incidents'}/${encodeURIComponent(id)}`);

export const savePage = (to: Partial<StatusPage>): Promise<StatusPage> => call('PATCH', ROOT, to);
export const saveComponent = (id: string | null, to: object): Promise<Component> =>
    id ? call('PATCH', `${ROOT}/components/${id}`, to) : call('POST', `${ROOT}/components`, to);
export const dropComponent = (id: string): Promise<unknown> => call('DELETE', `${ROOT}/components/${id}`);
export const componentIsNormal = (id: string): Promise<unknown> => call('POST', `${ROOT}/components/${id}/normal`, {});

export const openIncident = (body: object): Promise<Incident> => call('POST', `${ROOT}/incidents`, body);
export const planMaintenance = (body: object): Promise<Incident> => call('POST', `${ROOT}/maintenances`, body);
const one = (i: Incident): string => `${ROOT}/${i.scheduled_for ? 'maintenances' : 'incidents'}/${i.id}`;
export const renameIncident = (i: Incident, name: string): Promise<Incident> => call('PATCH', one(i), { name });
export const updateIncident = (i: Incident, body: object): Promise<Incident> => call('POST', `${one(i)}/updates`, body);
export const mergeIncident = (i: Incident, into: string): Promise<Incident> => call('POST', `${one(i)}/merge`, { into });
export const writePostmortem = (i: Incident, body: string): Promise<Incident> => call('POST', `${one(i)}/postmortem`, { body });
export const dropIncident = (i: Incident): Promise<unknown> => call('DELETE', one(i));

// ---- monitors (doc/monitors.md) ----

export const KINDS = ['http', 'tcp', 'tls', 'dns', 'icmp', 'push'] as const;
export type Kind = (typeof KINDS)[number];

export interface Beat {
    at: string;
    up: 'down' | 'up' | 'pending' | 'maintenance' | 'unknown';
    says: string | null;
    code: number;
    ms: number | null;
    phases_ms: Record<string, number | null>;
    cert_days: number | null;
}

export interface Monitor {
    number: number;
    name: string;
    group: string;
    kind: Kind;
    target: string;
    interval_s: number;
    component: string | null;
    public: boolean;
    active: boolean;
    state: 'up' | 'failing' | 'down' | 'unknown';
    retries?: number;
    status?: string;
    contains?: string;
    json?: string;
    json_is?: string;
    places_last?: { place: string; last: Beat }[];
    uptime_24h?: number | null;
    uptime_30d?: number | null;
    avg_ms_24h?: number | null;
    results?: { at: string; up: 'down' | 'up' | 'pending' | 'maintenance'; ms: number | null }[];
    token?: string;
    push_url?: string;
}

export const getMonitors = get<{ monitors: Monitor[]; places: unknown[] }>('/monitors');
export const getMonitor = (n: number): ((signal?: AbortSignal) => Promise<Monitor>) => get(`/monitors/${n}`);
export const saveMonitor = (n: number | null, to: object): Promise<Monitor> => (n ? call('PATCH', `${ROOT}/monitors/${n}`, to) : call('POST', `${ROOT}/monitors`, to));
export const dropMonitor = (n: number): Promise<unknown> => call('DELETE', `${ROOT}/monitors/${n}`);
export const tryMonitor = (body: object): Promise<Beat> => call('POST', `${ROOT}/monitors/try`, body);

// ---- subscribers and notices (doc/notices.md) ----

export interface Subscriber {
    id: number;
    kind: string;
    state: 'pending' | 'active' | 'suspended';
    label: string;
    email?: string;
    url?: string;
    failing_since: string | null;
    components: string[];
}

export interface Notices {
    counts: { subscribers: Record<string, Partial<Record<Subscriber['state'], number>>>; outbox: Partial<Record<'waiting' | 'in_flight' | 'sent' | 'dead' | 'unknown', number>>; mail: boolean };
    unsent: { row: number; state: string; class: string; title: string; tries: number }[];
}

export const getSubscribers = get<{ subscribers: Subscriber[] }>('/subscribers?limit=1000');
export const getNotices = get<Notices>('/notices');
export const addSubscriber = (body: object): Promise<{ id: number; secret?: string }> => call('POST', `${ROOT}/subscribers`, body);
export const dropSubscriber = (id: number): Promise<unknown> => call('DELETE', `${ROOT}/subscribers/${id}`);
export const testSubscriber = (id: number): Promise<unknown> => call('POST', `${ROOT}/subscribers/${id}/test`, {});
