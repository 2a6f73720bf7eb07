// measure.mjs: CPU time and memory of processes by meter.c, medians, and what both are counted over.
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';

export const here = fileURLToPath(new URL('.', import.meta.url));
export const say = (text) => process.stderr.write(`${text}\n`);
export const number = (n) => Math.round(n).toLocaleString('en');
export const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
export const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * q))];

export function compile(name, folder) {
    const out = path.join(folder, name);
    execFileSync('gcc', ['-std=gnu17', '-D_GNU_SOURCE', '-O2', path.join(here, `${name}.c`), '-o', out, '-lm', '-lpthread'], { stdio: 'inherit' });
    return out;
}

// A number that changes while work is shown on a terminal.
export function progress(label) {
    const begin = Date.now(), tty = process.stderr.isTTY;
    const timer = tty ? setInterval(() => process.stderr.write(`\r${label} ${Math.round((Date.now() - begin) / 1000)} s `), 1000) : null;
    if (!tty) say(label);
    return () => { clearInterval(timer); if (tty) process.stderr.write(`\r${label} ${((Date.now() - begin) / 1000).toFixed(1)} s\n`); };
}
export async function during(label, work) {
    const end = progress(label);
    try { return await work(); } finally { end(); }
}

export class Meter {
    constructor(binary) {
        this.binary = binary;
        this.child = spawn(binary, [], { stdio: ['pipe', 'pipe', 'inherit'] });
        this.waiting = [];
        readline.createInterface({ input: this.child.stdout }).on('line', (l) => this.waiting.shift()(l));
    }
    #ask(line) {
        return new Promise((resolve) => { this.waiting.push(resolve); this.child.stdin.write(`${line}\n`); });
    }
    async cpu_ms(pids) { return Number(await this.#ask(`cpu ${pids.join(' ')}`)) / 1e6; }
    // Runs work; CPU and wall time of the processes meanwhile.
    async used(pids, work) {
        const before = await this.cpu_ms(pids), begin = process.hrtime.bigint();
        const result = await work();
        const wall_ms = Number(process.hrtime.bigint() - begin) / 1e6;
        return { result, wall_ms, cpu_ms: await this.cpu_ms(pids) - before };
    }
    // Runs work; the largest sum of the processes' anonymous memory meanwhile, in MB.
    async peak_mb(pids, work) {
        await this.#ask(`watch ${pids.join(' ')}`);
        await work();
        return Number(await this.#ask('peak')) / 1024;
    }
    // Waits until the processes rest (merges are done): under 2 % of a CPU for two seconds.
    async rest(pids, limit_s = 600) {
        for (let quiet = 0, end = Date.now() + limit_s * 1000; quiet < 4 && Date.now() < end;) {
            const { cpu_ms } = await this.used(pids, () => new Promise((resolve) => setTimeout(resolve, 500)));
            quiet = cpu_ms < 10 ? quiet + 1 : 0;
        }
    }
    close() { this.child.stdin.end(); }
}

export const sizeOf = (f) => (statSync(f).isDirectory() ? readdirSync(f).reduce((n, x) => n + sizeOf(path.join(f, x)), 0) : statSync(f).size);

// A process and all below it.
export function family(pid) {
    let below = [];
    try { below = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number); } catch { /* it has ended */ }
    return [pid, ...below.flatMap(family)];
}
export function memory_mb(pid) {
    const of = (text, name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) / 1024;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8'), rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return { name: readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), rss: of(status, 'VmRSS'), anonymous: of(status, 'RssAnon'), share: of(rollup, 'Pss') };
}
