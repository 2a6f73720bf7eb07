// retention.test.mjs: a project that keeps its events for so many days: older ones are in no answer at once, and in no part soon after.
import assert from 'node:assert';
import test, { after } from 'node:test';
import { createProject } from './lib/project.mjs';
import { freshFolder, sleep, startServer, weir, weirJson } from './lib/server.mjs';

const servers = [];
after(() => { for (const s of servers) s.kill('SIGKILL'); });
const day = 86400000, now = Date.now();
const event = (days, i) => ({ event: 'Old', properties: { distinct_id: `p${i % 3}`, time: now - days * day, $insert_id: `d${days}-${i}`, secret: `note of ${days} days` } });
const stored = async (p) => (await (await fetch(`${p.server.teamUrl}/api/v1/status`, { headers: { authorization: p.authorization } })).json()).events;
const storedByMetrics = async (data) => Number(/^weir_stored_events (\d+)/m.exec(data)?.[1]);
async function events(p) {
    const r = await fetch(`${p.server.teamUrl}/metrics`, { headers: { authorization: p.authorization } });
    return r.status === 200 ? storedByMetrics(await r.text()) : stored(p);
}
async function until(what, ms = 10000) {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) if (await what()) return true;
    return false;
}

test('what is older than a project keeps vanishes from answers, exports and parts', async () => {
    const data = freshFolder('retention'), server = await startServer(data);
    servers.push(server);
    const p = await createProject(server, ['--crowd', '2', '--retention', '30']);
    const list = [400, 40, 31, 29, 10, 1].flatMap((d) => Array.from({ length: 6 }, (_, i) => event(d, i)));
    assert.strictEqual((await p.track(list)).status, 200);
    assert.ok(await p.waitFor(18) >= 18);
    assert.strictEqual(await p.total(), 18); // still in the tail, and shown no more
    const first = await p.query({ report: 'retention', from: '2000-01-01', to: '2099-12-31', interval: 'month', periods: 1, start: { event: 'Old' }, return: { event: null }, start_mode: 'first_ever', mode: 'on' });
    assert.strictEqual(first.cohorts.reduce((n, c) => n + c.size, 0), 3);
    const exported = await weir(data, ['export', '--project', String(p.id), '--from', '2000-01-01', '--to', '2099-12-31']);
    assert.strictEqual(exported.stdout.trim().split('\n').length, 18);
    assert.strictEqual((await weirJson(data, ['project', 'set', String(p.id), '--quota', '0'])).retention_days, 30);
    // A longer time does not bring back what parts never got; a shorter one takes from them.
    assert.strictEqual((await weirJson(data, ['project', 'set', String(p.id), '--retention', '20'])).retention_days, 20);
    assert.strictEqual(await p.total(), 12);
    assert.strictEqual(await server.stop(), 0);
    p.server = await startServer(data);
    servers.push(p.server);
    assert.ok(await until(async () => await p.total() === 12));
    await weirJson(data, ['import', '--project', String(p.id), '-'], { input: `${JSON.stringify(event(2, 9))}\n` }); // returns when parts hold it
    assert.ok(await until(async () => await events(p) === 13), `${await events(p)} rows are stored`);
    assert.strictEqual((await weirJson(data, ['project', 'set', String(p.id), '--retention', '5'])).retention_days, 5);
    assert.strictEqual(await p.total(), 7);
    assert.ok(await until(async () => await events(p) === 7), `${await events(p)} rows are stored`);
    assert.strictEqual((await weirJson(data, ['project', 'set', String(p.id), '--retention', '0'])).retention_days, 0);
    assert.strictEqual(await p.total(), 7);
    assert.strictEqual((await weirJson(data, ['check'])).ok, true);
    assert.strictEqual((await weir(data, ['project', 'create', 'x', '--retention', '-1'])).code, 2);
    assert.strictEqual((await weir(data, ['project', 'set', String(p.id), '--retention', '40000'])).code, 3);
    await p.server.stop();
});
