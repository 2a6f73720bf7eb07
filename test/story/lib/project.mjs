// project.mjs: a project on a running server, with an admin's key, and questions to it over HTTP and by the command line.
import { setTimeout as wait } from 'node:timers/promises';
import { weirJson } from './server.mjs';

export const basic = (user, secret) => `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;

export class Project {
    constructor(server, created, key) {
        Object.assign(this, { server, id: created.project_id, token: created.token, secret: created.secret, key });
    }
    get authorization() { return basic(this.key.user, this.key.secret); }

    async query(query, { authorization = this.authorization } = {}) {
        const r = await fetch(`${this.server.teamUrl}/api/v1/query`, {
            method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify({ project: this.id, ...query }),
        });
        const text = await r.text();
        let body;
        try { body = JSON.parse(text); } catch { throw new Error(`query: ${r.status} ${text.slice(0, 300)}`); }
        if (r.status !== 200) throw Object.assign(new Error(`query: ${r.status} ${text.slice(0, 500)}`), { status: r.status, body });
        return body;
    }
    queryByCommand(query) {
        return weirJson(this.server.data, ['query', '--project', String(this.id), '-'], { input: JSON.stringify({ project: this.id, ...query }) });
    }
    // All events of all time, by name or any.
    async total(event = null, more = {}) {
        const a = await this.query({ report: 'insights', from: '1971-01-01', to: '2100-01-01', interval: 'total', metrics: [{ event, measure: 'total' }], ...more });
        return a.series.reduce((n, s) => n + s.total, 0);
    }
    // Waits until `count` events can be seen; an accepted event is visible within a second, so 5 s is generous.
    async waitFor(count, event = null, timeout_ms = 5000) {
        const end = Date.now() + timeout_ms;
        for (;;) {
            const n = await this.total(event);
            if (n >= count || Date.now() > end) return n;
            await wait(50);
        }
    }
    post(path, body, headers = {}) {
        return fetch(`${this.server.publicUrl}${path}`, { method: 'POST', body, headers });
    }
    track(events, path = '/track') {
        return this.post(path, JSON.stringify(events.map((e) => ({ ...e, properties: { token: this.token, ...e.properties } }))), { 'content-type': 'application/json' });
    }
    import(events, { strict = 1 } = {}) {
        return this.post(`/import?strict=${strict}&project_id=${this.id}`, events.map((e) => JSON.stringify(e)).join('\n'), { 'content-type': 'application/x-ndjson', authorization: basic(this.secret, '') });
    }
}

export async function createProject(server, args = [], name = 'Story') {
    const created = await weirJson(server.data, ['project', 'create', name, ...args]);
    const key = await weirJson(server.data, ['key', 'create', '--project', String(created.project_id), '--role', 'admin', '--name', 'story']);
    return new Project(server, created, key);
}
