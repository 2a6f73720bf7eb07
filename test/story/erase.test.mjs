// erase.test.mjs: a person is erased. Fifty strings that only they had, planted in every field that a tracker can send, are in no file of
// the data folder afterwards, in plain, hex or base64 at its three offsets; where they were sealed, their ciphertexts are in none
// either. Other people's events, profiles and answers stay as they were, byte for byte. Under the running server and without one, with
// and without `weir seal`, and with the server killed again and again on the way.
import assert from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import { Load } from './lib/load.mjs';
import { basic, createProject } from './lib/project.mjs';
import { filesOf, freshFolder, sleep, startServer as start, weir, weirJson } from './lib/server.mjs';

const servers = [];
const startServer = async (data) => { const s = await start(data); servers.push(s); return s; };
after(() => { for (const s of servers) s.kill('SIGKILL'); });

const day = 86400000, now = Date.now();
const planted = Array.from({ length: 50 }, (_, i) => `pq${(i * 7919).toString(36)}-plant${i}@erase${i % 7}-example`);

// ---- what is sent ----

// The person: planted[0] is who they are, 1 and 2 their devices, the rest one for each place.
function ownEvents(m) {
    const at = (i) => ({ time: now - (i % 20) * day });
    const who = { $user_id: m[0], distinct_id: m[0] };
    return [
        { event: 'Open', properties: { $device_id: m[1], distinct_id: `$device:${m[1]}`, ...at(3), note: m[3] } },
        { event: 'Open', properties: { $device_id: m[2], distinct_id: `$device:${m[2]}`, ...at(4), note: m[4] } },
        { event: '$identify', properties: { ...who, $device_id: m[1], $anon_distinct_id: `$device:${m[1]}`, $identified_id: m[0], ...at(2) } },
        { event: 'Open', properties: { ...who, $device_id: m[2], ...at(1) } },
        { event: m[5], properties: { ...who, ...at(5) } },
        { event: 'Open', properties: { ...who, ...at(6), [m[6]]: 1, [m[7]]: m[8] } },
        { event: 'Open', properties: { ...who, ...at(7), list: ['a', m[9], m[10]], deep: { er: { mail: m[11] }, [m[12]]: { a: 1 } } } },
        { event: 'Open', properties: { ...who, ...at(8), items: [{ mail: m[13] }, { [m[14]]: 1 }] } },
        { event: 'Open', properties: { ...who, ...at(9), $current_url: `https://shop.example/a?reset=${m[15]}&b=1`, $referrer: `https://shop.example/u/${m[16]}/x` } },
        { event: 'Open', properties: { ...who, ...at(10), $current_url: `https://shop.example/a#${m[17]}`, current_page_title: `Hello ${m[18]}` } },
        { event: 'Open', properties: { ...who, ...at(11), $search_engine: m[19], $os: m[20], $browser: m[21], mp_lib: m[22], $city: m[23], utm_source: m[24] } },
        { event: 'Open', properties: { ...who, ...at(12), company: [m[25]], $email: m[26], $name: m[27], phone: `please call ${m[28]} soon` } },
        { event: '$create_alias', properties: { ...who, alias: m[29], ...at(13) } },
        { event: 'Open', properties: { ...who, ...at(14), $insert_id: m[30], free: m[31] } },
        ...Array.from({ length: 8 }, (_, i) => ({ event: `Step ${i % 3}`, properties: { ...who, ...at(i), value: m[32 + i], plan: 'pro' } })),
    ];
}
const ownProfile = (p, m) => [
    { $token: p.token, $distinct_id: m[0], $set: { $email: m[40], $name: m[41], free: m[42], list: [m[43]], deep: { a: m[44] }, [m[45]]: 1, plan: 'pro' } },
    { $token: p.token, $distinct_id: m[0], $set: { free: m[46] } }, // what it replaces stands nowhere else
    { $token: p.token, $distinct_id: m[0], $append: { seen: m[47] } },
    { $token: p.token, $distinct_id: m[0], $union: { all: [m[48]] } },
    { $token: p.token, $distinct_id: `$device:${m[1]}`, $set_once: { first: m[49] } },
];
// Others share what is shared, and have strings of their own.
const otherEvents = (from, n) => Array.from({ length: n }, (_, i) => {
    const k = from + i, who = `other-${k % 23}`;
    return { event: ['Open', 'Step 0', 'Step 1', 'Step 2'][k % 4], properties: { distinct_id: who, $user_id: who, time: now - (k % 20) * day - k * 1000, $insert_id: `o-${k}`, plan: k % 2 ? 'pro' : 'free', own: `own-${who}@else.example`, list: ['a', who], n: k } };
});
const otherProfiles = (p) => Array.from({ length: 23 }, (_, i) => ({ $token: p.token, $distinct_id: `other-${i}`, $set: { plan: i % 2 ? 'pro' : 'free', $email: `own-other-${i}@else.example` } }));

