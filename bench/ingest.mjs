// ingest.mjs: durable intake under load by wrk: each answer means that the event is synced to disk. Requests and events per second of
// wall time, and per CPU second of the front alone and of all processes (the console follows meanwhile).
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { basic } from '../test/story/lib/project.mjs';
import { during, family, here } from './measure.mjs';

const run = promisify(execFile), SECONDS = 8;
const kinds = [
    { name: 'single-event beacons', kind: 'track', events: 1, connections: 256, url: () => '/track' },
    { name: 'batches of 2,000 events', kind: 'import', events: 2000, connections: 4, url: (p) => `/import?strict=1&project_id=${p.id}` },
];

async function load(server, project, meter, { name, kind, events, connections, url }) {
    const front = [server.process('front')], pids = family(server.pid);
    const before = await meter.cpu_ms(front);
    const used = await meter.used(pids, () => run('wrk', ['-t1', `-c${connections}`, `-d${SECONDS}s`, '--timeout', '10s', '-s', path.join(here, 'ingest.lua'), `${server.publicUrl}${url(project)}`, '--', kind, project.token, basic(project.secret, '')]));
    const front_ms = await meter.cpu_ms(front) - before;
    const r = JSON.parse(used.result.stdout.trim().split('\n').at(-1)), taken = r.requests - r.refused;
    return {
        name, ...r, requests_s: taken / r.seconds, events_s: taken * events / r.seconds,
        requests_front: taken / front_ms * 1000, requests_all: taken / used.cpu_ms * 1000, events_front: taken * events / front_ms * 1000, events_all: taken * events / used.cpu_ms * 1000,
    };
}

export async function ingest(server, project, meter) {
    const result = [];
    await meter.rest(family(server.pid), 120); /* of the load and the readers' events */
    for (const k of kinds) {
        result.push(await during(k.name, () => load(server, project, meter, k)));
        await meter.rest(family(server.pid), 120);
    }
    return result;
}
