// cli.test.mjs: every command with --json and its exit codes: 2 usage, 3 refused, 4 damaged data, 1 else; through a running
// server and on a folder without one.
import assert from 'node:assert';
import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import zlib from 'node:zlib';
import { Project } from './lib/project.mjs';
import { filesOf, freshFolder, sleep, startServer, weir, weirJson } from './lib/server.mjs';

let server;
const offline = freshFolder('cli-offline');
before(async () => { server = await startServer(freshFolder('cli')); }, { timeout: 60000 });
after(() => server?.stop());

const lines = (n, name = 'Imported', from = 0) => Array.from({ length: n }, (_, i) => JSON.stringify({ event: name, properties: { time: Date.now() - (i + from) * 1000, distinct_id: `p-${i % 50}`, $insert_id: `${name}-${i + from}`, n: i + from, os: ['iOS', 'Linux'][i % 2] } }));
const file = (name, content) => { const f = path.join(offline, name); writeFileSync(f, content); return f; };
const usage = async (args, input) => {
    const r = await weir(server.data, args, { input });
    assert.strictEqual(r.code, 2, `weir ${args.join(' ')}: ${r.code} ${r.stdout}${r.stderr}`);
    assert.ok(r.stderr.length > 0, 'says why');
    return r;
};

test('no command, an unknown one, unknown options and missing values are usage errors (2)', { timeout: 60000 }, async () => {
    await usage([]);
    for (const args of [['nonsense'], ['project'], ['project', 'create'], ['project', 'nonsense', 'x'], ['project', 'create', 'x', '--nonsense'], ['key', 'create'], ['key', 'create', '--project', '1'], ['query'], ['query', '--project', 'x', '-'], ['import', '--project', '1'], ['export', '--project', '1'], ['serve', '--public']]) await usage(args);
});

test('help and version', { timeout: 30000 }, async () => {
    const help = await weir(null, ['--help']);
    assert.strictEqual(help.code, 0);
    for (const c of ['serve', 'project', 'key', 'login-link', 'import', 'query', 'export', 'check', 'seal', 'open']) assert.match(help.stdout, new RegExp(`\\b${c}\\b`));
});