// Half of it in parts, the rest in the journal and the tail.
async function plant(p, data) {
    const own = ownEvents(planted);
    const engage = (list) => p.post('/engage', JSON.stringify(list), { 'content-type': 'application/json' });
    assert.strictEqual((await p.track([...otherEvents(0, 150), ...own.slice(0, 12)])).status, 200);
    assert.strictEqual((await engage([...otherProfiles(p), ...ownProfile(p, planted)])).status, 200);
    assert.ok(await p.waitFor(162 - 1) >= 161); // $identify is not counted
    const file = path.join(freshFolder('import'), 'more.ndjson');
    writeFileSync(file, otherEvents(150, 40).map((e) => JSON.stringify(e)).join('\n'));
    await weirJson(data, ['import', '--project', String(p.id), file]); // returns when parts hold it
    assert.strictEqual((await p.track([...otherEvents(190, 110), ...own.slice(12)])).status, 200);
    assert.ok(await p.waitFor(300 + own.length - 2) >= 300 + own.length - 2);
}

// ---- what is looked for ----

function encodings(text) {
    const bytes = Buffer.isBuffer(text) ? text : Buffer.from(text);
    const list = [bytes.toString('latin1'), bytes.toString('hex'), bytes.toString('hex').toUpperCase()];
    for (const pad of [0, 1, 2]) {
        const coded = Buffer.concat([Buffer.alloc(pad), bytes]).toString('base64').replace(/=+$/, '');
        const part = coded.slice(Math.ceil((pad * 8) / 6), Math.floor(((pad + bytes.length) * 8) / 6));
        list.push(part, part.replaceAll('+', '-').replaceAll('/', '_'));
    }
    return [...new Set(list)];
}
// The indexes of the needles that some file of the folder holds, with the first such file.
function scan(folder, needles) {
    const found = new Map(), all = needles.map(encodings);
    for (const f of filesOf(folder)) {
        const text = readFileSync(f).toString('latin1');
        all.forEach((codes, i) => { if (!found.has(i) && codes.some((c) => text.includes(c))) found.set(i, path.relative(folder, f)); });
    }
    return found;
}

// Everything of the others: their lines of an export, their profiles, some answers.
async function others(p) {
    const r = await fetch(`${p.server.teamUrl}/api/v1/projects/${p.id}/export?from=2000-01-01&to=2099-12-31`, { headers: { authorization: p.authorization } });
    const lines = (await r.text()).trim().split('\n').map((l) => JSON.parse(l)).filter((e) => e.properties.n !== undefined);
    lines.sort((a, b) => a.properties.n - b.properties.n);
    const users = await p.query({ report: 'users', limit: 100 });
    const theirs = [{ property: 'n', op: 'set' }];
    const ask = async (q) => { const { elapsed_ms, scanned_events, ...a } = await p.query(q); return a; };
    return {
        lines, users: users.users.filter((u) => Object.keys(u.properties).length === 2),
        insights: await ask({ report: 'insights', from: '2000-01-01', to: '2099-12-31', interval: 'total', metrics: [{ event: null, measure: 'total' }, { event: null, measure: 'unique' }, { event: null, measure: 'sum', property: 'n' }], filters: theirs, breakdown: ['plan'] }),
        funnel: await ask({ report: 'funnel', from: '2000-01-01', to: '2099-12-31', steps: [{ event: 'Open', filters: theirs }, { event: 'Step 1', filters: theirs }] }),
    };
}
const own = (p) => p.query({ report: 'insights', from: '2000-01-01', to: '2099-12-31', interval: 'total', metrics: [{ event: null, measure: 'total' }], filters: [{ property: 'n', op: 'not_set' }] }).then((a) => a.series[0]?.total ?? 0);

const erase = (data, p, ids, options) => weirJson(data, ['erase', '--project', String(p.id), ...ids], options);
const checkReceipt = (receipt, p) => {
    assert.match(receipt.id, /^[0-9a-f]{32}$/);
    assert.strictEqual(receipt.project, p.id);
    assert.strictEqual(receipt.removed.events, ownEvents(planted).length);
    assert.strictEqual(receipt.removed.device_ids, 2);
    assert.strictEqual(receipt.removed.profiles, 2);
    assert.ok(receipt.done >= receipt.begun && receipt.not_reached.some((t) => t.includes('backup')));
    assert.ok(!JSON.stringify(receipt).includes('plant'));
};

