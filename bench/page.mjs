// page.mjs: the status page under load by wrk: requests a second, and per CPU second of the front, with the console stopped.
//   ./dev bench page
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { createProject } from '../test/story/lib/project.mjs';
import { freshFolder, sleep, startServer } from '../test/story/lib/server.mjs';

const run = promisify(execFile), SECONDS = 8, COMPONENTS = 12;
const cpu_s = (pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((a, b) => a + Number(b), 0) / 100;

async function load(server, path, headers) {
    const front = server.process('front'), before = cpu_s(front);
    const { stdout } = await run('wrk', ['-t1', '-c64', `-d${SECONDS}s`, ...headers.flatMap((h) => ['-H', h]), `${server.publicUrl}${path}`]);
    const [, requests, seconds] = /(\d+) requests in ([\d.]+)s/.exec(stdout), refused = /Non-2xx or 3xx responses: (\d+)/.exec(stdout);
    if (refused) throw new Error(`${path}: ${refused[1]} refused`);
    return `${Math.round(requests / seconds).toLocaleString('en')} /s, ${Math.round(requests / (cpu_s(front) - before)).toLocaleString('en')} per CPU second of the front`;
}

const server = await startServer(freshFolder('bench-page'));
const project = await createProject(server, [], 'Bench');
const team = async (method, path, body) => {
    const r = await fetch(`${server.teamUrl}/api/v1/status-page${path}`, { method, headers: { authorization: project.authorization, 'content-type': 'application/json' }, body: JSON.stringify(body) });
    if (r.status !== 200) throw new Error(await r.text());
};
await team('PATCH', '', { name: 'Bench', project: project.id, takes_reports: true });
for (let i = 1; i <= COMPONENTS; i++) await team('POST', '/components', { name: `Service ${i}` });
await sleep(1500);
process.kill(server.process('console'), 'SIGSTOP');
const page = await fetch(`${server.publicUrl}/status`), tag = page.headers.get('etag');
console.log(`status page of ${COMPONENTS} components, ${(await page.text()).length} bytes, console stopped, 64 connections, one wrk thread beside:`);
console.log(`  gzip:        ${await load(server, '/status', ['Accept-Encoding: gzip'])}`);
console.log(`  plain:       ${await load(server, '/status', [])}`);
console.log(`  unchanged:   ${await load(server, '/status', [`If-None-Match: ${tag}`])}`);
console.log(`  summary.json ${await load(server, '/api/v2/summary.json', ['Accept-Encoding: gzip'])}`);
process.kill(server.process('console'), 'SIGCONT');
await server.stop();