for (const where of ['running', 'offline']) {
    const data = () => (where === 'running' ? server.data : offline);
    const o = { timeout: 180000 };
    let created;

    test(`${where}: project create`, o, async () => {
        created = await weirJson(data(), ['project', 'create', 'First', '--crowd', '5', '--timezone', 'Europe/Berlin']);
        assert.ok(created.project_id >= 1 && created.token.length >= 16 && created.secret.length >= 16);
        const second = await weirJson(data(), ['project', 'create', 'Second', '--token', `TOK-${where}`, '--secret', 'SECRET']);
        assert.deepStrictEqual([second.token, second.secret], [`TOK-${where}`, 'SECRET']);
        const again = await weir(data(), ['project', 'create', 'Third', '--token', `TOK-${where}`, '--json']);
        assert.strictEqual(again.code, 3, 'a token that is taken is refused');
        assert.ok(again.stderr.length > 0);
        for (const bad of [['--crowd', '1'], ['--crowd', '1001'], ['--crowd', 'x'], ['--timezone', 'Nowhere/Here']]) {
            const r = await weir(data(), ['project', 'create', 'Bad', ...bad]);
            assert.ok(r.code === 2 || r.code === 3, `${bad}: ${r.code}`);
        }
        const plain = await weir(data(), ['project', 'create', 'Plain']);
        assert.strictEqual(plain.code, 0);
        assert.ok(plain.stdout.includes('token'));
    });

    test(`${where}: key create`, o, async () => {
        for (const role of ['collector', 'analyst', 'exporter', 'admin']) {
            const k = await weirJson(data(), ['key', 'create', '--project', String(created.project_id), '--role', role, '--name', `k-${role}`, '--expires', '30']);
            assert.ok(k.user && k.secret.length >= 20);
        }
        assert.strictEqual((await weir(data(), ['key', 'create', '--project', '99', '--role', 'admin'])).code, 3);
        assert.ok([2, 3].includes((await weir(data(), ['key', 'create', '--project', String(created.project_id), '--role', 'king'])).code));
    });

    test(`${where}: import from a file, gzip and stdin; duplicates and failures are counted`, o, async () => {
        const id = String(created.project_id), a = lines(300);
        const first = await weirJson(data(), ['import', '--project', id, file(`${where}.ndjson`, `${a.join('\n')}\n${a.slice(0, 20).join('\n')}\n`)]);
        assert.deepStrictEqual([first.imported, first.duplicates, first.failed], [300, 20, []]);
        const gz = await weirJson(data(), ['import', '--project', id, file(`${where}.ndjson.gz`, zlib.gzipSync(lines(100, 'Zipped').join('\n'))), file(`${where}-2.ndjson`, lines(50, 'Zipped', 100).join('\n'))]);
        assert.strictEqual(gz.imported, 150);
        const never = JSON.stringify({ event: 'Mixed', properties: { time: 'never', distinct_id: 'x', $insert_id: 'twice' } });
        const mixed = [...lines(10, 'Mixed'), '{"event":"Mixed"', never, '', never, ...lines(10, 'Mixed', 10)];
        const std = await weirJson(data(), ['import', '--project', id, '-'], { input: mixed.join('\n') });
        assert.deepStrictEqual([std.imported, std.duplicates, std.failed.map((f) => f.line)], [20, 0, [11, 12, 14]], JSON.stringify(std.failed));
        assert.strictEqual((await weir(data(), ['import', '--project', id, path.join(offline, 'nothing.ndjson')])).code, 1);
        assert.strictEqual((await weir(data(), ['import', '--project', '99', '-'], { input: a[0] })).code, 3);
    });

    test(`${where}: query from a file and stdin`, o, async () => {
        const id = created.project_id, q = { project: id, report: 'insights', interval: 'total', metrics: [{ event: null, measure: 'total' }] };
        const a = await weirJson(data(), ['query', '--project', String(id), file(`${where}-q.json`, JSON.stringify(q))]);
        assert.strictEqual(a.series[0].total, 470);
        const b = await weirJson(data(), ['query', '--project', String(id), '-'], { input: JSON.stringify({ ...q, breakdown: ['os'] }) });
        assert.deepStrictEqual(b.series.map((s) => s.total), [235, 235]);
        const bad = await weir(data(), ['query', '--project', String(id), '-', '--json'], { input: JSON.stringify({ ...q, nonsense: 1 }) });
        assert.notStrictEqual(bad.code, 0);
        assert.match(bad.stderr, /nonsense/);
        assert.notStrictEqual((await weir(data(), ['query', '--project', String(id), '-'], { input: '{' })).code, 0);
    });

    test(`${where}: export gives back what was imported`, o, async () => {
        const r = await weir(data(), ['export', '--project', String(created.project_id), '--from', '2020-01-01', '--to', '2100-01-01']);
        assert.strictEqual(r.code, 0, r.stderr);
        const events = r.stdout.trim().split('\n').map((l) => JSON.parse(l));
        assert.strictEqual(events.length, 470);
        assert.deepStrictEqual(events.filter((e) => e.event === 'Zipped').map((e) => e.properties.n).sort((a, b) => a - b), Array.from({ length: 150 }, (_, i) => i));
        assert.ok(events.every((e) => typeof e.properties.time === 'number'));
        const empty = await weir(data(), ['export', '--project', String(created.project_id), '--from', '2020-01-01', '--to', '2020-01-02']);
        assert.deepStrictEqual([empty.code, empty.stdout], [0, '']);
        assert.notStrictEqual((await weir(data(), ['export', '--project', String(created.project_id), '--from', 'x', '--to', 'y'])).code, 0);
    });

    test(`${where}: check is clean`, o, async () => {
        const c = await weirJson(data(), ['check']);
        assert.strictEqual(c.ok, true);
    });
}

test('export of one folder imports into another with the same counts', { timeout: 120000 }, async () => {
    const r = await weir(offline, ['export', '--project', '1', '--from', '2020-01-01', '--to', '2100-01-01']);
    const there = freshFolder('cli-again');
    const p = await weirJson(there, ['project', 'create', 'Again']);
    const i = await weirJson(there, ['import', '--project', String(p.project_id), '-'], { input: r.stdout });
    assert.deepStrictEqual([i.imported, i.failed], [470, []]);
});

test('login-link logs in once', { timeout: 60000 }, async () => {
    const { url } = await weirJson(server.data, ['login-link']);
    assert.ok(url.startsWith(server.teamUrl), url);
    const first = await fetch(url, { redirect: 'manual' });
    assert.strictEqual(first.status, 303);
    assert.strictEqual(new URL(first.headers.get('location'), url).pathname, '/');
    const cookie = first.headers.get('set-cookie');
    assert.match(cookie, /weir_session=/);
    assert.match(cookie, /HttpOnly/i);
    assert.match(cookie, /SameSite=Strict/i);
    assert.strictEqual((await fetch(url, { redirect: 'manual' })).status, 403, 'a used link');
    const session = await fetch(`${server.teamUrl}/api/v1/session`, { headers: { cookie: cookie.split(';')[0] } });
    assert.strictEqual(session.status, 200);
    assert.strictEqual((await session.json()).role, 'admin');
    assert.strictEqual((await fetch(`${server.teamUrl}/api/v1/projects`, { method: 'POST', headers: { cookie: cookie.split(';')[0] }, body: '{"name":"x"}' })).status, 403, 'a change without the token against forgery');
    assert.strictEqual((await fetch(`${server.teamUrl}/`)).status, 200);
});

