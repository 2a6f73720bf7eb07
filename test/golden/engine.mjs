// engine.mjs: the engine under test as a line-speaking process: a world, then questions, one JSON answer each.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Engine {
    constructor(program, timeout_ms = 30000) {
        this.program = program;
        this.timeout_ms = timeout_ms;
    }
    #start() {
        this.stderr = '';
        this.waiting = [];
        this.child = spawn(this.program, [], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1', UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1' } });
        this.child.stderr.on('data', (d) => { this.stderr = (this.stderr + d).slice(-20000); });
        this.child.stdin.on('error', () => {});
        createInterface({ input: this.child.stdout }).on('line', (line) => this.waiting.shift()?.(line));
        this.child.on('close', (code, signal) => {
            const died = { died: `${signal ?? `code ${code}`}: ${this.stderr.slice(-3000)}` };
            this.child = null;
            for (const w of this.waiting.splice(0)) w(died);
        });
    }
    // Answers to questions about one world; { died } where the process ended.
    async ask(world, questions) {
        if (!this.child) this.#start();
        const child = this.child;
        const answers = questions.map(() => new Promise((resolve) => this.waiting.push(resolve)));
        child.stdin.write([{ world }, ...questions.map((query) => ({ query }))].map((x) => `${JSON.stringify(x)}\n`).join(''));
        const timer = setTimeout(() => child.kill('SIGABRT'), this.timeout_ms);
        const lines = await Promise.all(answers);
        clearTimeout(timer);
        return lines.map((l) => {
            if (typeof l !== 'string') return l;
            try { return JSON.parse(l); } catch { return { error: { message: `not JSON: ${l.slice(0, 300)}` } }; }
        });
    }
    stop() {
        this.child?.stdin.end();
        this.child = null;
    }
}
