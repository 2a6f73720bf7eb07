// server.mjs: the real binary: commands, a running server, its processes. Everything a story starts ends with it.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));
export const binary = process.env.WEIR_BIN ?? path.join(root, 'build/weir');
export const long = Boolean(process.env.WEIR_TEST_LONG);
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const started = new Set();
process.on('exit', () => { for (const s of started) s.kill('SIGKILL'); });

export function freshFolder(name = 'weir') {
    const folder = mkdtempSync(path.join(tmpdir(), `${name}-`));
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
    return folder;
}

// Every regular file below a folder (Node 18's recursive readdir stumbles over sockets).
export const filesOf = (folder) => readdirSync(folder, { withFileTypes: true }).flatMap((e) => {
    const f = path.join(folder, e.name);
    return e.isDirectory() ? filesOf(f) : e.isFile() ? [f] : [];
});

// Runs one command to its end without blocking this process. { code, stdout, stderr, json }.
export function weir(data, args, { input, env, timeout = 120000 } = {}) {
    return new Promise((resolve, reject) => {
        const child = spawn(binary, [...args, ...(data ? ['--data', data] : [])], { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
        const out = [], err = [];
        child.stdout.on('data', (d) => out.push(d));
        child.stderr.on('data', (d) => err.push(d));
        child.stdin.on('error', () => {});
        const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
        child.on('error', reject);
        child.on('close', (code, signal) => {
            clearTimeout(timer);
            const stdout = Buffer.concat(out).toString(), stderr = Buffer.concat(err).toString();
            let json;
            try { json = JSON.parse(stdout); } catch { json = undefined; }
            resolve({ code: code ?? signal, stdout, stderr, json });
        });
        if (input && typeof input.pipe === 'function') input.pipe(child.stdin);
        else child.stdin.end(input ?? '');
    });
}

// A command that must succeed; its JSON.
export async function weirJson(data, args, options) {
    const r = await weir(data, [...args, '--json'], options);
    if (r.code !== 0 || r.json === undefined) throw new Error(`weir ${args.join(' ')}: code ${r.code}\n${r.stderr}${r.stdout.slice(0, 500)}`);
    return r.json;
}

const childrenOf = (pid) => {
    try { return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number); } catch { return []; }
};
const nameOf = (pid) => {
    try { return readFileSync(`/proc/${pid}/comm`, 'utf8').trim(); } catch { return ''; }
};
export const alive = (pid) => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

export class Server {
    constructor(data, { args = [], env = {}, wrapper = [] } = {}) {
        Object.assign(this, { data, args, env, wrapper, stderr: '', stdout: '' });
    }
    async start(timeout_ms = 60000) {
        this.ports ??= ['--public', '127.0.0.1:0', '--team', '127.0.0.1:0'];
        const command = [...this.wrapper, binary, 'serve', '--data', this.data, ...this.ports, ...this.args];
        this.child = spawn(command[0], command.slice(1), { env: { ...process.env, ...this.env }, stdio: ['ignore', 'pipe', 'pipe'] });
        started.add(this);
        this.stdout = '';
        this.exited = new Promise((resolve) => this.child.on('close', (code, signal) => { started.delete(this); resolve(code ?? signal); }));
        this.child.stderr.on('data', (d) => { this.stderr = (this.stderr + d).slice(-200000); });
        const ready = new Promise((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error(`no ready line in ${timeout_ms} ms: ${this.stderr.slice(-2000)}`)), timeout_ms);
            this.child.stdout.on('data', (d) => {
                this.stdout += d;
                const m = /^ready public=(\S+) team=(\S+)$/m.exec(this.stdout);
                if (m) { clearTimeout(timer); resolve(m); }
            });
            this.exited.then((code) => { clearTimeout(timer); reject(new Error(`the server ended with ${code}: ${this.stderr.slice(-3000)}`)); });
        });
        const [, publicUrl, teamUrl] = await ready;
        Object.assign(this, { publicUrl: publicUrl.replace(/\/$/, ''), teamUrl: teamUrl.replace(/\/$/, ''), pid: this.child.pid });
        // The same ports when it is started again, as a client expects.
        const port = (u) => new URL(u).port;
        if (!this.args.includes('--public-url')) this.ports = ['--public', `127.0.0.1:${port(this.publicUrl)}`, '--team', `127.0.0.1:${port(this.teamUrl)}`];
        return this;
    }
    // The pid of "main", "front" or "console".
    process(name) {
        return name === 'main' ? this.pid : childrenOf(this.pid).find((p) => nameOf(p).includes(name));
    }
    processes() {
        return Object.fromEntries(['main', 'front', 'console', 'courier'].map((n) => [n, this.process(n)]));
    }
    kill(signal = 'SIGTERM') {
        if (this.child && this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    }
    // A clean stop; the exit code.
    async stop(timeout_ms = 30000) {
        this.kill('SIGTERM');
        const timer = setTimeout(() => this.kill('SIGKILL'), timeout_ms);
        const code = await this.exited;
        clearTimeout(timer);
        return code;
    }
}

export async function startServer(data = freshFolder(), options = {}) {
    return new Server(data, options).start();
}

export const hasCommand = (name) => spawnSync('sh', ['-c', `command -v ${name}`]).status === 0;
