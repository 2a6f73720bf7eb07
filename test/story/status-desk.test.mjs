// status-desk.test.mjs: the status desk through the real binary: by command line and API from a component to the public
// page; and an outage that nobody announces: reports through the public door, until the page says it by itself.
import assert from 'node:assert';
import http from 'node:http';
import test, { after, before } from 'node:test';
import { freshFolder, sleep, startServer, weirJson, weir } from './lib/server.mjs';

const until = async (what, ms, look) => {
    for (const end = Date.now() + ms; ;) {
        const got = await look();
        if (got) return got;
        assert.ok(Date.now() < end, `${what} within ${ms} ms`);
        await sleep(50);
    }
};
const publicJson = async (server, path) => {
    const r = await fetch(server.publicUrl + path);
    return r.ok ? r.json() : null;
};
const api = async (server, key, method, path, body) => {
    const r = await fetch(`${server.teamUrl}/api/v1/status-page${path}`, { method, headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
    return { status: r.status, json: await r.json() };
};

let server, project, keys = {};
before(async () => {
    server = await startServer(freshFolder('desk'));
    project = await weirJson(server.data, ['project', 'create', 'Shop']);
    for (const role of ['admin', 'analyst', 'exporter']) keys[role] = (await weirJson(server.data, ['key', 'create', '--project', String(project.project_id), '--role', role])).secret;
}, { timeout: 60000 });
after(() => server?.stop());
const cli = (...args) => weirJson(server.data, args);

test('a component, an incident and its end, by command line, reach the public page within seconds', { timeout: 60000 }, async () => {
    await cli('status', 'set', '--name', 'Shop', '--project', String(project.project_id), '--timezone', 'Europe/Berlin');
    const component = await cli('component', 'create', 'Checkout', '--types', 'Slow,Errors,Other', '--rule', 'draft');
    assert.match(component.id, /^[a-z0-9]{12}$/);
    assert.deepStrictEqual([component.state, component.rule, component.types], ['operational', 'draft', ['Slow', 'Errors', 'Other']]);
    const seen = (state) => until(`the page says ${state}`, 5000, async () => (await publicJson(server, '/api/v2/components.json'))?.components.find((c) => c.id === component.id && c.status === state));
    await seen('operational');
    const incident = await cli('incident', 'open', 'Payments fail', '--component', 'Checkout=partial_outage', '--body', 'We are looking into it.');
    assert.deepStrictEqual([incident.status, incident.impact, incident.components], ['investigating', 'major', [component.id]]);
    await seen('partial_outage');
    const open = await publicJson(server, '/api/v2/incidents/unresolved.json');
    assert.deepStrictEqual(open.incidents.map((i) => [i.id, i.name, i.status]), [[incident.id, 'Payments fail', 'investigating']]);
    await cli('incident', 'update', incident.id, '--status', 'identified', '--body', 'It is the bank.');
    const resolved = await cli('incident', 'resolve', incident.id, '--body', 'The bank is back.');
    assert.deepStrictEqual(resolved.updates.map((u) => u.status), ['resolved', 'identified', 'investigating']);
    await seen('operational');
    assert.strictEqual((await publicJson(server, '/api/v2/incidents/unresolved.json')).incidents.length, 0);
    assert.strictEqual((await cli('incident', 'list', '--state', 'open')).incidents.length, 0);
    assert.strictEqual((await cli('incident', 'list')).incidents.length, 1);
});

test('a maintenance is in the page\'s time zone and runs by itself', { timeout: 60000 }, async () => {
    const far = await cli('maintenance', 'create', 'Database', '--from', '2027-07-01T02:00', '--to', '2027-07-01T03:00', '--component', 'Checkout');
    assert.deepStrictEqual([far.status, far.scheduled_for, far.scheduled_until], ['scheduled', '2027-07-01T00:00:00.000Z', '2027-07-01T01:00:00.000Z']);
    const at = (ms) => new Date(Date.now() + ms).toISOString();
    const near = await cli('maintenance', 'create', 'Now', '--from', at(1500), '--to', at(4500), '--component', 'Checkout');
    const state = async () => (await cli('component', 'list')).components[0].state;
    assert.strictEqual(await state(), 'operational');
    await until('it begins', 5000, async () => (await state()) === 'under_maintenance');
    await until('it ends', 8000, async () => (await state()) === 'operational');
    const list = (await cli('maintenance', 'list')).maintenances;
    assert.deepStrictEqual(list.find((m) => m.id === near.id).updates.map((u) => u.status), ['completed', 'in_progress', 'scheduled']);
});

test('usage errors are 2, refusals 3', { timeout: 60000 }, async () => {
    for (const args of [['incident'], ['incident', 'open'], ['incident', 'update', '../x'], ['component'], ['maintenance', 'create'], ['incident', 'list', '--state', 'x'], ['status', 'nonsense']]) assert.strictEqual((await weir(server.data, args)).code, 2, args.join(' '));
    for (const args of [['incident', 'open', 'X', '--component', 'Nowhere=major_outage'], ['incident', 'resolve', 'aaaaaaaaaaaa'], ['maintenance', 'create', 'X', '--from', 'soon', '--to', 'later'], ['status', 'set', '--timezone', 'Nowhere/Here'], ['component', 'create', 'X', '--events', '[{"event":1}]']]) assert.strictEqual((await weir(server.data, args)).code, 3, args.join(' '));
});

test('the API: an analyst reads, an admin writes, drafts, merges and ends', { timeout: 60000 }, async () => {
    const { admin, analyst, exporter } = keys;
    const id = (await api(server, analyst, 'GET', '/components')).json.components[0].id;
    assert.strictEqual((await api(server, exporter, 'POST', '/incidents', { name: 'X' })).status, 403);
    assert.strictEqual((await api(server, analyst, 'PATCH', `/components/${id}`, { name: 'X' })).status, 403);
    const draft = (await api(server, admin, 'POST', '/incidents', { name: 'Something', status: 'draft', components: { [id]: 'major_outage' } })).json;
    assert.strictEqual((await publicJson(server, '/api/v2/incidents.json')).incidents.some((i) => i.id === draft.id), false);
    assert.strictEqual((await api(server, analyst, 'GET', '/incidents?state=draft')).json.incidents.length, 1);
    const opened = (await api(server, admin, 'POST', `/incidents/${draft.id}/updates`, { status: 'investigating', body: '<script>alert(1)</script>' })).json;
    assert.deepStrictEqual([opened.status, opened.impact], ['investigating', 'critical']);
    const other = (await api(server, admin, 'POST', '/incidents', { name: 'Else', components: {} })).json;
    const merged = (await api(server, admin, 'POST', `/incidents/${other.id}/merge`, { into: opened.id })).json;
    assert.strictEqual(merged.id, opened.id);
    assert.strictEqual((await api(server, admin, 'GET', `/incidents/${other.id}`)).status, 404);
    assert.strictEqual((await api(server, admin, 'POST', `/incidents/${opened.id}/postmortem`, { body: 'Why' })).status, 400);
    await api(server, admin, 'POST', `/incidents/${opened.id}/updates`, { status: 'resolved', body: 'Done.' });
    assert.strictEqual((await api(server, admin, 'POST', `/incidents/${opened.id}/postmortem`, { body: 'Why' })).json.status, 'postmortem');
    for (const bad of [{ name: '' }, { name: 'X', status: 'scheduled' }, { name: 'X', impact: 'terrible' }, { name: 'X', components: { aaaaaaaaaaaa: 'major_outage' } }, { name: 'X', started_at: 'yesterday' }, { name: 'X', nonsense: 1 }]) {
        const r = await api(server, admin, 'POST', '/incidents', bad);
        assert.strictEqual(r.status, 400, JSON.stringify(bad));
        assert.ok(r.json.error.field, JSON.stringify(r.json));
    }
    const changed = (await api(server, admin, 'PATCH', `/components/${id}`, { rule: 'public', events: [{ event: 'Request' }] })).json;
    assert.deepStrictEqual([changed.rule, changed.events, changed.name], ['public', [{ event: 'Request' }], 'Checkout']);
    const board = (await api(server, analyst, 'GET', '')).json;
    assert.deepStrictEqual([board.page.name, board.components.length, board.incidents.length], ['Shop', 1, 0]);
    await until('its signals are watched', 3000, async () => (await api(server, analyst, 'GET', '/signals')).json.signals.length === 2);
});

// ---- an outage that nobody announces ----

// Reports through the public door, each from a network of its own, as a proxy in front would forward them.
class Crowd {
    constructor(url, component) {
        Object.assign(this, { url: new URL('/status/report', url), component, n: 0, refused: 0, agent: new http.Agent({ keepAlive: true, maxSockets: 16 }) });
    }
    report() {
        const k = this.n++;
        const body = JSON.stringify({ component: this.component, type: k % 3 ? 'Slow' : 'Other', device: `device-${k}-abcdef` });
        const address = `${20 + (k >> 16)}.${(k >> 8) & 255}.${k & 255}.7`;
        return new Promise((resolve, reject) => {
            const q = http.request(this.url, { method: 'POST', agent: this.agent, headers: { 'content-type': 'application/json', 'x-forwarded-for': address, 'content-length': body.length } }, (r) => {
                if (r.statusCode !== 200) this.refused++;
                r.resume().on('end', resolve);
            });
            q.on('error', reject).end(body);
        });
    }
    // One after the other, so that no pause of this machine makes a burst, until `done`. Reports a second.
    async trickle(done) {
        const begin = Date.now(), first = this.n;
        while (!done(Date.now() - begin)) {
            await this.report();
            await sleep(20);
        }
        return (this.n - first) * 1000 / (Date.now() - begin);
    }
    // At rate(seconds so far) a second, until `done` or for so many seconds.
    async run(seconds, rate, done = () => false) {
        const begin = Date.now(), waiting = new Set();
        let due = 0, last = begin;
        while (Date.now() - begin < seconds * 1000 && !done()) {
            const now = Date.now();
            due += rate((now - begin) / 1000) * (now - last) / 1000;
            last = now;
            for (; due >= 1; due--) {
                const p = this.report().finally(() => waiting.delete(p));
                waiting.add(p);
            }
            await sleep(5);
        }
        await Promise.all(waiting);
        return (Date.now() - begin) / 1000;
    }
}

test('2 December: reports ramp up, and the page says so by itself', { timeout: 120000 }, async () => {
    const data = freshFolder('outage');
    const clock = (factor, seconds) => ({ env: { WEIR_TEST_CLOCK: `${factor}@${seconds}` }, args: ['--trust-proxy', '127.0.0.1/32'] });
    // A quiet day at 14,400 times: detectors listen for one day before they judge.
    const fast = 14400, begun = Math.floor(Date.now() / 1000) - 1;
    let outage = await startServer(data, clock(fast, begun));
    const p = await weirJson(data, ['project', 'create', 'Shop']);
    await weirJson(data, ['status', 'set', '--name', 'Shop', '--project', String(p.project_id)]);
    const component = await weirJson(data, ['component', 'create', 'App', '--rule', 'public', '--types', 'Slow,Other']);
    await until('the door knows the page', 5000, async () => (await publicJson(outage, '/api/v2/components.json'))?.components.length === 1);
    const crowd = new Crowd(outage.publicUrl, component.id);
    const key = (await weirJson(data, ['key', 'create', '--project', String(p.project_id), '--role', 'analyst'])).secret;
    // What is learned counts from the start, the age of a series from its first report: so it is judged that much later.
    let listens = true;
    const late = Date.now() - begun * 1000 + 1000;
    let judged = Infinity;
    const asking = setInterval(async () => { listens = !((await api(outage, key, 'GET', '/signals').catch(() => null))?.json.signals[0]?.expected > 0); }, 500);
    const quiet = await crowd.trickle((ms) => {
        if (!listens && judged === Infinity) judged = ms + late;
        return ms > judged || ms > 40000;
    });
    clearInterval(asking);
    assert.ok(!listens, 'after a day the detector knows what is ordinary');
    assert.strictEqual(crowd.refused, 0, 'every report was taken');
    assert.strictEqual((await weirJson(data, ['incident', 'list'])).incidents.length, 0, 'a quiet day has no incident');
    await outage.stop();
    // The evening of 2 December at 60 times: the ramp to 800 reports a minute takes half a minute.
    const slow = 60, real = Date.now() / 1000, then = begun + (real - begun) * fast;
    outage = await startServer(data, clock(slow, Math.floor((slow * real - then - 30) / (slow - 1))));
    crowd.url = new URL('/status/report', outage.publicUrl);
    const ordinary = quiet * slow / fast; // the same rate, in reports a second
    let found = null;
    const looking = setInterval(async () => { found ??= (await publicJson(outage, '/api/v2/incidents/unresolved.json').catch(() => null))?.incidents[0]; }, 100);
    const took = await crowd.run(25, (s) => ordinary + Math.min(1, s / 30) * 800 / 60 * slow, () => found);
    clearInterval(looking);
    assert.ok(found, 'the page has an incident that nobody opened');
    assert.deepStrictEqual([found.status, found.components.map((c) => c.id)], ['investigating', [component.id]]);
    const [incident] = (await weirJson(data, ['incident', 'list'])).incidents;
    const whole = await (await fetch(`${outage.publicUrl}/history.atom`)).text();
    assert.ok(whole.includes(found.id), 'and in the feed');
    const delay = (Date.parse(incident.detected_at) - Date.parse(incident.started_at)) / 1000;
    assert.ok(incident.started_at && delay >= 10 && delay < 900, `detected ${delay} s after its onset`);
    console.log(`the page said so ${(took * slow).toFixed(0)} s after the first excess report, detected ${delay} s after the onset found`);
    assert.ok(took * slow < 1200, 'within twenty minutes with a detector that knows one day');
    // Killed in the middle and told the same journal again, the console drafts nothing twice.
    process.kill(outage.process('console'), 'SIGKILL');
    await until('the console is back', 10000, async () => (await weir(data, ['incident', 'list', '--json'])).json);
    await crowd.run(1, () => ordinary + 100);
    assert.deepStrictEqual((await weirJson(data, ['incident', 'list'])).incidents.map((i) => i.id), [found.id]);
    await outage.stop();
});
