// doors.test.mjs: the two doors from outside: TLS, proxies, quotas, full disk, drain on SIGTERM, restarts of one process while the
// other serves, metrics.
import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync, writeSync, closeSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import test, { after } from 'node:test';
import { Load } from './lib/load.mjs';
import { basic, createProject } from './lib/project.mjs';
import { Connection, request } from './lib/raw.mjs';
import { Server, freshFolder, sleep, startServer, weir } from './lib/server.mjs';

const open = new Set(), undo = [];
async function serve(options = {}, folder = freshFolder('doors')) {
    const s = await startServer(folder, options);
    open.add(s);
    return s;
}
after(async () => {
    for (const s of open) await s.stop();
    for (const f of undo.reverse()) f();
});
const origin = 'https://shop.example';
const asRoot = (...command) => (process.getuid() === 0 ? execFileSync(command[0], command.slice(1)) : execFileSync('sudo', command));
const event = (p, name = 'Door', more = {}) => JSON.stringify([{ event: name, properties: { token: p.token, distinct_id: 'someone', time: Date.now(), ...more } }]);
const send = (p, body, lines = [], wait = 20000) => request(p.server.publicUrl, 'POST /track', [`Origin: ${origin}`, 'Content-Type: application/json', ...lines], body, wait);

test('both doors speak TLS', { timeout: 60000 }, async () => {
    const folder = freshFolder('tls'), cert = path.join(folder, 'cert.pem'), key = path.join(folder, 'key.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { stdio: 'ignore' });
    const s = await serve({ args: ['--tls-cert', cert, '--tls-key', key] });
    assert.match(s.publicUrl, /^https:/);
    assert.match(s.teamUrl, /^https:/);
    const p = await createProject(s);
    const ask = (url, options, body) => new Promise((resolve, reject) => {
        const r = https.request(url, { ca: readFileSync(cert), ...options }, (res) => {
            const protocol = res.socket.getProtocol();
            let text = '';
            res.on('data', (d) => { text += d; });
            res.on('end', () => resolve({ status: res.statusCode, text, protocol }));
        });
        r.on('error', reject);
        r.end(body);
    });
    const sent = await ask(`${s.publicUrl}/track`, { method: 'POST', headers: { 'content-type': 'application/json' } }, event(p));
    assert.deepStrictEqual([sent.status, sent.text], [200, '1']);
    assert.match(sent.protocol, /TLSv1\.[23]/);
    await sleep(1000);
    const answer = await ask(`${s.teamUrl}/api/v1/query`, { method: 'POST', headers: { authorization: p.authorization } }, JSON.stringify({ project: p.id, report: 'insights', metrics: [{ event: 'Door' }], interval: 'total' }));
    assert.strictEqual(answer.status, 200, answer.text);
    assert.strictEqual(JSON.parse(answer.text).series[0].total, 1);
    const plain = await request(s.publicUrl.replace('https', 'http'), 'GET /healthz').catch(() => null);
    assert.ok(!plain || plain.status >= 400, 'plain HTTP to a TLS door');
});

test('X-Forwarded-For counts only from a trusted proxy', { timeout: 60000 }, async () => {
    for (const trusted of [false, true]) {
        const s = await serve(trusted ? { args: ['--trust-proxy', '127.0.0.0/8'] } : {});
        const p = await createProject(s, ['--crowd', '10']);
        for (let i = 0; i < 12; i++) {
            const body = event(p, 'Proxied', { distinct_id: `$device:d-${i}`, $device_id: `d-${i}`, word: 'seen-by-networks' });
            assert.strictEqual((await send(p, body, [`X-Forwarded-For: 203.0.${i}.7`, 'User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0 Safari/537.36'])).body.toString(), '1');
        }
        await p.waitFor(12, 'Proxied');
        const key = JSON.parse((await weir(s.data, ['key', 'create', '--project', String(p.id), '--role', 'analyst', '--json'])).stdout);
        const { series } = await p.query({ report: 'insights', interval: 'total', metrics: [{ event: null }], breakdown: ['word'] }, { authorization: basic(key.user, key.secret) });
        const readable = series.some((x) => x.breakdown[0] === 'seen-by-networks');
        assert.strictEqual(readable, trusted, `trusted ${trusted}: ${JSON.stringify(series)}`);
    }
});

test('a quota answers 503 with CORS and Retry-After, and no other project feels it', { timeout: 60000 }, async () => {
    const folder = freshFolder('quota');
    writeFileSync(path.join(folder, 'weir.conf'), '# quota\nmax-events-per-minute = 50\n');
    const s = await serve({}, folder), p = await createProject(s), other = await createProject(s, [], 'Other');
    const answers = [];
    for (let i = 0; i < 80; i++) answers.push(await send(p, event(p, 'Quota')));
    const taken = answers.filter((r) => r.status === 200).length, refused = answers.filter((r) => r.status === 503);
    assert.ok(taken >= 50 && refused.length > 0, `${taken} taken, ${refused.length} refused`);
    for (const r of refused) {
        assert.ok(Number(r.headers['retry-after']) > 0);
        assert.strictEqual(r.headers['access-control-allow-origin'], origin);
    }
    assert.strictEqual((await send(other, event(other))).status, 200);
    assert.strictEqual(await p.waitFor(taken, 'Quota'), taken);
});

test('a full disk delays, then answers 503 with Retry-After and CORS; nothing acknowledged is lost; it recovers', { timeout: 120000 }, async () => {
    const mount = freshFolder('full');
    asRoot('mount', '-t', 'tmpfs', '-o', 'size=48m,mode=1777', 'tmpfs', mount);
    undo.push(() => asRoot('umount', '-l', mount));
    const folder = path.join(mount, 'data');
    mkdirSync(folder);
    const s = await serve({}, folder), p = await createProject(s);
    const processes = s.processes();
    const load = new Load(p, { name: 'Full', senders: 2 });
    load.start();
    await sleep(500);
    const filler = path.join(mount, 'filler'), fd = openSync(filler, 'w');
    try { for (;;) writeSync(fd, Buffer.alloc(1 << 16, 1)); } catch (e) { assert.strictEqual(e.code, 'ENOSPC'); }
    closeSync(fd);
    let refused = null;
    for (let i = 0; i < 400 && !refused; i++) {
        const r = await send(p, event(p, 'Filler', { pad: 'x'.repeat(4000) }), [], 60000);
        if (r.status !== 200) refused = r;
    }
    assert.ok(refused, 'the disk never filled');
    assert.strictEqual(refused.status, 503, `${refused.status} ${refused.body}`);
    assert.ok(Number(refused.headers['retry-after']) > 0, 'Retry-After');
    assert.strictEqual(refused.headers['access-control-allow-origin'], origin);
    assert.strictEqual(refused.headers['access-control-allow-credentials'], 'true');
    await sleep(1000);
    rmSync(filler);
    await load.stop();
    assert.strictEqual((await send(p, event(p, 'After'))).status, 200);
    assert.deepStrictEqual(await load.settle(10000), load.expected);
    assert.deepStrictEqual(s.processes(), processes, 'no process ended');
    const check = await weir(folder, ['check', '--json']);
    assert.strictEqual(check.code, 0, check.stdout + check.stderr);
    assert.strictEqual(await s.stop(), 0);
    open.delete(s);
    await s.start();
    open.add(s);
    assert.deepStrictEqual(await load.settle(10000), load.expected);
    await s.stop();
    open.delete(s);
});

test('SIGTERM drains: what was begun is answered, and a restart has all of it', { timeout: 90000 }, async () => {
    const s = await serve(), p = await createProject(s);
    const load = new Load(p, { name: 'Drained' });
    for (let i = 0; i < 5; i++) {
        load.start();
        await sleep(250);
        const slow = new Connection(s.publicUrl), body = event(p, 'Slow');
        await slow.opened;
        slow.write(`POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body.slice(0, 10)}`);
        await sleep(50);
        s.kill('SIGTERM');
        await sleep(20);
        slow.write(body.slice(10));
        const r = await slow.answer(5000).catch(() => null);
        const begin = Date.now();
        assert.strictEqual(await s.exited, 0, 'exit code');
        assert.ok(Date.now() - begin < 15000);
        if (r) assert.strictEqual(r.body.toString(), '1');
        slow.end();
        await s.start();
        await load.stop();
        if (r) assert.strictEqual(await p.waitFor(i + 1, 'Slow'), i + 1);
        assert.deepStrictEqual(await load.settle(), load.expected);
    }
});

test('a stop waits for no half-sent upload: each is put off with 503 and CORS', { timeout: 60000 }, async () => {
    const s = await serve(), origin = 'https://shop.example';
    const half = Array.from({ length: 300 }, () => new Connection(s.publicUrl));
    await Promise.all(half.map((c) => c.opened));
    for (const c of half) c.write(`POST /track HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\nContent-Length: 50000\r\n\r\n[{"event"`);
    const team = new Connection(s.teamUrl);
    await team.opened;
    team.write('POST /api/v1/query HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{');
    await sleep(300);
    const begin = Date.now();
    s.kill('SIGTERM');
    const answers = await Promise.all(half.map((c) => c.answer(8000).catch(() => null)));
    assert.strictEqual(await s.exited, 0);
    assert.ok(Date.now() - begin < 3500, `${Date.now() - begin} ms`);
    assert.deepStrictEqual([...new Set(answers.map((r) => `${r?.status} ${r?.headers['retry-after']} ${r?.headers['access-control-allow-origin']}`))], [`503 5 ${origin}`]);
    for (const c of [...half, team]) c.end();
    open.delete(s);
});

test('what was acknowledged is in the very next answer', { timeout: 60000 }, async () => {
    const s = await serve(), p = await createProject(s);
    for (let i = 1; i <= 200; i++) {
        assert.strictEqual((await send(p, event(p, 'Next'))).status, 200);
        assert.strictEqual(await p.total('Next'), i);
    }
});

test('the first answer after a start has all that was acknowledged before', { timeout: 90000 }, async () => {
    const s = await serve(), p = await createProject(s), batch = 2000, batches = 30;
    const events = (n) => Array.from({ length: batch }, (_, i) => ({ event: 'Before', properties: { distinct_id: `p-${i % 500}`, time: Date.now(), $insert_id: `${n}-${i}`, note: `text ${n} ${i}` } }));
    for (let n = 0; n < batches; n++) assert.strictEqual((await p.import(events(n))).status, 200);
    await p.waitFor(batch * batches, 'Before', 20000);
    for (let i = 0; i < 3; i++) {
        s.kill('SIGKILL');
        await s.exited;
        await s.start();
        assert.strictEqual(await p.total('Before'), batch * batches);
    }
});

test('the public door takes events while the console is away, and queries work while the front is', { timeout: 60000 }, async () => {
    const s = await serve(), p = await createProject(s);
    assert.strictEqual((await send(p, event(p))).status, 200);
    await p.waitFor(1);
    const { console: console_pid, front, main } = s.processes();
    process.kill(console_pid, 'SIGSTOP');
    for (let i = 0; i < 20; i++) assert.strictEqual((await send(p, event(p))).status, 200, 'the front needs no console');
    process.kill(console_pid, 'SIGCONT');
    assert.strictEqual(await p.waitFor(21), 21);
    process.kill(front, 'SIGSTOP');
    assert.strictEqual(await p.total(), 21, 'the console needs no front');
    const waiting = send(p, event(p), [], 20000);
    await sleep(300);
    process.kill(front, 'SIGCONT');
    assert.strictEqual((await waiting).status, 200, 'a client waits, it is not refused');
    process.kill(front, 'SIGKILL');
    const during = await Promise.all(Array.from({ length: 20 }, () => send(p, event(p), [], 20000).catch((e) => ({ status: e.message }))));
    assert.deepStrictEqual([...new Set(during.map((r) => r?.status))], [200], 'connections made while the front restarts are served');
    assert.strictEqual(s.process('main'), main);
    assert.strictEqual(await p.waitFor(42), 42);
});

test('idle connections are told how long they may be kept', { timeout: 30000 }, async () => {
    const s = await serve(), p = await createProject(s);
    const r = await send(p, event(p));
    assert.ok(/timeout=\d+/.test(r.headers['keep-alive'] ?? '') || /close/i.test(r.headers.connection ?? ''), JSON.stringify(r.headers));
    const c = new Connection(s.publicUrl);
    await c.opened;
    for (let i = 0; i < 3; i++) {
        const body = event(p);
        c.write(`POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
        assert.strictEqual((await c.answer()).status, 200, `request ${i + 1} of one connection`);
    }
    const piped = event(p), one = `POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(piped)}\r\n\r\n${piped}`;
    c.write(one + one + one);
    for (let i = 0; i < 3; i++) assert.strictEqual((await c.answer()).status, 200, 'pipelined');
    c.end();
});

test('CORS and health on every answer of the public door', { timeout: 30000 }, async () => {
    const s = await serve();
    assert.strictEqual((await request(s.publicUrl, 'GET /healthz')).status, 200);
    for (const first of ['GET /nothing', 'POST /track', 'PUT /track', 'DELETE /x', 'GET /track', 'GET /import']) {
        const r = await request(s.publicUrl, first, [`Origin: ${origin}`], first.startsWith('POST') ? '{' : '');
        assert.strictEqual(r.headers['access-control-allow-origin'], origin, `${first}: ${r.status}`);
        assert.strictEqual(r.headers['access-control-allow-credentials'], 'true', first);
    }
    const pre = await request(s.publicUrl, 'OPTIONS /track/', [`Origin: ${origin}`, 'Access-Control-Request-Method: POST', 'Access-Control-Request-Headers: x-mine, traceparent']);
    assert.ok([200, 204].includes(pre.status));
    assert.match(pre.headers['access-control-allow-headers'], /x-mine/i);
    assert.match(pre.headers['access-control-allow-methods'], /POST/);
    assert.ok(Number(pre.headers['access-control-max-age']) > 0);
});

test('metrics for the admin only, in Prometheus form', { timeout: 30000 }, async () => {
    const s = await serve(), p = await createProject(s);
    await send(p, event(p));
    assert.strictEqual((await fetch(`${s.teamUrl}/metrics`)).status, 401);
    const r = await fetch(`${s.teamUrl}/metrics`, { headers: { authorization: p.authorization } });
    const text = await r.text();
    assert.strictEqual(r.status, 200);
    assert.match(r.headers.get('content-type'), /text\/plain|openmetrics/);
    assert.ok(text.split('\n').filter((l) => l && !l.startsWith('#')).every((l) => /^[a-z_:][a-z0-9_:]*(\{[^}]*\})? \S+$/i.test(l)), text.slice(0, 500));
    assert.match(text, /^# TYPE /m);
    assert.ok(!text.includes(p.token));
});

test('roles: a collector key cannot read, an expired or unknown one nothing; the project secret never reads', { timeout: 60000 }, async () => {
    const s = await serve(), p = await createProject(s), q = { report: 'insights', metrics: [{ event: 'Door' }] };
    for (const [role, wanted] of [['collector', 403], ['analyst', 200], ['exporter', 200], ['admin', 200]]) {
        const k = JSON.parse((await weir(s.data, ['key', 'create', '--project', String(p.id), '--role', role, '--json'])).stdout);
        const status = await p.query(q, { authorization: basic(k.user, k.secret) }).then(() => 200, (e) => e.status);
        assert.strictEqual(status, wanted, role);
        const bearer = await p.query(q, { authorization: `Bearer ${k.secret}` }).then(() => 200, (e) => e.status);
        assert.strictEqual(bearer, wanted, `${role} as Bearer`);
        const exported = await fetch(`${s.teamUrl}/api/v1/projects/${p.id}/export?from=2026-01-01&to=2026-01-02`, { headers: { authorization: basic(k.user, k.secret) } });
        assert.strictEqual(exported.status, ['exporter', 'admin'].includes(role) ? 200 : 403, `${role} export`);
    }
    for (const authorization of [undefined, basic(p.secret, ''), basic('weir', 'wrong'), 'Bearer x', basic(p.token, '')]) {
        const r = await fetch(`${s.teamUrl}/api/v1/query`, { method: 'POST', body: JSON.stringify({ project: p.id, ...q }), headers: authorization ? { authorization } : {} });
        assert.ok([401, 403].includes(r.status), `${authorization}: ${r.status}`);
        assert.ok((await r.json()).error.code);
    }
    const other = await createProject(s, [], 'Other');
    const e = await other.query({ ...q, project: p.id }).then(() => null, (x) => x);
    assert.ok(e && [403, 404].includes(e.status), 'a key of another project');
});

test('a second server on the same folder waits, then says so', { timeout: 60000 }, async () => {
    const s = await serve();
    const second = new Server(s.data), begin = Date.now();
    await assert.rejects(second.start(30000));
    assert.ok(Date.now() - begin > 5000, 'it waits for the lock');
    assert.strictEqual((await request(s.publicUrl, 'GET /healthz')).status, 200);
    const third = new Server(s.data);
    const starting = third.start(30000);
    await sleep(1000);
    assert.strictEqual(await s.stop(), 0);
    open.delete(s);
    await starting;
    open.add(third);
});
