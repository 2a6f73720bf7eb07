// probes.mjs: a thousand monitors each 30 seconds, real servers on loopback: how late they begin, what they cost.
//   node bench/probes.mjs [MONITORS] [SECONDS]
// A check is late when it begins more than a second behind its schedule. Half are HTTP, a fifth HTTPS, the rest TCP.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { freshFolder, sleep, startServer } from '../test/story/lib/server.mjs';
import { createProject } from '../test/story/lib/project.mjs';

const count = Number(process.argv[2] ?? 1000), seconds = Number(process.argv[3] ?? 90);
const folder = freshFolder('bench-probes'), key = path.join(folder, 'key.pem'), cert = path.join(folder, 'cert.pem');
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '30', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' });
const listen = (s) => new Promise((resolve) => s.listen(0, '127.0.0.1', () => resolve(s.address().port)));
const answer = (q, r) => r.end('{"state":"up"}');
const servers = [http.createServer(answer), https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, answer), net.createServer((c) => c.end())];
const [plain, secure, bare] = await Promise.all(servers.map(listen));
const server = await startServer(freshFolder('bench-probes-data'), { args: ['--allow-internal', '127.0.0.1/32'] });
const project = await createProject(server);
const call = async (method, at, body) => {
    const r = await fetch(`${server.teamUrl}/api/v1/status-page/${at}`, { method, headers: { authorization: project.authorization, 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
    if (r.status !== 200) throw new Error(`${method} ${at}: ${r.status} ${await r.text()}`);
    return r.json();
};
const target = (i) => {
    if (i % 10 < 5) return { kind: 'http', target: `http://127.0.0.1:${plain}/${i}`, json: 'state', json_is: 'up' };
    if (i % 10 < 7) return { kind: 'http', target: `https://127.0.0.1:${secure}/${i}`, ca: readFileSync(cert, 'utf8') };
    return { kind: 'tcp', target: `127.0.0.1:${bare}` };
};
const begun = Date.now();
for (let i = 0; i < count; i++) await call('POST', 'monitors', { name: `m${i}`, ...target(i) });
console.log(`${count} monitors made in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
await sleep(2000);
const cpu = (name) => readFileSync(`/proc/${server.process(name)}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((a, b) => a + Number(b), 0) / 100;
const rss = (name) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.process(name)}/status`, 'utf8'))[1]) / 1024;
const before = (await call('GET', 'monitors')).monitors.reduce((n, m) => n + m.beats, 0);
const at = { courier: cpu('courier'), console: cpu('console') };
await sleep(seconds * 1000);
const used = { courier: cpu('courier') - at.courier, console: cpu('console') - at.console };
const { monitors } = await call('GET', 'monitors');
const beats = monitors.reduce((n, m) => n + m.beats, 0) - before;
const worst = monitors.map((m) => m.worst_late_ms).sort((a, b) => a - b);
console.log(`${beats} checks in ${seconds} s (${(beats / seconds).toFixed(1)}/s), ${monitors.reduce((n, m) => n + m.late, 0)} late; worst of each monitor: median ${worst[count >> 1].toFixed(1)} ms, largest ${worst[count - 1].toFixed(1)} ms`);
console.log(`states: ${JSON.stringify(Object.fromEntries([...new Set(monitors.map((m) => m.state))].map((s) => [s, monitors.filter((m) => m.state === s).length])))}`);
for (const name of ['courier', 'console']) console.log(`${name}: ${(100 * used[name] / seconds).toFixed(1)} % of one core, ${rss(name).toFixed(0)} MB`);
await server.stop();
for (const s of servers) s.close();
process.exit(0);
