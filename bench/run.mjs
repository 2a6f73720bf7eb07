// run.mjs: ./dev bench [--size 1M|10M|100M] [--runs N] [--fresh] [--loaded] [--skip peers,readers,ingest]
// Makes the shop's events, loads Weir and its peers, checks that all answers agree, measures, writes results.md. Data lies in
// WEIR_BENCH_FOLDER (default /var/tmp/weir-bench); the peers' databases stay there for the next run, Weir loads anew each time, or with
// --loaded is asked as the last run loaded it.
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { basic, createProject, Project } from '../test/story/lib/project.mjs';
import { binary, startServer, weirJson } from '../test/story/lib/server.mjs';
import { difference } from './agree.mjs';
import { peersOf, Weir } from './engines.mjs';
import { ingest } from './ingest.mjs';
import { idle, startUp } from './life.mjs';
import { compile, during, family, here, median, Meter, say } from './measure.mjs';
import { exportDay, questions } from './questions.mjs';
import { concurrent } from './readers.mjs';
import { write } from './report.mjs';
import { sizesOf } from './sizes.mjs';

const sizes = { '1M': [1e6, 50e3], '10M': [10e6, 500e3], '100M': [100e6, 3e6] };
const args = process.argv.slice(2), option = (name, otherwise) => (args.includes(name) ? args[args.indexOf(name) + 1] : otherwise);
const size = option('--size', '10M'), runs = Number(option('--runs', '5')), skip = option('--skip', '').split(',');
if (!sizes[size] || !(runs >= 1)) {
    say('usage: ./dev bench [--size 1M|10M|100M] [--runs N] [--fresh] [--loaded] [--skip peers,readers,ingest]');
    process.exit(2);
}
const [events, persons] = sizes[size];
const base = process.env.WEIR_BENCH_FOLDER ?? '/var/tmp/weir-bench', folder = path.join(base, size), file = (name) => path.join(folder, name);

