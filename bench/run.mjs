// run.mjs: ./dev bench [EVENTS] [--peer]: load and Q1 to Q9 on the generated shop, in CPU seconds of the server's processes, beside
// DuckDB with two threads on the same data (answers are compared too). Wall time is printed but not to be quoted: machines are shared.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createProject } from '../test/story/lib/project.mjs';
import { binary, root, startServer, weir } from '../test/story/lib/server.mjs';
import { columns, exportDay, questions } from './questions.mjs';

const events = Number(process.argv.slice(2).find((a) => /^\d+$/.test(a)) ?? 1e6), persons = Math.max(1, Math.round(events / 20));
const folder = mkdtempSync(path.join(process.env.BENCH_FOLDER ?? '/var/tmp', 'weir-bench-'));
const file = (name) => path.join(folder, name);
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

// User and system time of a process and those it started, in ms (the kernel counts in hundredths of a second).
function cpuOf(pids) {
    return pids.reduce((sum, pid) => {
        const f = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
        return sum + (Number(f[11]) + Number(f[12])) * 10;
    }, 0);
}
const peakOf = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
const sizeOf = (f) => (statSync(f).isDirectory() ? readdirSync(f).reduce((n, x) => n + sizeOf(path.join(f, x)), 0) : statSync(f).size);

// Repeats work until it has used half a second of CPU (or 40 times): hundredths of a second are coarse.
async function measure(cpu, work) {
    await work();
    const begin = cpu(), wall = process.hrtime.bigint();
    let times = 0;
    do { await work(); times++; } while (cpu() - begin < 500 && times < 40);
    return { cpu_ms: (cpu() - begin) / times, wall_ms: Number(process.hrtime.bigint() - wall) / 1e6 / times };
}
const show = (name, ours, peer) => console.log(`${name.padEnd(4)} ${ours.cpu_ms.toFixed(1).padStart(9)} ${ours.wall_ms.toFixed(1).padStart(9)} ${peer ? `${peer.cpu_ms.toFixed(1).padStart(9)} ${(peer.cpu_ms / Math.max(0.01, ours.cpu_ms)).toFixed(1).padStart(7)}x` : ''}`);

async function peer() {
    const { DuckDBInstance } = createRequire(path.join(root, 'test/package.json'))('@duckdb/node-api');
    const duck = await (await DuckDBInstance.create(file('duck.db'), { threads: '2' })).connect();
    const begin = process.cpuUsage();
    await duck.run(`CREATE TABLE ev AS SELECT * FROM read_csv('${file('events.csv')}', header=true, columns=${columns}) ORDER BY user_id, ts`);
    await duck.run('CHECKPOINT');
    const used = process.cpuUsage(begin);
    return { duck, load_ms: (used.user + used.system) / 1000, bytes: statSync(file('duck.db')).size };
}
const ownCpu = () => { const u = process.cpuUsage(); return (u.user + u.system) / 1000; };

execFileSync('gcc', ['-std=gnu17', '-D_GNU_SOURCE', '-O2', path.join(root, 'bench/generate.c'), '-o', file('generate'), '-lm']);
execFileSync(file('generate'), [String(events), String(persons), '--ndjson', file('events.ndjson'), '--csv', file('events.csv')]);
const server = await startServer(file('data'));
const project = await createProject(server, [], 'Bench');
const pids = Object.values(server.processes());
const cpu = () => cpuOf(pids);
const begin = cpu(), wall = Date.now();
const imported = await weir(server.data, ['import', '--project', String(project.id), file('events.ndjson'), '--json'], { timeout: 3600e3 });
if (imported.code !== 0) throw new Error(imported.stderr);
const load = cpu() - begin;
console.log(`${events.toLocaleString('en')} events of ${persons.toLocaleString('en')} people; load ${Math.round(events / load * 1000).toLocaleString('en')} events per CPU second, ${Math.round(events / (Date.now() - wall) * 1000).toLocaleString('en')} per second of wall time`);
const other = await peer();
console.log(`DuckDB: load ${Math.round(events / other.load_ms * 1000).toLocaleString('en')} events per CPU second, ${(other.bytes / events).toFixed(1)} bytes per event`);
console.log('       CPU ms   wall ms  DuckDB CPU   ratio');
for (const q of questions) {
    const ours = await measure(cpu, () => project.query(q.query));
    show(q.name, ours, await measure(ownCpu, () => other.duck.runAndReadAll(q.sql)));
}
const exported = () => new Promise((resolve) => spawn(binary, ['export', '--data', server.data, '--project', String(project.id), '--from', exportDay.from, '--to', exportDay.to], { stdio: 'ignore' }).on('close', resolve));
show(exportDay.name, await measure(cpu, exported), await measure(ownCpu, () => other.duck.run(`COPY (SELECT * FROM ev WHERE ${exportDay.where}) TO '${file('out.ndjson')}' (FORMAT JSON)`)));
console.log(`console's peak memory ${peakOf(server.process('console')).toFixed(0)} MB; data folder ${(sizeOf(server.data) / events).toFixed(1)} bytes per event`);
await server.stop();
