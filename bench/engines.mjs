// engines.mjs: the contestants: Weir and each peer in each layout, all with the same face:
//   name, pids()                       whose memory counts
//   rows(q)                            the answer, as rows to compare
//   time(q)                            { cpu_ms, wall_ms } of one run
//   exportDay(file)                    Q9 into a file; { cpu_ms, wall_ms }
import { fork } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as clickhouse from './clickhouse.mjs';
import * as duckdb from './duckdb.mjs';
import { during, here, memory_mb, sizeOf } from './measure.mjs';
import { exportDay } from './questions.mjs';

export class Weir {
    constructor(server, project, meter, pids) { Object.assign(this, { name: 'Weir', server, project, meter, pids }); }
    #ask(q, more) { return this.project.query({ ...q.query, ...more }); }
    async rows(q) { return q.rows(await this.#ask(q)); }
    time(q) { return this.meter.used(this.pids(), () => this.#ask(q, q.timed)); }
    exportDay(file) {
        const url = `${this.server.teamUrl}/api/v1/projects/${this.project.id}/export?from=${exportDay.from}&to=${exportDay.to}`;
        return this.meter.used(this.pids(), async () => {
            const r = await fetch(url, { headers: { authorization: this.project.authorization } });
            if (r.status !== 200) throw new Error(`export: ${r.status} ${await r.text()}`);
            await pipeline(Readable.fromWeb(r.body), createWriteStream(file));
        });
    }
}

const kinds = { duckdb: 'DuckDB', clickhouse: 'ClickHouse' };
const layouts = { user: '(user, ts)', posthog: '(PostHog)' };

class Peer {
    constructor(kind, layout, folder) {
        Object.assign(this, { kind, layout, folder: path.join(folder, `${kind}-${layout}`), data: folder, name: `${kinds[kind]} ${layouts[layout]}` });
    }
    async open() {
        mkdirSync(this.folder, { recursive: true });
        this.child = fork(path.join(here, 'peer.mjs'), [this.kind, this.folder], { serialization: 'advanced' });
        this.child.on('exit', (code, signal) => this.wake?.({ error: `${this.name} ended with ${code ?? signal}` }));
        this.child.on('message', (m) => this.wake(m));
        const ready = await new Promise((resolve) => { this.wake = resolve; });
        if (ready.error) throw new Error(ready.error);
        this.idle_mb = memory_mb(this.child.pid).anonymous; // node's own
    }
    pids() { return [this.child.pid]; }
    async ask(sql, want = false) {
        const answer = await new Promise((resolve) => { this.wake = resolve; this.child.send({ sql, want }); });
        if (answer.error) throw new Error(`${this.name}: ${answer.error}\n${sql}`);
        return answer;
    }
    #sql(q, limit) { return this.kind === 'duckdb' ? duckdb.questions[q.name](limit) : clickhouse.questions[q.name](this.layout, limit); }
    async rows(q) { return (await this.ask(this.#sql(q, 1e6), true)).rows; }
    time(q) { return this.ask(this.#sql(q, 20)); }
    exportDay(file) { return this.ask(this.#sql({ name: 'Q9' }, file)); }
    // Loads once; later runs on the same folder find the data and the figures of its load.
    async load(events) {
        const note = path.join(this.folder, 'load.json'), how = this.#how();
        if (!existsSync(note) || JSON.parse(readFileSync(note, 'utf8')).how !== how) {
            rmSync(this.folder, { recursive: true, force: true });
            await this.open();
            const figures = await during(`${this.name}: loading`, () => (this.kind === 'duckdb' ? this.#loadDuck() : this.#loadClick()));
            writeFileSync(note, JSON.stringify({ ...figures, events, how }));
        } else {
            await this.open();
        }
        this.loaded = JSON.parse(readFileSync(note, 'utf8'));
    }
    get #json() { return this.kind === 'clickhouse' && this.layout === 'user' && existsSync(path.join(this.data, 'events.ndjson')); }
    #how() { return this.kind === 'duckdb' ? duckdb.load(path.join(this.data, 'events.csv'), this.layout) : clickhouse.loads[this.#json ? 'json' : 'csv'](this.data, this.layout); }
    async #loadDuck() {
        const made = await this.ask(this.#how()), synced = await this.ask('CHECKPOINT');
        return { from: 'CSV', cpu_ms: made.cpu_ms + synced.cpu_ms, wall_ms: made.wall_ms + synced.wall_ms, bytes: sizeOf(path.join(this.folder, 'duck.db')) };
    }
    // Its background merges go on after the insert: they are awaited, as one part, and counted apart.
    async #loadClick() {
        await this.ask(clickhouse.tables[this.layout]);
        const made = await this.ask(this.#how()), merged = await this.ask(`OPTIMIZE TABLE ev FINAL`);
        const [[bytes]] = (await this.ask(clickhouse.size, true)).rows;
        return { from: this.#json ? 'JSONEachRow' : 'CSV', cpu_ms: made.cpu_ms, wall_ms: made.wall_ms, merge_cpu_ms: merged.cpu_ms, bytes };
    }
    close() { this.child?.disconnect(); }
}

export const peersOf = (folder) => Object.keys(kinds).flatMap((k) => Object.keys(layouts).map((l) => new Peer(k, l, folder)));
