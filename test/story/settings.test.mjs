// settings.test.mjs: what an admin decides about a project, and that the public door holds to it from the moment of the answer: which
// keys may send, how much, from where, what a property means, which texts are published by hand.
import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import Mixpanel from 'mixpanel';
import { basic, createProject } from './lib/project.mjs';
import { filesOf, freshFolder, sleep, startServer, weir, weirJson } from './lib/server.mjs';

let server, project, other;
before(async () => {
    server = await startServer(freshFolder('settings'));
    project = await createProject(server, ['--crowd', '10']);
    other = await createProject(server, [], 'Other');
}, { timeout: 60000 });
after(() => server?.stop());

const makeKey = (p, role) => weirJson(server.data, ['key', 'create', '--project', String(p.id), '--role', role]);
const line = (name, more = {}) => JSON.stringify({ event: name, properties: { distinct_id: 'someone', time: Date.now(), $insert_id: `i-${Math.random().toString(36).slice(2)}`, ...more } });
const importAs = (authorization, query, name) => fetch(`${server.publicUrl}/import?strict=1${query}`, { method: 'POST', headers: { authorization, 'content-type': 'application/x-ndjson' }, body: line(name) });

test('keys of collectors and admins send at once, each to its own project; others send nothing', async () => {
    for (const role of ['collector', 'admin']) {
        const key = await makeKey(project, role), authorization = basic(key.user, key.secret);
        const r = await importAs(authorization, `&project_id=${project.id}`, `By ${role}`);
        assert.deepStrictEqual([r.status, (await r.json()).num_records_imported], [200, 1], role);
        assert.strictEqual((await importAs(authorization, '', `By ${role}`)).status, 200);
        assert.strictEqual((await importAs(authorization, `&project_id=${other.id}`, 'Foreign')).status, 401);
        assert.strictEqual((await importAs(basic(key.user, `${key.secret}x`), `&project_id=${project.id}`, 'Foreign')).status, 401);
        assert.strictEqual(await project.waitFor(2, `By ${role}`), 2);
    }
    for (const role of ['analyst', 'exporter']) {
        const key = await makeKey(project, role);
        assert.strictEqual((await importAs(basic(key.user, key.secret), `&project_id=${project.id}`, 'Foreign')).status, 401, role);
    }
});

test("a collector's key reads nothing, and its secret is no project secret or token", async () => {
    const key = await makeKey(project, 'collector'), authorization = basic(key.user, key.secret);
    const body = JSON.stringify({ project: project.id, report: 'insights', metrics: [{ event: null }] });
    for (const [method, path] of [['POST', '/api/v1/query'], ['GET', `/api/v1/projects/${project.id}/lexicon`], ['GET', `/api/v1/projects/${project.id}/export?from=2026-01-01&to=2026-01-02`], ['POST', '/api/v1/keys']]) {
        const r = await fetch(`${server.teamUrl}${path}`, { method, headers: { authorization }, body: method === 'POST' ? body : undefined });
        assert.strictEqual(r.status, 403, path);
    }
    assert.strictEqual((await importAs(basic(key.secret, ''), `&project_id=${project.id}`, 'Foreign')).status, 401);
    const asToken = await project.post('/track', JSON.stringify([{ event: 'Foreign', properties: { token: key.secret, distinct_id: 'x' } }]), { 'content-type': 'application/json' });
    assert.strictEqual(await asToken.text(), '0');
    assert.strictEqual(await project.total('Foreign'), 0);
});

test('weir key list shows what there is, weir key revoke ends one at both doors at once', async () => {
    const key = await makeKey(project, 'collector'), authorization = basic(key.user, key.secret);
    assert.strictEqual((await importAs(authorization, '', 'Before the end')).status, 200);
    const listed = (await weirJson(server.data, ['key', 'list', '--project', String(project.id)])).keys.find((k) => k.user === key.user);
    assert.deepStrictEqual([listed.role, listed.project, listed.revoked], ['collector', project.id, false]);
    assert.deepStrictEqual(await weirJson(server.data, ['key', 'revoke', key.user]), { ok: true });
    assert.strictEqual((await importAs(authorization, '', 'After the end')).status, 401);
    assert.strictEqual((await fetch(`${server.teamUrl}/api/v1/session`, { headers: { authorization } })).status, 401);
    assert.strictEqual((await weir(server.data, ['key', 'revoke', key.user])).code, 3);
});

