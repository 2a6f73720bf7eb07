// settings.test.mjs: what an admin decides about a project, and that the public door holds to it from the moment of the answer: which
// keys may send, how much, from where, what a property means, which texts are published by hand.
import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import test, { after, before } from 'node:test';
import Mixpanel from 'mixpanel';
import { basic, createProject } from './lib/project.mjs';
import { freshFolder, startServer, weirJson } from './lib/server.mjs';

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