function exec(label, command, list) {
    return during(label, () => new Promise((resolve, reject) => {
        spawn(command, list, { stdio: ['ignore', 'ignore', 'inherit'] }).on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${label}: ${code}`))));
    }));
}

// The peers read files. 100 M lines of JSON would fill the disk: there ClickHouse takes the CSV.
async function makeData(generate) {
    const wanted = ['--csv', file('events.csv'), ...(size === '100M' ? [] : ['--ndjson', file('events.ndjson')])];
    const note = file('made'), by = createHash('sha256').update(readFileSync(path.join(here, 'generate.c'))).digest('hex');
    if (existsSync(note) && readFileSync(note, 'utf8') === by) return;
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    await exec('making the events', generate, [String(events), String(persons), ...wanted]);
    writeFileSync(note, by);
}

// At 100 M the busiest people's days do not hold their events: the last ones lie ahead of the clock until that day has come, and are refused.
function isWhole(text) {
    const { imported, duplicates, failed_total } = JSON.parse(text || '{}');
    if (failed_total) say(`refused: ${failed_total}`);
    return imported + failed_total === events && failed_total < events / 1000 && duplicates === 0;
}

async function reopenWeir() {
    const server = await startServer(file('weir')), data = server.data;
    const make = (role) => weirJson(data, ['key', 'create', '--project', '1', '--role', role, '--name', `bench-${role}-${Date.now()}`]);
    const sender = await make('collector'), project = new Project(server, { project_id: 1 }, await make('admin'));
    project.sending = basic(sender.user, sender.secret);
    return { server, project, loaded: JSON.parse(readFileSync(file('load.json'), 'utf8')) };
}

async function loadWeir(generate, meter) {
    const server = await startServer(file('weir'));
    const project = await createProject(server, [], 'Bench');
    const out = file('import.used'), pids = family(server.pid), front = () => meter.cpu_ms([server.process('front')]), before = await front();
    const command = '"$1" "$2" "$3" --ndjson - | "$4" run "$5" "$6" import --project "$7" - --data "$8" --json';
    const used = await meter.used(pids, () => during('Weir: loading', () => new Promise((resolve, reject) => {
        const child = spawn('sh', ['-c', command, 'sh', generate, String(events), String(persons), meter.binary, out, binary, String(project.id), server.data], { stdio: ['ignore', 'pipe', 'inherit'] });
        let text = '';
        child.stdout.on('data', (d) => { text += d; });
        child.on('close', () => (isWhole(text) ? resolve() : reject(new Error(`import: ${text.slice(0, 500)} ${server.stderr.slice(-2000)}`))));
    })));
    const client_ms = Number(readFileSync(out, 'utf8').split(' ')[0]) / 1e6, front_ms = await front() - before, console_ms = used.cpu_ms - front_ms;
    const merge = await meter.used(pids, () => during('Weir: merges', () => meter.rest(pids)));
    const loaded = { from: 'NDJSON, a pipe', cpu_ms: used.cpu_ms + client_ms, client_ms, front_ms, console_ms, wall_ms: used.wall_ms, merge_cpu_ms: merge.cpu_ms };
    writeFileSync(file('load.json'), JSON.stringify(loaded));
    return { server, project, loaded };
}

async function checkAll(engines) {
    const [judge, ...others] = engines;
    for (const q of questions) {
        const want = await judge.rows(q);
        for (const e of others) {
            const d = difference(want, await e.rows(q));
            if (d) throw new Error(`${q.name}: ${e.name} and ${judge.name} disagree: ${d}`);
        }
    }
    say('all answers agree');
}

// Q9: as many events and as much revenue in each file.
function exportsAgree(files) {
    const sums = files.map((f) => readFileSync(f, 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l)).reduce((a, o) => [a[0] + 1, a[1] + Math.round(100 * ((o.properties ?? o).revenue ?? 0))], [0, 0]));
    if (sums.some((s) => s.join() !== sums[0].join())) throw new Error(`Q9: the exports differ: ${JSON.stringify(sums)}`);
}

// After one run unmeasured: the median of `runs`, then one more for the memory.
async function measure(engine, meter, work) {
    await work();
    const list = [];
    for (let i = 0; i < runs; i++) list.push(await work());
    const peak_mb = await meter.peak_mb(engine.pids(), work) - (engine.idle_mb ?? 0);
    return { cpu_ms: median(list.map((r) => r.cpu_ms)), wall_ms: median(list.map((r) => r.wall_ms)), peak_mb };
}

async function measureAll(engines, meter) {
    const table = {};
    for (const q of [...questions, exportDay]) {
        table[q.name] = await during(`${q.name}: ${q.says}`, async () => {
            const row = {};
            for (const [i, e] of engines.entries()) row[e.name] = await measure(e, meter, q === exportDay ? () => e.exportDay(file(`out-${i}.ndjson`)) : () => e.time(q));
            return row;
        });
    }
    exportsAgree(engines.map((_, i) => file(`out-${i}.ndjson`)));
    return table;
}

mkdirSync(folder, { recursive: true });
const loadedBefore = args.includes('--loaded');
for (const name of args.includes('--fresh') ? [folder] : loadedBefore ? [] : [file('weir')]) rmSync(name, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const generate = compile('generate', base), meter = new Meter(compile('meter', base));
const peers = skip.includes('peers') ? [] : peersOf(folder);
if (peers.length) await makeData(generate);
for (const p of peers) await p.load(events);
const { server, project, loaded } = loadedBefore ? await reopenWeir() : await loadWeir(generate, meter);
const engines = [...peers, new Weir(server, project, meter, () => family(server.pid))];
await checkAll(engines);
const result = { size, events, persons, runs, date: new Date().toISOString(), commit: execFileSync('git', ['-C', here, 'describe', '--always', '--dirty', '--exclude', '*'], { encoding: 'utf8' }).trim() };
Object.assign(result, { loads: { Weir: loaded, ...Object.fromEntries(peers.map((p) => [p.name, p.loaded])) }, sizes: sizesOf(file('weir/parts')), questions: await measureAll(engines, meter), busy: os.loadavg()[1] });
for (const p of peers) p.close();
result.startUp = await during('starting', () => startUp(server));
result.idle = await during('resting', () => idle(server, meter));
if (!skip.includes('readers')) result.readers = await concurrent(server, project, meter);
if (!skip.includes('ingest')) result.ingest = await ingest(server, await createProject(server, [], 'Ingest'), meter);
await server.stop();
meter.close();
writeFileSync(file('results.json'), JSON.stringify(result, null, 1));
write(result, folder);