// The package refuses to send a service account's secret over plain HTTP.
test("mixpanel-node imports with the key as a service account's", { timeout: 60000 }, async () => {
    const folder = freshFolder('settings-tls'), cert = path.join(folder, 'cert.pem'), key = path.join(folder, 'key.pem');
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost'], { stdio: 'ignore' });
    const secure = await startServer(folder, { args: ['--tls-cert', cert, '--tls-key', key] });
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
        const p = await createProject(secure), k = await weirJson(secure.data, ['key', 'create', '--project', String(p.id), '--role', 'collector']);
        const { hostname, port } = new URL(secure.publicUrl);
        const send = (secret) => new Promise((resolve) => {
            const client = Mixpanel.init(p.token, { host: hostname, port, protocol: 'https', credentials: new Mixpanel.ServiceAccountCredentials(k.user, secret, String(p.id)) });
            client.import('By node', Math.floor(Date.now() / 1000) - 60, { distinct_id: 'node' }, resolve);
        });
        const error = await send(k.secret);
        assert.ok(!error, String(error));
        assert.ok(await send(`${k.secret}x`), 'a wrong secret is an error');
        assert.strictEqual(await p.waitFor(1, 'By node'), 1);
    } finally {
        delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
        await secure.stop();
    }
});

test('a key goes on sending after a restart', { timeout: 60000 }, async () => {
    const key = await makeKey(project, 'collector');
    await server.stop();
    await server.start();
    assert.strictEqual((await importAs(basic(key.user, key.secret), `&project_id=${project.id}`, 'Restarted')).status, 200);
    assert.strictEqual(await project.waitFor(1, 'Restarted'), 1);
});

// ---- settings ----

