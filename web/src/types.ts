// The team door's API as the console sees it (doc/team-api.md, INTERFACE "A query").

export type Scalar = string | number | boolean;
export type Label = Scalar | null;
export type PropertyRef = string | { user: string } | { group: string; name: string };

export interface Filter {
    property: PropertyRef;
    op: string;
    value?: Scalar | Scalar[];
}

export interface EventRef {
    event: string | null;
    filters?: Filter[];
}

export interface Metric extends EventRef {
    measure: string;
    property?: PropertyRef;
}

export interface Project {
    id: number;
    name: string;
    timezone: string;
    crowd: number;
    test: boolean;
    token?: string;
}

export interface Session {
    name: string;
    role: string;
    csrf: string;
    team_key_on_server: boolean;
    version: string;
    projects: Project[];
}

export interface Status {
    events: number;
    parts: number;
    tail_rows: number;
    part_bytes: number;
    journal_bytes: number;
    lag_bytes: number;
    disk_free_bytes: number;
    disk_low: boolean;
    disk_full: boolean;
    unknown_tokens: { token: string; count: number }[];
    refused_414: number;
}

export interface LexiconProperty {
    name: string;
    type: string;
    count: number;
    /** Some of its numbers are kept as text. */
    number_text?: boolean;
}

export interface Lexicon {
    events: { name: string; count: number }[];
    properties: LexiconProperty[];
    user_properties: { name: string }[];
    group_keys: { name: string }[];
}

export interface Series {
    metric: number | 'formula';
    breakdown: Label[];
    values: (number | null)[];
    total: number | null;
}

export interface Insights {
    report: 'insights';
    buckets: string[];
    series: Series[];
    scanned_events?: number;
    elapsed_ms?: number;
}

export interface FunnelStep {
    event: string;
    count: number;
    from_first: number | null;
    from_previous: number | null;
    median_s: number | null;
}

export interface FunnelSeries {
    breakdown: Label[];
    steps: FunnelStep[];
}

export interface Funnel {
    report: 'funnel';
    series: FunnelSeries[];
}

export interface Cohort {
    start: string;
    size: number;
    returned: (number | null)[];
}

export interface Retention {
    report: 'retention';
    cohorts: Cohort[];
}

export interface Flows {
    report: 'flows';
    paths: { events: (string | null)[]; count: number }[];
    steps: { at: number; events: { event: string | null; count: number }[] }[];
    links: { at: number; from: string | null; to: string | null; count: number }[];
}

export interface User {
    person: string;
    distinct_id: string | null;
    first_seen: string | null;
    last_seen: string | null;
    properties: Record<string, unknown>;
}

export interface Users {
    report: 'users';
    total: number;
    users: User[];
}

export interface EventRow {
    event: string;
    time: string;
    person: string | null;
    properties: Record<string, unknown>;
}

export interface Events {
    report: 'events';
    events: EventRow[];
}
