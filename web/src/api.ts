// One way to ask the server: JSON in and out, errors as ApiError, the session's CSRF value on whatever is not a GET.
import type { Lexicon, Scalar, Session, Status } from './types';

export class ApiError extends Error {
    constructor(
        readonly status: number,
        readonly code: string,
        message: string,
        readonly field?: string,
    ) {
        super(message);
    }
}

const held = { csrf: '' };

async function problem(response: Response): Promise<ApiError> {
    try {
        const { error } = (await response.json()) as { error: { code: string; message: string; field?: string } };
        return new ApiError(response.status, error.code, error.message, error.field);
    } catch {
        return new ApiError(response.status, 'http', `The server answered ${response.status}.`);
    }
}

export async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (method !== 'GET') headers['X-Weir-Csrf'] = held.csrf;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let response: Response;
    try {
        response = await fetch(path, {
            method,
            headers,
            credentials: 'same-origin',
            ...(body === undefined ? {} : { body: JSON.stringify(body) }),
            ...(signal ? { signal } : {}),
        });
    } catch (e) {
        if (signal?.aborted) throw e;
        throw new ApiError(0, 'unreachable', 'The server does not answer.');
    }
    if (!response.ok) throw await problem(response);
    return (await response.json()) as T;
}

export async function getSession(): Promise<Session> {
    const session = await call<Session>('GET', '/api/v1/session');
    held.csrf = session.csrf;
    return session;
}

export const logout = (): Promise<unknown> => call('POST', '/api/v1/logout', {});

export const getStatus = (signal?: AbortSignal): Promise<Status> =>
    call('GET', '/api/v1/status', undefined, signal);

export const query = <T>(body: object, signal?: AbortSignal): Promise<T> =>
    call('POST', '/api/v1/query', body, signal);

export const getLexicon = (project: number, signal?: AbortSignal): Promise<Lexicon> =>
    call('GET', `/api/v1/projects/${project}/lexicon`, undefined, signal);

export const getValues = (project: number, property: string, signal?: AbortSignal): Promise<{ values: Scalar[] }> =>
    call('GET', `/api/v1/projects/${project}/values?property=${encodeURIComponent(property)}&limit=100`, undefined, signal);

export interface Snippet {
    token: string;
    public_url: string;
}

export const getSnippet = (project: number, signal?: AbortSignal): Promise<Snippet> =>
    call('GET', `/api/v1/projects/${project}/snippet`, undefined, signal);

export const liveUrl = (project: number): string => `/api/v1/projects/${project}/live`;

export const createKey = (body: object): Promise<{ user: string; secret: string }> =>
    call('POST', '/api/v1/keys', body);

export const createProject = (body: object): Promise<{ project_id: number }> =>
    call('POST', '/api/v1/projects', body);

export type Mark = 'measure' | 'time' | 'identity' | 'none';

export interface Published {
    event?: string;
    property?: string;
    value?: string;
    waiting: boolean;
}

export interface Marks {
    marks: { property: string; mark: Mark }[];
    published: Published[];
}

export interface Settings {
    quota_per_minute: number;
    origins: string[];
}

export const getMarks = (project: number, signal?: AbortSignal): Promise<Marks> =>
    call('GET', `/api/v1/projects/${project}/lexicon/marks`, undefined, signal);

export const setMark = (project: number, property: string, mark: Mark): Promise<unknown> =>
    call('POST', `/api/v1/projects/${project}/lexicon/marks`, { property, mark });

export const publishText = (project: number, text: { event: string } | { property: string; value: string }): Promise<unknown> =>
    call('POST', `/api/v1/projects/${project}/publish`, text);

export const getSettings = (project: number, signal?: AbortSignal): Promise<Settings> =>
    call('GET', `/api/v1/projects/${project}`, undefined, signal);

export const changeSettings = (project: number, to: Settings): Promise<Settings> =>
    call('PATCH', `/api/v1/projects/${project}`, to);