test('a token and secret work when the command has returned', { timeout: 60000 }, async () => {
    const p = new Project(server, await weirJson(server.data, ['project', 'create', 'AtOnce']), {});
    const r = await p.track([{ event: 'Now', properties: { distinct_id: 'a' } }]);
    assert.strictEqual(await r.text(), '1');
    assert.strictEqual((await p.import([{ event: 'Now', properties: { distinct_id: 'a', time: Date.now(), $insert_id: 'x' } }])).status, 200);
});

test('check says 4 where a byte of data was changed', { timeout: 120000 }, async () => {
    const folder = freshFolder('cli-damaged');
    const p = await weirJson(folder, ['project', 'create', 'Damaged']);
    await weirJson(folder, ['import', '--project', String(p.project_id), '-'], { input: lines(500, 'D').join('\n') });
    const targets = filesOf(folder).filter((f) => /journal|part/.test(path.relative(folder, f)) && statSync(f).size > 500);
    assert.ok(targets.length > 0, filesOf(folder).join());
    for (const t of targets) {
        const copy = freshFolder('cli-damaged-copy'), file = path.join(copy, path.relative(folder, t));
        cpSync(folder, copy, { recursive: true, filter: (f) => path.basename(f) !== 'run' }); // sockets
        const bytes = readFileSync(file);
        bytes[Math.floor(bytes.length / 2)] ^= 0x10;
        writeFileSync(file, bytes);
        const r = await weir(copy, ['check', '--json']);
        assert.strictEqual(r.code, 4, `${path.relative(folder, t)}: ${r.code} ${r.stdout}${r.stderr}`);
        // Nothing said 200 to afterwards is lost, whatever was damaged before.
        await weirJson(copy, ['import', '--project', String(p.project_id), '-'], { input: lines(10, 'After').join('\n') });
        const after = await weirJson(copy, ['query', '--project', String(p.project_id), '-'], { input: JSON.stringify({ project: p.project_id, report: 'insights', interval: 'total', metrics: [{ event: 'After' }] }) });
        assert.strictEqual(after.series[0].total, 10, path.relative(folder, t));
    }
    assert.strictEqual((await weir(folder, ['check'])).code, 0);
});

test('seal asks for a passphrase file that is there; a second seal is refused or makes a new key', { timeout: 120000 }, async () => {
    const folder = freshFolder('cli-seal');
    const p = await weirJson(folder, ['project', 'create', 'Sealed']);
    await weirJson(folder, ['import', '--project', String(p.project_id), '-'], { input: lines(20, 'S').join('\n') });
    assert.notStrictEqual((await weir(folder, ['seal', '--passphrase-file', path.join(folder, 'no')])).code, 0);
    assert.ok(walkHas(folder, 'team.key'));
    const pass = path.join(freshFolder('pass'), 'p');
    writeFileSync(pass, 'a long enough passphrase\n', { mode: 0o600 });
    assert.ok((await weirJson(folder, ['seal', '--passphrase-file', pass])).recovery_code);
    assert.ok(!walkHas(folder, 'team.key'), 'team.key has left the folder');
    const r = await weir(folder, ['export', '--project', String(p.project_id), '--from', '2020-01-01', '--to', '2100-01-01', '--sealed']);
    const opened = await weir(folder, ['open', '--passphrase-file', pass], { input: r.stdout });
    assert.strictEqual(opened.code, 0, opened.stderr);
    assert.strictEqual(opened.stdout.trim().split('\n').filter((l) => JSON.parse(l).event === 'S').length, 20);
    const torn = await weir(folder, ['open', '--passphrase-file', pass], { input: r.stdout.replace(/"ciphertext":"(..)/g, (m, x) => m.replace(x, x === '00' ? '11' : 'AA')) });
    assert.ok(torn.code !== 0 || !torn.stdout.includes('p-0'), 'altered ciphertext does not open');
    await sleep(0);
});
const walkHas = (folder, name) => filesOf(folder).some((f) => path.basename(f) === name);

test('secrets are not in the files of the data folder', { timeout: 60000 }, async () => {
    const folder = freshFolder('cli-secrets');
    const p = await weirJson(folder, ['project', 'create', 'Secrets']);
    const k = await weirJson(folder, ['key', 'create', '--project', String(p.project_id), '--role', 'admin']);
    for (const f of filesOf(folder)) {
        const text = readFileSync(f).toString('latin1');
        for (const secret of [p.secret, k.secret]) assert.ok(!text.includes(secret), path.relative(folder, f));
        if (/key/.test(path.basename(f))) assert.strictEqual(statSync(f).mode & 0o077, 0, `${f} is private`);
    }
});