// ---- the stories ----

test('in a project without the crowd rule all fifty strings lie readable, and none after an erasure under the running server', async () => {
    const data = freshFolder('erase'), server = await startServer(data);
    const p = await createProject(server, ['--test']);
    await plant(p, data);
    assert.strictEqual(await own(p), ownEvents(planted).length - 2);
    const before = await others(p), there = scan(data, planted);
    assert.ok(there.size >= 49, `found only ${[...there.keys()]}`); // $insert_id is a fingerprint
    assert.strictEqual(before.lines.length, 300);
    const { receipt } = await erase(data, p, [planted[0]]);
    checkReceipt(receipt, p);
    assert.deepStrictEqual([...scan(data, planted)].map(([i, f]) => `${planted[i]} in ${f}`), []);
    assert.deepStrictEqual(await others(p), before);
    assert.strictEqual(await own(p), 0);
    assert.strictEqual((await p.query({ report: 'users', distinct_ids: [planted[0]] })).total, 0);
    // Sent again it is new data, readable words included: the front does not take them for known.
    assert.strictEqual((await p.track([ownEvents(planted)[5]])).status, 200);
    assert.strictEqual(await p.waitFor(301), 301);
    const again = await p.query({ report: 'events', from: '2000-01-01', to: '2099-12-31', distinct_id: planted[0] });
    assert.strictEqual(again.events.length, 1);
    assert.strictEqual(again.events[0].properties[planted[7]], planted[8]);
    assert.strictEqual(await server.stop(), 0);
    const restarted = await startServer(data);
    p.server = restarted;
    assert.deepStrictEqual(await others(p), before);
    const late = await p.query({ report: 'events', from: '2000-01-01', to: '2099-12-31', distinct_id: planted[0] });
    assert.strictEqual(late.events[0].properties[planted[7]], planted[8]);
    assert.strictEqual((await weirJson(data, ['check'])).ok, true);
    await restarted.stop();
});

// The ciphertexts of all that only the erased person has.
async function sealedTexts(data, p) {
    const r = await weir(data, ['export', '--project', String(p.id), '--from', '2000-01-01', '--to', '2099-12-31', '--sealed']);
    assert.strictEqual(r.code, 0, r.stderr);
    const lines = r.stdout.trim().split('\n').map((l) => JSON.parse(l));
    const of = (e) => (JSON.stringify(e).match(/sealed:[0-9a-f]{32}/g) ?? []).map((h) => h.slice(7));
    const mine = new Set(lines.filter((e) => e.event !== undefined && e.properties.n === undefined).flatMap(of));
    for (const e of lines) if (e.event !== undefined && e.properties.n !== undefined) for (const h of of(e)) mine.delete(h);
    return lines.filter((e) => mine.has(e.$sealed?.handle)).map((e) => Buffer.from(e.$sealed.ciphertext, 'base64'));
}

for (const sealed of [false, true])
    test(`without a server${sealed ? ', after weir seal' : ''} their ciphertexts go as well`, async () => {
        const data = freshFolder('erase'), server = await startServer(data);
        const p = await createProject(server, ['--crowd', '2']);
        if (sealed) {
            const file = path.join(freshFolder('pass'), 'p');
            writeFileSync(file, 'a long passphrase\n');
            await weirJson(data, ['seal', '--passphrase-file', file]);
        }
        await plant(p, data);
        const before = await others(p);
        assert.strictEqual(await server.stop(), 0);
        const texts = await sealedTexts(data, p);
        assert.ok(texts.length >= 30);
        assert.strictEqual(scan(data, texts).size, texts.length);
        const { receipt } = await erase(data, p, [planted[1]]); // any of their ids will do
        checkReceipt(receipt, p);
        assert.ok(receipt.removed.profile_texts >= 8);
        assert.deepStrictEqual([...scan(data, [...texts, ...planted])], []);
        p.server = await startServer(data);
        assert.deepStrictEqual(await others(p), before);
        assert.strictEqual(await own(p), 0);
        assert.strictEqual((await weirJson(data, ['check'])).ok, true);
        await p.server.stop();
    });

