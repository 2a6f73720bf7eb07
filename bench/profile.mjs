// profile.mjs: ./dev bench profile [--size S] [Q1 ... Q9 load track]: where the CPU goes, by perf: self times and call chains of each
// question on the folder that the last ./dev bench of that size loaded, of a load into a fresh folder, of durable single events. Whole
// texts go to profile-*.txt in the data folder, the heads of self times of 10 M events to profile.md here. Call chains need a build with -Dc_args=-fno-omit-frame-pointer (WEIR_BIN).
import { execFileSync, spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createProject, Project } from '../test/story/lib/project.mjs';
import { binary, startServer, weirJson } from '../test/story/lib/server.mjs';
import { Weir } from './engines.mjs';
import { ingest } from './ingest.mjs';
import { family, here, Meter, say } from './measure.mjs';
import { exportDay, questions } from './questions.mjs';

const args = process.argv.slice(2), size = args[0] === '--size' ? args.splice(0, 2)[1] : '10M';
const base = process.env.WEIR_BENCH_FOLDER ?? '/var/tmp/weir-bench', folder = path.join(base, size), SECONDS = 4;
const meter = new Meter(path.join(base, 'meter')), heads = [];

const listed = (data, more) => execFileSync('perf', ['report', '--stdio', '-i', data, '--percent-limit', '0.7', '-g', 'none', ...more], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 })
    .split('\n').filter((l) => l && !l.startsWith('#') && !l.includes('[unknown]') && !/\[\.\] 0x0000/.test(l)).slice(0, 60).join('\n');

// perf gives up when a thread ends while it attaches: once more, then.
async function attach(data, pids) {
    for (;;) {
        const perf = spawn('perf', ['record', '-F', '1999', '-g', '-o', data, '-p', pids.join(',')], { stdio: 'ignore' });
        const ended = new Promise((resolve) => perf.on('close', resolve));
        if (await Promise.race([ended, wait(500, 'attached')]) === 'attached') return { perf, ended };
    }
}

async function profile(name, pids, work) {
    const data = path.join(folder, `perf-${name}.data`), { perf, ended } = await attach(data, pids);
    const says = await work();
    perf.kill('SIGINT');
    await ended;
    const self = listed(data, ['--no-children', '-s', 'comm,sym']), text = `${name}: ${says}\n\nself:\n${self}\n\nwith callees:\n${listed(data, ['--children', '-s', 'comm,sym'])}\n`;
    writeFileSync(path.join(folder, `profile-${name}.txt`), text);
    say(text);
    const shared = listed(data, ['--no-children', '-s', 'dso']).split('\n').slice(0, 4).map((l) => l.trim().replace(/\s+/g, ' ')).join(', ');
    heads.push(`## ${name}: ${says}\n\nBy library: ${shared}\n\n\`\`\`\n${self.split('\n').slice(0, 12).join('\n').replace(/ +$/gm, '')}\n\`\`\`\n`);
}

async function question(name, weir) {
    const q = questions.find((x) => x.name === name), once = () => (q ? weir.time(q) : weir.exportDay('/dev/null'));
    await once();
    await profile(name, weir.pids(), async () => {
        const list = [];
        for (const end = Date.now() + SECONDS * 1000; Date.now() < end;) list.push((await once()).cpu_ms);
        return `${(list.reduce((a, b) => a + b, 0) / list.length).toFixed(2)} ms of CPU a run, ${list.length} runs`;
    });
}

async function ask(names) {
    const server = await startServer(path.join(folder, 'weir'));
    const key = await weirJson(server.data, ['key', 'create', '--project', '1', '--role', 'admin', '--name', 'profile']);
    const weir = new Weir(server, new Project(server, { project_id: 1 }, key), meter, () => [server.process('console')]);
    await meter.rest(family(server.pid));
    for (const name of names) await question(name, weir);
    await server.stop();
}

async function fresh(name, work) {
    const data = path.join(folder, 'weir-profile');
    rmSync(data, { recursive: true, force: true });
    const server = await startServer(data), project = await createProject(server, [], 'Profile');
    await profile(name, [server.process('front'), server.process('console')], () => work(server, project));
    await server.stop();
    rmSync(data, { recursive: true, force: true });
}
const load = (server, project) => new Promise((resolve) => {
    spawn('sh', ['-c', '"$0" 1000000 50000 --ndjson - | "$1" import --project "$2" - --data "$3"', path.join(base, 'generate'), binary, String(project.id), server.data], { stdio: ['ignore', 'ignore', 'inherit'] }).on('close', () => resolve('a million events'));
});

const names = args.length ? args : [...questions, exportDay].map((q) => q.name), asked = names.filter((n) => /^Q\d$/.test(n));
if (asked.length) await ask(asked);
if (names.includes('load')) await fresh('load', load);
if (names.includes('track')) await fresh('track', async (server, project) => `${Math.round((await ingest(server, project, meter))[0].requests_s)} requests/s`);
meter.close();
const commit = execFileSync('git', ['-C', here, 'describe', '--always', '--dirty', '--exclude', '*'], { encoding: 'utf8' }).trim();
if (size === '10M' && heads.length === 11) writeFileSync(path.join(here, 'profile.md'), `# Where the CPU goes at 10 M events\n\n${new Date().toISOString().slice(0, 10)}, commit ${commit}, by \`./dev bench profile Q1 Q2 Q3 Q4 Q5 Q6 Q7 Q8 Q9 load track\`: shares of the process's own CPU.\n\n${heads.join('\n')}`);
