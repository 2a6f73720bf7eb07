// demo.mjs: ./dev run: a server on ./demo-data with a demo project of 90 days; prints an address that logs in; runs until Ctrl-C.
// A second run finds the data and starts at once. Further options go to `weir serve`.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventsUntil, profilesOf } from './demo-story.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const binary = process.env.WEIR_BIN ?? path.join(root, 'build/weir'), data = path.join(root, 'demo-data'), project_file = path.join(data, 'demo.json');
const command = (...args) => JSON.parse(execFileSync(binary, [...args, '--data', data, '--json'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }));
const say = (text) => process.stderr.write(`${text}\n`);

async function serve(options) {
    const child = spawn(binary, ['serve', '--data', data, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
    for (const s of ['SIGINT', 'SIGTERM']) process.on(s, () => child.kill('SIGTERM'));
    child.on('close', (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
    process.on('exit', () => child.kill('SIGTERM')); // no server stays behind when the demo fails
    return new Promise((resolve) => {
        let text = '';
        child.stdout.on('data', (d) => {
            text += d;
            const m = /^ready public=(\S+) team=(\S+)$/m.exec(text);
            if (m) resolve({ publicUrl: m[1].replace(/\/$/, ''), ready: m[0] });
        });
    });
}

async function post(url, body, headers) {
    for (let wait = 200; ; wait = Math.min(5000, wait * 2)) {
        const r = await fetch(url, { method: 'POST', body, headers }).catch((e) => ({ status: 503, text: () => String(e) }));
        const text = await r.text();
        if (r.status === 200) return text;
        if (r.status !== 503) throw new Error(`${new URL(url).pathname}: ${r.status} ${text.slice(0, 300)}`);
        await new Promise((resolve) => setTimeout(resolve, wait));
    }
}

async function fill(publicUrl, project) {
    const { events, people } = eventsUntil(Date.now()), batch = 2000;
    const authorization = `Basic ${Buffer.from(`${project.secret}:`).toString('base64')}`;
    for (let i = 0; i < events.length; i += batch) {
        const body = events.slice(i, i + batch).map((e) => JSON.stringify(e)).join('\n');
        await post(`${publicUrl}/import?strict=1&project_id=${project.project_id}`, body, { authorization, 'content-type': 'application/x-ndjson' });
        if (process.stderr.isTTY) process.stderr.write(`\rsending the demo's events: ${Math.min(i + batch, events.length).toLocaleString('en')} of ${events.length.toLocaleString('en')} `);
    }
    if (process.stderr.isTTY) process.stderr.write('\n');
    const { users, teams } = profilesOf(people);
    for (const [route, list] of [['engage', users], ['groups', teams]]) {
        for (let i = 0; i < list.length; i += 500) {
            await post(`${publicUrl}/${route}`, JSON.stringify(list.slice(i, i + 500).map((x) => ({ $token: project.token, ...x }))), { 'content-type': 'application/json' });
        }
    }
    return events.length;
}

// The shop's status page: what people know of it, each part watched by the demo's own events.
function describe(project) {
    const types = 'Does not load,Errors,Slow,Something else', watch = (name, events, errors = []) =>
        command('component', 'create', name, '--rule', 'draft', '--types', types, '--events', JSON.stringify(events), '--errors', JSON.stringify(errors));
    command('status', 'set', '--name', 'Demo shop', '--project', String(project));
    watch('Shop', [{ event: 'Page viewed' }, { event: 'Item viewed' }]);
    watch('Search', [{ event: 'Searched' }]);
    watch('Checkout', [{ event: 'Checkout begun' }], [{ event: 'Error shown' }]);
    watch('Payments', [{ event: 'Order paid' }], [{ event: 'Error shown', where: [{ property: 'code', is: 'payment_failed' }] }]);
}

mkdirSync(data, { recursive: true, mode: 0o700 });
const { publicUrl, ready } = await serve(process.argv.slice(2));
// What was begun is taken up again: the same events fold away by their $insert_id.
const keep = (v) => writeFileSync(project_file, JSON.stringify(v), { mode: 0o600 });
let demo = existsSync(project_file) ? JSON.parse(readFileSync(project_file, 'utf8')) : null;
if (!demo) keep(demo = command('project', 'create', 'Demo shop'));
if (!demo.events) keep(demo = { project_id: demo.project_id, events: await fill(publicUrl, demo) });
if (!demo.described) {
    describe(demo.project_id);
    keep({ ...demo, described: true });
}
const { url } = command('login-link');
process.stdout.write(`\nWeir is running with a demo project of 90 days, ${demo.events.toLocaleString('en')} events.\n\n  Open the console:  ${url}\n\nThe address logs in once. The public status page is ${publicUrl}/status. Events are taken at ${publicUrl}. The data is in ${path.relative(process.cwd(), data) || data}; Ctrl-C stops.\n${ready}\n`);
