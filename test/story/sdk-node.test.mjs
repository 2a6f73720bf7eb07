// sdk-node.test.mjs: the real `mixpanel` package sends 20,000 events by all its ways, profiles and groups; every answer
// equals what the golden reference computes from what was sent, and the SDK sees no error.
import assert from 'node:assert';
import test, { after, before } from 'node:test';
import Mixpanel from 'mixpanel';
import { createProject } from './lib/project.mjs';
import { freshFolder, startServer } from './lib/server.mjs';
import { eventsOf, peopleOf, questionsAbout } from './lib/shop.mjs';
import { Truth } from './lib/truth.mjs';

const days = 28, count = 20000;
const people = peopleOf(500), truth = new Truth();
let server, project, client;
const errors = [];
const copy = (v) => JSON.parse(JSON.stringify(v));
// A call of the SDK as a promise; what it reports is kept.
const call = (f) => new Promise((resolve) => f((e) => {
    const list = (Array.isArray(e) ? e : [e]).filter(Boolean);
    errors.push(...list.map(String));
    resolve();
}));
async function inParallel(list, n, work) {
    const left = [...list];
    await Promise.all(Array.from({ length: n }, async () => { while (left.length) await work(left.shift()); }));
}

before(async () => {
    server = await startServer(freshFolder('sdk-node'));
    project = await createProject(server);
    const { hostname, port } = new URL(server.publicUrl);
    client = Mixpanel.init(project.token, { host: hostname, port, protocol: 'http', key: project.secret });
}, { timeout: 60000 });
after(() => server?.stop());

test('20,000 events by track, import, track_batch and import_batch are all counted', { timeout: 240000 }, async () => {
    const events = eventsOf(count, people, days);
    for (const e of events) truth.event(e.event, copy(e.properties));
    const alone = events.slice(0, 2000), imported = events.slice(2000, 3000), batch = events.slice(3000, 12000), importBatch = events.slice(12000);
    await inParallel(alone, 16, (e) => call((done) => client.track(e.event, copy(e.properties), done)));
    await inParallel(imported, 16, (e) => call((done) => client.import(e.event, e.properties.time, copy(e.properties), done)));
    await call((done) => client.track_batch(copy(batch), { max_concurrent_requests: 8 }, done));
    await call((done) => client.import_batch(copy(importBatch), { max_concurrent_requests: 8 }, done));
    assert.deepStrictEqual(errors.slice(0, 5), []);
    assert.strictEqual(await project.waitFor(count), count);
});

test('counts, breakdowns, funnels, retention and flows equal the truth', { timeout: 240000 }, () => truth.agrees(project, questionsAbout(days)));

test('a duplicate with $insert_id counts once, the last one stays', async () => {
    const base = { distinct_id: people[0].user, time: Date.now() - 86400e3, $insert_id: 'same-1' };
    for (const v of [1, 2, 3]) {
        await call((done) => client.track('Twice', { ...base, v }, done));
        truth.event('Twice', { ...base, v });
    }
    truth.model = null;
    assert.strictEqual(await project.waitFor(count + 1), count + 1);
    await truth.agrees(project, [
        { report: 'insights', from: '2026-01-01', to: '2100-01-01', interval: 'total', metrics: [{ event: 'Twice', measure: 'total' }, { event: 'Twice', measure: 'max', property: 'v' }, { event: 'Twice', measure: 'sum', property: 'v' }] },
        { report: 'events', from: '2026-01-01', to: '2100-01-01', event: 'Twice' },
    ]);
});

