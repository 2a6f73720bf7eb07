// load.mjs: senders that behave like a careful client: an event is theirs until a 200 with `1` comes back, and what was not
// acknowledged is sent again with the same $insert_id.
import http from 'node:http';
import { sleep } from './server.mjs';

export class Load {
    constructor(project, { senders = 6, batch = 10, name = 'Load' } = {}) {
        Object.assign(this, { project, senders, batch, name, next: 0, acknowledged: 0, sum: 0, retries: 0, refused: 0, running: false });
        this.agent = new http.Agent({ keepAlive: true, maxSockets: senders });
    }
    #post(body) {
        const { hostname, port } = new URL(this.project.server.publicUrl);
        return new Promise((resolve) => {
            const r = http.request({ host: hostname, port, path: '/track?verbose=0', method: 'POST', agent: this.agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }, timeout: 15000 }, (res) => {
                let text = '';
                res.on('data', (d) => { text += d; });
                res.on('end', () => resolve(res.statusCode === 200 && text === '1' ? 'taken' : 'refused'));
                res.on('error', () => resolve('lost'));
            });
            r.on('timeout', () => r.destroy());
            r.on('error', () => resolve('lost'));
            r.end(body);
        });
    }
    async #sender() {
        while (this.running) {
            const first = this.next;
            this.next += this.batch;
            const time = Date.now();
            const numbers = Array.from({ length: this.batch }, (_, i) => first + i);
            const body = JSON.stringify(numbers.map((n) => ({ event: this.name, properties: { token: this.project.token, distinct_id: `p-${n % 97}`, time, n, $insert_id: `${this.name}-${n}` } })));
            for (;;) {
                const how = await this.#post(body);
                if (how === 'taken') break;
                if (how === 'refused') this.refused++;
                this.retries++;
                await sleep(20);
            }
            this.acknowledged += numbers.length;
            this.sum += numbers.reduce((a, b) => a + b, 0);
        }
    }
    start() {
        this.running = true;
        this.done = Promise.all(Array.from({ length: this.senders }, () => this.#sender()));
    }
    // Returns when everything begun has been acknowledged.
    async stop() {
        this.running = false;
        await this.done;
    }
    // What the server says it has, beside what was acknowledged.
    async counts(project = this.project) {
        const q = { report: 'insights', from: '2020-01-01', to: '2100-01-01', interval: 'total', metrics: [{ event: this.name, measure: 'total' }, { event: this.name, measure: 'sum', property: 'n' }, { event: this.name, measure: 'distinct', property: 'n', filters: [{ property: 'n', op: 'gte', value: this.recent }] }] };
        const { series } = await project.query(q);
        const [total, sum, recent] = [0, 1, 2].map((m) => series.find((s) => s.metric === m).total);
        return { total, sum, recent };
    }
    // The distinct numbers of the last hundred thousand: what total and sum would not tell apart.
    get recent() { return Math.max(0, this.next - 100000); }
    get expected() { return { total: this.acknowledged, sum: this.sum, recent: this.next - this.recent }; }
    // Waits up to limit_ms until the counts agree; returns them.
    async settle(limit_ms = 3000) {
        const end = Date.now() + limit_ms;
        for (;;) {
            const got = await this.counts().catch((e) => ({ error: e.message }));
            if (JSON.stringify(got) === JSON.stringify(this.expected) || Date.now() > end) return got;
            await sleep(50);
        }
    }
}
