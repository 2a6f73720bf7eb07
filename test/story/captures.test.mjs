// captures.test.mjs: every captured request of eleven trackers, byte for byte, to the public door. Mixpanel's are answered as
// their client needs; none ends a process.
import assert from 'node:assert';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { createProject } from './lib/project.mjs';
import { Connection } from './lib/raw.mjs';
import { root, startServer } from './lib/server.mjs';

const folder = [process.env.WEIR_CAPTURES, path.join(root, '../shared/captures'), path.join(root, 'test/captures')].find((f) => f && existsSync(f));
let server, project, processes;

// One capture: { head lines, body bytes, answered, comment }; null where the client sent nothing.
function read(file) {
    const bytes = readFileSync(file);
    const split = bytes.indexOf('\n\n');
    const head = bytes.subarray(0, split).toString('utf8').split('\n');
    if (!/ HTTP\/1\.1$/.test(head[0])) return null;
    const length = Number(/^content-length:\s*(\d+)/im.exec(head.join('\n'))?.[1] ?? 0);
    const binary = file.replace(/\.http$/, '.body.bin');
    const chunked = /^transfer-encoding:\s*chunked/im.test(head.join('\n'));
    const after = bytes.subarray(split + 2);
    const noteAt = after.indexOf('\n### ');
    let body = existsSync(binary) ? readFileSync(binary) : length ? after.subarray(0, length) : Buffer.alloc(0);
    if (chunked && !existsSync(binary) && !after.toString().startsWith('###')) body = after.subarray(0, after.indexOf('\n\n### '));
    const notes = after.subarray(Math.max(0, noteAt)).toString('utf8');
    return { head, body, chunked, answered: /^### answered: (\d+) (.*)$/m.exec(notes), file };
}
const list = () => readdirSync(folder, { withFileTypes: true }).filter((d) => d.isDirectory())
    .flatMap((d) => readdirSync(path.join(folder, d.name)).filter((f) => f.endsWith('.http')).map((f) => path.join(folder, d.name, f)));

async function replay(capture) {
    const c = new Connection(server.publicUrl);
    try {
        await c.opened;
        const body = capture.chunked ? Buffer.concat([Buffer.from(`${capture.body.length.toString(16)}\r\n`), capture.body, Buffer.from('\r\n0\r\n\r\n')]) : capture.body;
        c.write(Buffer.concat([Buffer.from(`${capture.head.join('\r\n')}\r\n\r\n`, 'utf8'), body]));
        return await c.answer(10000);
    } finally {
        c.end();
    }
}

before(async () => {
    assert.ok(folder, 'the captures are not there (shared/captures beside the repository, or WEIR_CAPTURES)');
    server = await startServer();
    project = await createProject(server, ['--token', 'TOKEN0123456789', '--secret', 'APIKEY'], 'Captured');
    processes = server.processes();
}, { timeout: 60000 });
after(() => server?.stop());

// Captures that carry another secret than the project's: a service account, a second secret.
const foreign = (name) => /^import-(service-account|secret)\.http$/.test(name);

function mixpanelAnswer(capture, r) {
    const [method, target] = capture.head[0].split(' ');
    const url = new URL(target, 'http://x');
    const origin = /^origin:\s*(\S+)/im.exec(capture.head.join('\n'))?.[1];
    const body = r.body.toString();
    const name = path.basename(capture.file);
    if (origin) {
        assert.strictEqual(r.headers['access-control-allow-origin'], origin, `${name}: echoed origin`);
        assert.strictEqual(r.headers['access-control-allow-credentials'], 'true', `${name}: credentials`);
        assert.match(r.headers.vary ?? '', /origin/i, `${name}: Vary`);
    }
    if (method === 'OPTIONS') {
        assert.ok(r.status === 204 || r.status === 200, `${name}: preflight ${r.status}`);
        const wanted = /^access-control-request-headers:\s*(.+)$/im.exec(capture.head.join('\n'))?.[1].split(',').map((h) => h.trim().toLowerCase()) ?? [];
        const allowed = (r.headers['access-control-allow-headers'] ?? '').toLowerCase().split(',').map((h) => h.trim());
        for (const h of wanted) assert.ok(allowed.includes(h), `${name}: header ${h} is not allowed`);
        return;
    }
    const route = url.pathname.replace(/\/$/, '');
    if (!/^\/(track|engage|groups|import|flags|flags\/definitions|settings|record)$/.test(route)) return; // a renamed route: any answer
    if (foreign(name)) return void assert.strictEqual(r.status, 401, name);
    assert.strictEqual(r.status, 200, `${name}: ${r.status} ${body.slice(0, 200)}`);
    if (/^\/(flags|flags\/definitions|settings|record)$/.test(route)) return void assert.doesNotThrow(() => JSON.parse(body), `${name}: ${body.slice(0, 100)}`);
    if (url.searchParams.get('img') === '1') return void assert.match(r.headers['content-type'], /image\/gif/, name);
    const verbose = url.searchParams.get('verbose') === '1';
    const sentNothing = capture.body.length === 0 && !url.searchParams.get('data');
    if (sentNothing) return;
    if (verbose) assert.strictEqual(JSON.parse(body).status, 1, `${name}: ${body}`);
    else assert.strictEqual(body, '1', name);
}

test('231 captured requests are answered as each client needs, and end no process', { timeout: 120000 }, async () => {
    const files = list();
    assert.strictEqual(files.length, 231);
    let sent = 0;
    const wrong = [];
    for (const file of files) {
        const capture = read(file);
        if (!capture) continue;
        const r = await replay(capture).catch((e) => ({ problem: e.message }));
        sent++;
        if (!r || r.problem) { wrong.push(`${file}: ${r?.problem ?? 'closed without an answer'}`); continue; }
        if (r.status >= 500) wrong.push(`${file}: ${r.status}`);
        try {
            if (/mixpanel-(node|browser)/.test(file)) mixpanelAnswer(capture, r);
        } catch (e) {
            wrong.push(e.message);
        }
    }
    assert.deepStrictEqual(wrong, []);
    assert.strictEqual(sent, 229);
    assert.deepStrictEqual(server.processes(), processes, 'a process was restarted');
});

test('what the Mixpanel clients sent is counted, each event once', { timeout: 30000 }, async () => {
    const events = new Map();
    let profiles = 0;
    for (const file of list().filter((f) => /mixpanel-(node|browser)/.test(f))) {
        const capture = read(file);
        if (!capture) continue;
        const [, target] = capture.head[0].split(' ');
        const url = new URL(target, 'http://x'), route = url.pathname.replace(/\/$/, '');
        const text = capture.body.length ? new URLSearchParams(capture.body.toString().replaceAll('+', '%2B')).get('data') : url.searchParams.get('data')?.replaceAll(' ', '+');
        if (!text || !/^\/(track|import)$/.test(route) || foreign(path.basename(file))) { profiles++; continue; }
        const json = JSON.parse(/^[[{]/.test(text) ? text : Buffer.from(text, 'base64').toString('utf8'));
        for (const e of [json].flat()) {
            const p = e.properties;
            if (['$identify', '$create_alias', '$merge'].includes(e.event) || p.$ignore) continue;
            if (p.token && p.token !== project.token) continue;
            events.set(p.$insert_id ? JSON.stringify([e.event, p.time, p.distinct_id, p.$insert_id]) : `${file} ${events.size}`, e.event);
        }
    }
    assert.ok(profiles > 0 && events.size > 150, `${events.size} events`);
    const names = new Map();
    for (const name of events.values()) names.set(name, (names.get(name) ?? 0) + 1);
    const got = await project.waitFor(events.size);
    assert.strictEqual(got, events.size);
    for (const [name, n] of names) assert.strictEqual(await project.total(name), n, name);
});