test('profiles: set, set_once, increment, append, union, remove, unset, track_charge, delete_user', { timeout: 120000 }, async () => {
    const told = async (name, user, args, record) => {
        await call((done) => client.people[name](user, ...args, done));
        for (const r of [record].flat()) truth.engage(user, r);
    };
    for (const [i, p] of people.slice(0, 60).entries()) {
        await told('set', p.user, [{ tier: i % 2 ? 'gold' : 'tin', number: i + 0.5, nested: { a: 1 } }], { $set: { tier: i % 2 ? 'gold' : 'tin', number: i + 0.5, nested: { a: 1 } } });
        await told('set_once', p.user, [{ tier: 'late', since: 'spring' }], { $set_once: { tier: 'late', since: 'spring' } });
        await told('increment', p.user, ['score'], { $add: { score: 1 } });
        await told('increment', p.user, ['score', 4.5], { $add: { score: 4.5 } });
        await told('append', p.user, ['seen', 'a'], { $append: { seen: 'a' } });
        await told('union', p.user, [{ badges: ['x', 'y'] }], { $union: { badges: ['x', 'y'] } });
        await told('union', p.user, [{ badges: ['y', 'z'] }], { $union: { badges: ['y', 'z'] } });
        if (i % 3 === 0) await told('remove', p.user, [{ badges: 'x' }], { $remove: { badges: 'x' } });
        if (i % 4 === 0) await told('unset', p.user, ['since'], { $unset: ['since'] });
        if (i % 10 === 9) await told('delete_user', p.user, [], { $delete: '' });
    }
    assert.deepStrictEqual(errors.slice(0, 5), []);
    truth.model = null;
    await new Promise((r) => setTimeout(r, 1100));
    const want = truth.answer({ report: 'users', limit: 100 });
    const got = await project.query({ report: 'users', limit: 100 });
    assert.strictEqual(got.total, want.total);
    await truth.agrees(project, [
        { report: 'users', limit: 100 },
        { report: 'users', limit: 100, filters: [{ property: { user: 'tier' }, op: 'is', value: 'gold' }] },
        { report: 'users', distinct_ids: [`$device:${people[3].device}`], limit: 10 },
        { report: 'insights', from: '2026-01-01', to: '2100-01-01', interval: 'total', metrics: [{ event: 'Open', measure: 'unique' }], breakdown: [{ user: 'tier' }] },
    ]);
    await call((done) => client.people.track_charge(people[3].user, 12.5, { sku: 'x' }, done));
    assert.deepStrictEqual(errors.slice(0, 5), []);
});

test('groups: set, set_once, union, remove, unset, delete_group; events see them', { timeout: 60000 }, async () => {
    const told = async (name, id, args, record) => {
        await call((done) => client.groups[name]('company', id, ...args, done));
        truth.group('company', id, record);
    };
    for (const [i, id] of ['acme', 'globex', 'initech', 'gone'].entries()) {
        await told('set', id, [{ size: 10 * i + 5, kind: i % 2 ? 'b2b' : 'b2c' }], { $set: { size: 10 * i + 5, kind: i % 2 ? 'b2b' : 'b2c' } });
        await told('set_once', id, [{ kind: 'late', city: 'Bern' }], { $set_once: { kind: 'late', city: 'Bern' } });
        await told('union', id, [{ colors: ['red', 'blue'] }], { $union: { colors: ['red', 'blue'] } });
        await told('remove', id, [{ colors: 'red' }], { $remove: { colors: 'red' } });
        await told('unset', id, ['city'], { $unset: ['city'] });
    }
    await told('delete_group', 'gone', [], { $delete: '' });
    assert.deepStrictEqual(errors.slice(0, 5), []);
    truth.model = null;
    await new Promise((r) => setTimeout(r, 1100));
    await truth.agrees(project, [
        { report: 'groups', group_key: 'company', limit: 100 },
        { report: 'groups', group_key: 'company', ids: ['acme'], limit: 100 },
        { report: 'insights', from: '2026-01-01', to: '2100-01-01', interval: 'total', metrics: [{ event: 'Purchase', measure: 'total' }], breakdown: [{ group: 'company', name: 'size' }] },
    ]);
});

test('the answers are the same after a restart', { timeout: 120000 }, async () => {
    assert.strictEqual(await server.stop(), 0);
    await server.start();
    await truth.agrees(project, questionsAbout(days).slice(0, 6));
});