const asAdmin = (p, method, path, body) => fetch(`${server.teamUrl}/api/v1/projects/${p.id}${path}`, { method, headers: { authorization: p.authorization, 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
const change = async (p, method, path, body) => {
    const r = await asAdmin(p, method, path, body);
    assert.strictEqual(r.status, 200, `${method} ${path}: ${r.status} ${await r.clone().text()}`);
    return r.json();
};
const settings = (p, body) => change(p, 'PATCH', '', body);
const mark = (p, property, m) => change(p, 'POST', '/lexicon/marks', { property, mark: m });
const names = (rows) => rows.map((r) => r.breakdown[0]).sort();
const rows = async (p, event, breakdown, options) => (await p.query({ report: 'insights', from: '1971-01-01', to: '2100-01-01', interval: 'total', metrics: [{ event }], breakdown: [breakdown] }, options)).series;
const fresh = (name) => createProject(server, ['--crowd', '10'], name);
const analyst = async (p) => { const k = await makeKey(p, 'analyst'); return { authorization: basic(k.user, k.secret) }; };

test('a quota of its own holds from the answer on, and goes again', async () => {
    const p = await fresh('Quota'), send = (n) => p.track([{ event: 'Sent', properties: { distinct_id: 'q', n } }]);
    assert.deepStrictEqual((await settings(p, { quota_per_minute: 20 })).quota_per_minute, 20);
    const statuses = [];
    for (let n = 0; n < 60; n++) statuses.push((await send(n)).status);
    assert.strictEqual(statuses.slice(0, 20).every((s) => s === 200), true, 'those under it are taken');
    assert.ok(statuses.includes(503), 'those above it are refused');
    assert.strictEqual((await other.track([{ event: 'Sent', properties: { distinct_id: 'q' } }])).status, 200, 'no other project feels it');
    assert.strictEqual((await settings(p, { quota_per_minute: 0 })).quota_per_minute, 0);
    assert.strictEqual((await send(100)).status, 200);
});

test('a request of two projects, one over its quota, leaves nothing behind: sent again it counts once', async () => {
    const a = await fresh('Roomy'), b = await fresh('Full');
    await settings(b, { quota_per_minute: 1 });
    await track(b, 'Filler', {}, 'one');
    await b.waitFor(1);
    const event = (p, i) => ({ event: 'Shared', properties: { token: p.token, distinct_id: `d${i}`, time: Date.now() } });
    const both = JSON.stringify([event(a, 1), event(a, 2), event(b, 3)]), lines = [event(a, 1), event(b, 3)].map((e) => JSON.stringify(e)).join('\n');
    const profiles = JSON.stringify([a, b].map((p) => ({ $token: p.token, $distinct_id: 'd', $add: { visits: 1 } })));
    for (const [path, body, type] of [['/track', both, 'application/json'], ['/track', lines, 'application/x-ndjson'], ['/engage', profiles, 'application/json']]) {
        const r = await a.post(path, body, { 'content-type': type });
        assert.deepStrictEqual([r.status, r.headers.get('retry-after')], [503, '5'], `${path} ${type}`);
    }
    await settings(b, { quota_per_minute: 0 });
    assert.strictEqual((await a.post('/track', both, { 'content-type': 'application/json' })).status, 200);
    assert.strictEqual((await a.post('/engage', profiles, { 'content-type': 'application/json' })).status, 200);
    await b.waitFor(1, 'Shared');
    assert.strictEqual(await a.total('Shared'), 2);
    const visits = async () => (await a.query({ report: 'users' })).users[0]?.properties.visits;
    for (let i = 0; i < 100 && await visits() === undefined; i++) await sleep(20);
    assert.strictEqual(await visits(), 1);
});

test('only the origins on the list may send, and a change names what it changes only', async () => {
    const p = await fresh('Origins');
    const from = async (origin, path = '/track') => (await p.post(path, JSON.stringify([{ event: 'Seen', properties: { token: p.token, distinct_id: 'o' } }]), { 'content-type': 'application/json', ...(origin ? { origin } : {}) })).text();
    assert.strictEqual(await from('https://any.example'), '1');
    const now = await settings(p, { origins: ['https://shop.example/', 'https://*.shop.example'] });
    assert.deepStrictEqual(now.origins, ['https://shop.example', 'https://*.shop.example']);
    assert.strictEqual(await from('https://shop.example'), '1');
    assert.strictEqual(await from('https://m.shop.example'), '1');
    assert.strictEqual(await from('https://any.example'), '0');
    assert.strictEqual(await from(''), '1', 'a server sends no origin');
    await settings(p, { quota_per_minute: 5000 });
    assert.deepStrictEqual(await (await asAdmin(p, 'GET', '')).json(), { id: p.id, name: 'Origins', quota_per_minute: 5000, retention_days: 0, origins: now.origins });
    await settings(p, { origins: [] });
    assert.strictEqual(await from('https://any.example'), '1');
    for (const [body, field] of [[{ origins: ['shop.example'] }, 'origins[0]'], [{ origins: ['https://a.example', 'https://b.example/path'] }, 'origins[1]'], [{ origins: ['https://a.example\nhttps://b.example'] }, 'origins[0]'], [{ origins: ['*'] }, 'origins[0]'], [{ origins: 'x' }, 'origins'], [{ quota_per_minute: -1 }, 'quota_per_minute'], [{ quota_per_minute: '5' }, 'quota_per_minute'], [{ token: 'x' }, 'token']]) {
        const r = await asAdmin(p, 'PATCH', '', body);
        assert.deepStrictEqual([r.status, (await r.json()).error.field], [400, field], JSON.stringify(body));
    }
});

test('the command sets and marks as the API does', async () => {
    const p = await fresh('Command'), id = String(p.id);
    const set = await weirJson(server.data, ['project', 'set', id, '--quota', '70', '--origins', 'https://a.example, https://b.example']);
    assert.deepStrictEqual([set.quota_per_minute, set.origins], [70, ['https://a.example', 'https://b.example']]);
    assert.deepStrictEqual((await weirJson(server.data, ['project', 'set', id, '--origins', 'none'])).origins, []);
    await weirJson(server.data, ['lexicon', '--project', id, 'identity', 'seat']);
    await weirJson(server.data, ['lexicon', '--project', id, 'publish', 'Sign up']);
    await weirJson(server.data, ['lexicon', '--project', id, 'publish', 'plan', 'pro']);
    const list = await weirJson(server.data, ['lexicon', '--project', id]);
    assert.deepStrictEqual([list.marks.map((m) => m.mark), list.published.length], [['identity'], 2]);
    for (const words of [['project', 'set', 'x'], ['project', 'set', id, '--quota', '-1'], ['lexicon', '--project', id, 'measure'], ['lexicon', '--project', id, 'wrong', 'x'], ['lexicon', 'measure', 'x']]) {
        assert.strictEqual((await weir(server.data, words)).code, 2, words.join(' '));
    }
    assert.strictEqual((await weir(server.data, ['lexicon', '--project', id, 'publish', 'ada@example.com'])).code, 3);
    assert.strictEqual((await weir(server.data, ['project', 'set', '999', '--quota', '1'])).code, 3);
});

// ---- what properties are ----

const track = (p, event, properties, person = 'm') => p.track([{ event, properties: { distinct_id: person, time: Date.now(), ...properties } }]);
const sum = async (p, event, property) => (await p.query({ report: 'insights', from: '1971-01-01', to: '2100-01-01', interval: 'total', metrics: [{ event, measure: 'sum', property }] })).series[0].total;

test('a measure keeps long integers as numbers from then on', async () => {
    const p = await fresh('Measure');
    await track(p, 'Before', { order_no: 123456789 });
    await p.waitFor(1, 'Before');
    const lexicon = await (await asAdmin(p, 'GET', '/lexicon')).json();
    assert.strictEqual(lexicon.properties.filter((x) => x.number_text).length, 1, JSON.stringify(lexicon.properties));
    assert.ok(!await sum(p, 'Before', 'order_no'));
    assert.deepStrictEqual(await mark(p, 'order_no', 'measure'), { property: 'order_no', mark: 'measure' });
    await track(p, 'After', { order_no: 123456789 });
    await track(p, 'After', { order_no: 1 });
    await p.waitFor(2, 'After');
    assert.strictEqual(await sum(p, 'After', 'order_no'), 123456790);
    await mark(p, 'order_no', 'none');
    await track(p, 'Again', { order_no: 123456789 });
    await p.waitFor(1, 'Again');
    assert.ok(!await sum(p, 'Again', 'order_no'), 'the mark is gone');
});

test('a time is one, in seconds and milliseconds', async () => {
    const p = await fresh('Time');
    await mark(p, 'due', 'time');
    await track(p, 'Due', { due: 1700000000 });
    await track(p, 'Due', { due: 1700000000000 });
    await p.waitFor(2, 'Due');
    assert.strictEqual((await rows(p, 'Due', 'due')).length, 1, JSON.stringify(await rows(p, 'Due', 'due')));
});

test('an identity is sealed however many send it, numbers too; what was readable stays', async () => {
    const p = await fresh('Identity'), asAnalyst = await analyst(p);
    for (let i = 0; i < 12; i++) await track(p, 'Seat', { seat: 'aisle', level: 7 }, `i-${i}`);
    await p.waitFor(12, 'Seat');
    assert.deepStrictEqual(names(await rows(p, 'Seat', 'seat', asAnalyst)), ['aisle']);
    await mark(p, 'seat', 'identity');
    await mark(p, 'level', 'identity');
    for (let i = 0; i < 12; i++) await track(p, 'Seat 2', { seat: 'window', level: 7 }, `i-${i}`);
    await p.waitFor(12, 'Seat 2');
    for (const property of ['seat', 'level']) {
        const [shown, ...more] = names(await rows(p, 'Seat 2', property, asAnalyst));
        assert.match(String(shown), /^sealed:[0-9a-f]{32}$/, property);
        assert.strictEqual(more.length, 0);
    }
    assert.deepStrictEqual(names(await rows(p, 'Seat', 'seat', asAnalyst)), ['aisle']);
});

// ---- published texts ----

test('a published text is readable at its next sight, and the events before it become readable', async () => {
    const p = await fresh('Published'), asAnalyst = await analyst(p);
    await track(p, 'Rare name', { plan: 'pro', note: 'pro' }, 'one');
    await p.waitFor(1);
    const handles = (await (await fetch(`${server.teamUrl}/api/v1/projects/${p.id}/lexicon`, { headers: asAnalyst })).json()).properties.map((x) => x.name).filter((x) => x.startsWith('sealed:'));
    assert.strictEqual(handles.length, 2, 'one person sent the two names');
    for (const h of handles) assert.match(names(await rows(p, null, h, asAnalyst))[0], /^sealed:/);
    await change(p, 'POST', '/publish', { property: 'plan', value: 'pro' });
    await change(p, 'POST', '/publish', { event: 'Rare name' });
    const waiting = await (await asAdmin(p, 'GET', '/lexicon/marks')).json();
    assert.deepStrictEqual(waiting.published.map((x) => x.waiting), [true, true]);
    await track(p, 'Rare name', { plan: 'pro', note: 'pro' }, 'two');
    await p.waitFor(2);
    const seen = await Promise.all(handles.map((h) => rows(p, null, h, asAnalyst)));
    assert.deepStrictEqual(seen.map((r) => r.map((x) => [x.breakdown[0].replace(/^sealed:.*/, 'sealed'), x.total])).sort(), [[['pro', 2]], [['sealed', 2]]], 'the earlier one too; the same text elsewhere is another text');
    assert.deepStrictEqual((await (await fetch(`${server.teamUrl}/api/v1/projects/${p.id}/lexicon`, { headers: asAnalyst })).json()).events, [{ name: 'Rare name', count: 2 }]);
    const { published } = await (await asAdmin(p, 'GET', '/lexicon/marks')).json();
    assert.deepStrictEqual(published.map((x) => x.event ?? x.value).sort(), ['Rare name', 'pro']);
    assert.deepStrictEqual(published.map((x) => x.waiting), [false, false]);
});

test('what is always sealed cannot be published, and no list keeps a text in the clear', async () => {
    const p = await fresh('Refused');
    for (const body of [{ event: 'mail to ada@example.com' }, { property: 'note', value: 'ada@example.com' }, { property: '$email', value: 'x' }, { property: 'a.$name', value: 'Ada' }]) {
        const r = await asAdmin(p, 'POST', '/publish', body);
        assert.deepStrictEqual([r.status, (await r.json()).error.code], [400, 'always_sealed'], JSON.stringify(body));
    }
    for (const body of [{}, { event: '' }, { property: 'plan' }, { event: 'a', property: 'b', value: 'c' }, { event: 5 }, { event: 'x'.repeat(256) }]) {
        assert.strictEqual((await asAdmin(p, 'POST', '/publish', body)).status, 400, JSON.stringify(body));
    }
    assert.strictEqual((await asAdmin(p, 'POST', '/lexicon/marks', { property: 'x', mark: 'secret' })).status, 400);
    await change(p, 'POST', '/publish', { property: 'zqplantedproperty', value: 'zqplantedvalue' });
    await mark(p, 'zqmarkedproperty', 'identity');
    for (const file of filesOf(server.data)) assert.ok(!/zq(planted|marked)/.test(readFileSync(file, 'latin1')), file);
});

test('settings, marks and published texts outlive a restart; a sealed property is marked by its label', { timeout: 60000 }, async () => {
    const p = await fresh('Kept');
    await track(p, 'Kept', { secret_name: 123456789 });
    await p.waitFor(1);
    const k = await makeKey(p, 'analyst');
    const lexicon = await (await fetch(`${server.teamUrl}/api/v1/projects/${p.id}/lexicon`, { headers: { authorization: basic(k.user, k.secret) } })).json();
    const sealed = lexicon.properties.find((x) => x.number_text).name;
    assert.match(sealed, /^sealed:/);
    await mark(p, sealed, 'measure');
    await settings(p, { origins: ['https://kept.example'] });
    await change(p, 'POST', '/publish', { event: 'Kept word' });
    await server.stop();
    await server.start();
    await track(p, 'Kept', { secret_name: 123456789 });
    await track(p, 'Kept word', {});
    await p.waitFor(3);
    assert.strictEqual(await sum(p, null, 'secret_name'), 123456789);
    const list = await (await asAdmin(p, 'GET', '/lexicon/marks')).json();
    assert.deepStrictEqual(list.marks, [{ property: 'secret_name', mark: 'measure' }], 'opened for an admin while the team key is on the server');
    assert.strictEqual(list.published[0].event, 'Kept word');
    assert.deepStrictEqual((await (await asAdmin(p, 'GET', '')).json()).origins, ['https://kept.example']);
});

test('only admins of the project may look and change', async () => {
    const p = await fresh('Rights');
    const roles = await Promise.all(['collector', 'analyst', 'exporter'].map((r) => makeKey(p, r)));
    const rows = [['GET', ''], ['PATCH', ''], ['GET', '/lexicon/marks'], ['POST', '/lexicon/marks'], ['POST', '/publish']];
    for (const [method, path] of rows) {
        for (const k of roles) {
            const r = await fetch(`${server.teamUrl}/api/v1/projects/${p.id}${path}`, { method, headers: { authorization: basic(k.user, k.secret) }, body: method === 'GET' ? undefined : '{}' });
            assert.strictEqual(r.status, 403, `${method} ${path}`);
        }
        const r = await fetch(`${server.teamUrl}/api/v1/projects/${p.id}${path}`, { method, headers: { authorization: other.authorization }, body: method === 'GET' ? undefined : '{}' });
        assert.strictEqual(r.status, 404, `${method} ${path}`);
    }
});