test('a server that is killed on the way goes on when it starts again, and says done only when it is', async () => {
    const data = freshFolder('erase');
    let server = await startServer(data);
    const p = await createProject(server, ['--test']);
    await plant(p, data);
    const before = await others(p);
    const path_ = `/api/v1/projects/${p.id}/erasures`;
    const post = await fetch(`${server.teamUrl}${path_}`, { method: 'POST', headers: { authorization: p.authorization, 'content-type': 'application/json' }, body: JSON.stringify({ distinct_ids: [planted[0]] }) });
    const { erasure } = await post.json();
    let answer, kills = 0;
    for (const ms of [0, 4, 10, 25, 60, 120]) {
        await sleep(ms);
        server.kill('SIGKILL');
        await server.exited;
        kills++;
        server = p.server = await startServer(data);
        answer = await (await fetch(`${server.teamUrl}${path_}/${erasure}`, { headers: { authorization: p.authorization } })).json();
        if (answer.state === 'done') assert.deepStrictEqual([...scan(data, planted)], []);
    }
    for (let i = 0; i < 200 && answer.state !== 'done'; i++) {
        await sleep(50);
        answer = await (await fetch(`${server.teamUrl}${path_}/${erasure}`, { headers: { authorization: p.authorization } })).json();
    }
    assert.strictEqual(answer.state, 'done');
    checkReceipt(answer.receipt, p);
    assert.deepStrictEqual([...scan(data, planted)], []);
    assert.deepStrictEqual(await others(p), before);
    await server.stop();
});

test('only an admin erases, the log says that it was done and not who it was, and nonsense is refused', async () => {
    const data = freshFolder('erase'), server = await startServer(data);
    const p = await createProject(server, ['--crowd', '2']);
    const key = await weirJson(data, ['key', 'create', '--project', String(p.id), '--role', 'exporter']);
    const ask = (body, authorization = p.authorization) => fetch(`${server.teamUrl}/api/v1/projects/${p.id}/erasures`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(body) });
    assert.strictEqual((await ask({ distinct_ids: ['a'] }, basic(key.user, key.secret))).status, 403);
    assert.strictEqual((await ask({ distinct_ids: [] })).status, 400);
    assert.strictEqual((await ask({ distinct_ids: [''] })).status, 400);
    assert.strictEqual((await ask({ distinct_ids: [1] })).status, 400);
    assert.strictEqual((await ask({})).status, 400);
    assert.strictEqual((await weir(data, ['erase', '--project', '1'])).code, 2);
    assert.strictEqual((await weir(data, ['erase', '--project', '99', 'a'])).code, 3);
    const { receipt } = await erase(data, p, ['nobody@erase.example']);
    assert.strictEqual(receipt.removed.events, 0);
    const list = await (await fetch(`${server.teamUrl}/api/v1/projects/${p.id}/erasures`, { headers: { authorization: p.authorization } })).json();
    assert.deepStrictEqual(list.erasures.map((e) => e.state), ['done']);
    assert.strictEqual(scan(data, ['nobody@erase.example']).size, 0);
    // By the handle that answers show, as a console without the team key has to.
    assert.strictEqual((await p.track([{ event: 'Open', properties: { distinct_id: 'h@erase.example', time: now } }])).status, 200);
    await p.waitFor(1);
    const { events } = await p.query({ report: 'events', from: '2000-01-01', to: '2099-12-31' });
    assert.strictEqual((await erase(data, p, [`person:${events[0].person}`])).receipt.removed.events, 1);
    assert.strictEqual(await p.total(), 0);
    await server.stop();
});

test('what arrives while people are erased is all there', async () => {
    const data = freshFolder('erase'), server = await startServer(data);
    const p = await createProject(server, ['--crowd', '2']);
    const leaving = Array.from({ length: 4 }, (_, i) => `leaving-${i}@erase.example`);
    assert.strictEqual((await p.track(leaving.flatMap((who) => [1, 2, 3].map((i) => ({ event: 'Bye', properties: { distinct_id: who, time: now - i * day, note: `of ${who}` } }))))).status, 200);
    assert.ok(await p.waitFor(12) >= 12);
    const load = new Load(p, { senders: 4, batch: 20 });
    load.start();
    for (const who of leaving) assert.strictEqual((await erase(data, p, [who])).receipt.removed.events, 3);
    await load.stop();
    assert.deepStrictEqual(await load.settle(5000), load.expected);
    assert.strictEqual(await p.total('Bye'), 0);
    server.kill('SIGKILL');
    await server.exited;
    p.server = await startServer(data);
    assert.deepStrictEqual(await load.settle(5000), load.expected);
    assert.strictEqual(await p.total('Bye'), 0);
    await p.server.stop();
});
