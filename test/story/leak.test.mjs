// leak.test.mjs: 1,000 planted e-mail addresses in every field that a tracker can send. After `weir seal` none is in any file of
// the data folder, in plain, hex or base64 at its three offsets; the control, with the rule off, finds all 1,000, so the
// scan can fail. Counts are right in both; the export can be opened with passphrase and recovery code.
import assert from 'node:assert';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { basic, createProject } from './lib/project.mjs';
import { filesOf, freshFolder, sleep, startServer, weir, weirJson } from './lib/server.mjs';

const planted = Array.from({ length: 1000 }, (_, i) => `zq${i.toString(36).padStart(3, 'x')}vk.plant${(i * 7919) % 1000}@ex${i % 10}mple.com`);
const url = 'https://shop.example/a';

// Where an address can be put: each place gives the request that carries it.
const b64 = (v) => Buffer.from(JSON.stringify(v)).toString('base64');
const place = (p, mail, person, extra) => p.track([{ event: 'Plant', properties: { distinct_id: person, time: Date.now(), ...extra(mail) } }]);
const places = {
    distinct_id: (p, m) => place(p, m, m, () => ({})),
    user_id: (p, m) => place(p, m, 'x', () => ({ $user_id: m, $device_id: 'dev-1' })),
    device_id: (p, m) => place(p, m, 'x', () => ({ $device_id: m })),
    value: (p, m, who) => place(p, m, who, (v) => ({ note: v })),
    'inside a value': (p, m, who) => place(p, m, who, (v) => ({ note: `please write to ${v} soon` })),
    'property name': (p, m, who) => place(p, m, who, (v) => ({ [v]: 1 })),
    'event name': (p, m, who) => p.track([{ event: m, properties: { distinct_id: who, time: Date.now() } }]),
    list: (p, m, who) => place(p, m, who, (v) => ({ list: ['a', v] })),
    'nested value': (p, m, who) => place(p, m, who, (v) => ({ deep: { er: { mail: v } } })),
    'nested key': (p, m, who) => place(p, m, who, (v) => ({ deep: { [v]: { a: 1 } } })),
    'object in a list': (p, m, who) => place(p, m, who, (v) => ({ items: [{ mail: v }, { [v]: 1 }] })),
    'URL query': (p, m, who) => place(p, m, who, (v) => ({ $current_url: `${url}?reset=${v}&b=1`, $referrer: `${url}?from=${encodeURIComponent(v)}` })),
    'URL path': (p, m, who) => place(p, m, who, (v) => ({ $current_url: `${url}/users/${v}/edit`, current_url_path: `/users/${v}` })),
    'URL fragment': (p, m, who) => place(p, m, who, (v) => ({ $current_url: `${url}#${v}`, current_url_search: `?q=${v}` })),
    title: (p, m, who) => place(p, m, who, (v) => ({ current_page_title: `Hello ${v}`, $search_engine: v, $os: v, $browser: v, mp_lib: v, $city: v, utm_source: v })),
    'insert id': (p, m, who) => place(p, m, who, (v) => ({ $insert_id: v })),
    group: (p, m, who) => place(p, m, who, (v) => ({ company: [v] })),
    identify: (p, m, who) => p.track([{ event: '$identify', properties: { distinct_id: m, $anon_distinct_id: `a-${m}`, $device_id: 'dev-2', $user_id: m, $identified_id: m } }]),
    alias: (p, m, who) => p.track([{ event: '$create_alias', properties: { distinct_id: who, alias: m } }]),
    profile: (p, m, who) => p.post('/engage', JSON.stringify([{ $token: p.token, $distinct_id: who, $set: { $email: m, $name: m, free: m, list: [m], deep: { a: m }, [m]: 1 } }, { $token: p.token, $distinct_id: m, $set_once: { a: m } }, { $token: p.token, $distinct_id: who, $append: { seen: m } }, { $token: p.token, $distinct_id: who, $union: { all: [m] } }, { $token: p.token, $distinct_id: who, $unset: [m] }])),
    'group profile': (p, m) => p.post('/groups', JSON.stringify([{ $token: p.token, $group_key: 'company', $group_id: m, $set: { mail: m } }, { $token: p.token, $group_key: m, $group_id: 'a', $set: { a: 1 } }])),
    'form body': (p, m, who) => p.post('/track/?verbose=1', `data=${encodeURIComponent(b64([{ event: 'Plant', properties: { token: p.token, distinct_id: who, time: Date.now(), note: m } }]))}`, { 'content-type': 'application/x-www-form-urlencoded' }),
    'GET': (p, m, who) => fetch(`${p.server.publicUrl}/track?data=${encodeURIComponent(b64({ event: 'Plant', properties: { token: p.token, distinct_id: who, time: Date.now(), note: m } }))}&_=${encodeURIComponent(m)}`),
    import: (p, m, who) => p.import([{ event: 'Plant', properties: { distinct_id: who, time: Date.now(), $insert_id: `i-${Date.now()}`, note: m } }]),
    'wrong import': (p, m) => p.import([{ event: 'Plant', properties: { distinct_id: m, time: 'never', note: m } }]),
    'broken JSON': (p, m) => p.post('/track', `[{"event":"Plant","properties":{"token":"${p.token}","note":"${m}"`),
    'unknown token': (p, m) => p.post('/track', JSON.stringify([{ event: 'Plant', properties: { token: m, note: m } }])),
    'wrong path': (p, m) => p.post(`/${encodeURIComponent(m)}?x=${m}`, m),
    headers: (p, m, who) => p.post('/track', JSON.stringify([{ event: 'Plant', properties: { token: p.token, distinct_id: who } }]), { 'user-agent': m, referer: `${url}?m=${m}`, origin: `https://${m.replace('@', '.')}`, cookie: `mail=${m}`, 'x-forwarded-for': m, 'accept-language': m }),
    'wrong login': (p, m) => fetch(`${p.server.teamUrl}/api/v1/session`, { headers: { authorization: basic(m, m) } }),
    'query literal': (p, m) => p.query({ report: 'insights', metrics: [{ event: 'Plant' }], filters: [{ property: 'note', op: 'is', value: m }] }).catch(() => {}),
    'users query': (p, m) => p.query({ report: 'users', distinct_ids: [m] }).catch(() => {}),
    'query fault': (p, m) => p.query({ report: 'insights', metrics: [{ event: 'Plant' }], [m]: 1 }).catch(() => {}),
};
// What leaves something to find where the rule is off.
const silent = new Set(['insert id', 'wrong import', 'broken JSON', 'unknown token', 'wrong path', 'headers', 'wrong login', 'query literal', 'users query', 'query fault', 'GET']);

async function plant(p, only = () => true) {
    const names = Object.keys(places).filter(only);
    for (const [i, mail] of planted.entries()) {
        for (const name of [names[i % names.length], names[(i * 7 + 3) % names.length]]) {
            const r = await places[name](p, mail, `person-${i % 40}`);
            await r?.text?.();
        }
    }
}

// The ways in which a value may stand in a file; base64 without the characters that its neighbours decide.
function encodings(mail) {
    const bytes = Buffer.from(mail), list = [mail, bytes.toString('hex'), bytes.toString('hex').toUpperCase(), encodeURIComponent(mail), Buffer.from(mail, 'utf16le').toString('latin1')];
    for (const pad of [0, 1, 2]) {
        const text = Buffer.concat([Buffer.alloc(pad), bytes]).toString('base64').replace(/=+$/, '');
        const from = Math.ceil((pad * 8) / 6), to = Math.floor(((pad + bytes.length) * 8) / 6);
        list.push(text.slice(from, to));
        list.push(text.slice(from, to).replaceAll('+', '-').replaceAll('/', '_'));
    }
    return [...new Set(list)];
}
// Which planted values are in the folder: searched by their first ten bytes, then compared whole.
function scan(folder) {
    const found = new Map(), needles = new Map();
    for (const mail of planted) for (const e of encodings(mail)) { const head = e.slice(0, 8); if (!needles.has(head)) needles.set(head, []); needles.get(head).push([e, mail]); }
    for (const f of filesOf(folder)) {
        const text = readFileSync(f).toString('latin1');
        for (let i = 0; i + 8 <= text.length; i++) {
            const list = needles.get(text.substr(i, 8));
            if (list) for (const [e, mail] of list) if (!found.has(mail) && text.startsWith(e, i)) found.set(mail, path.relative(folder, f));
        }
    }
    return found;
}

let server, project, control;
before(async () => {
    server = await startServer(freshFolder('leak'));
    project = await createProject(server, ['--crowd', '10'], 'Planted');
}, { timeout: 60000 });
after(async () => { await server?.stop(); await control?.stop(); });

test('the scan finds every value where the rule is off', { timeout: 240000 }, async () => {
    control = await startServer(freshFolder('leak-control'));
    const p = await createProject(control, ['--test'], 'Control');
    await plant(p, (name) => !silent.has(name) && !/_id$|identify|alias/.test(name));
    await sleep(1200);
    assert.strictEqual(await control.stop(), 0);
    const found = scan(control.data);
    assert.strictEqual(found.size, planted.length, `found ${found.size}; not found: ${planted.filter((m) => !found.has(m)).slice(0, 5)}`);
});

test('1,000 addresses in every field', { timeout: 240000 }, async () => {
    await plant(project);
    await sleep(1200);
    const n = await project.total('Plant');
    assert.ok(n > 800, `${n} events`);
});

test('a value of nine people is not readable, of ten it is', { timeout: 60000 }, async () => {
    const send = (value, i) => project.track([{ event: 'Crowd', properties: { distinct_id: `c-${i}`, time: Date.now(), word: value } }]);
    for (let i = 0; i < 9; i++) await send('nine-senders-only', i);
    for (let i = 0; i < 10; i++) await send('ten-senders-here', i);
    for (let i = 0; i < 30; i++) await send('one-sender-often', 3);
    for (let i = 0; i < 12; i++) await project.track([{ event: 'Crowd', properties: { distinct_id: `c-${i}`, time: Date.now() } }]);
    await sleep(1200);
    const key = await weirJson(server.data, ['key', 'create', '--project', String(project.id), '--role', 'analyst']);
    const seen = await project.query({ report: 'insights', interval: 'total', metrics: [{ event: 'Crowd', measure: 'total' }], breakdown: ['word'] }, { authorization: basic(key.user, key.secret) });
    const rows = Object.fromEntries(seen.series.map((s) => [String(s.breakdown[0]).replace(/^sealed:[0-9a-f]{32}$/, 'sealed'), s.total]));
    assert.strictEqual(rows['ten-senders-here'], 10);
    assert.ok(!('nine-senders-only' in rows) && !('one-sender-often' in rows), JSON.stringify(rows));
    assert.deepStrictEqual(seen.series.filter((s) => /^sealed:/.test(s.breakdown[0])).map((s) => s.total).sort((a, b) => a - b), [9, 30]);
});

test('an analyst gets handles, not text; guessing by literal is refused', { timeout: 60000 }, async () => {
    const key = await weirJson(server.data, ['key', 'create', '--project', String(project.id), '--role', 'analyst']);
    const authorization = basic(key.user, key.secret);
    for (const q of [{ report: 'events', limit: 1000 }, { report: 'users', limit: 1000 }, { report: 'groups', group_key: 'company', limit: 1000 }, ...['note', 'list', '$current_url', 'company', 'deep.er.mail'].map((b) => ({ report: 'insights', interval: 'total', metrics: [{ event: null, measure: 'total' }], breakdown: [b], limit: 10000 }))]) {
        const text = JSON.stringify(await project.query(q, { authorization }));
        const seen = planted.filter((m) => text.includes(m));
        assert.deepStrictEqual(seen, [], JSON.stringify(q));
    }
    const value = planted[3 + 0];
    const guess = await project.query({ report: 'insights', interval: 'total', metrics: [{ event: 'Plant' }], filters: [{ property: 'note', op: 'is', value }] }, { authorization }).catch((e) => e);
    assert.ok(guess.status === 403 || guess.series?.[0].total === 0, JSON.stringify(guess.body ?? guess).slice(0, 300));
    const people = await project.query({ report: 'users', distinct_ids: [value] }, { authorization }).catch((e) => e);
    assert.ok(people.status === 403 || people.total === 0, JSON.stringify(people.body ?? people).slice(0, 300));
});

test('guessing a sealed name tells an analyst nothing; its handle works; an admin finds it and the use is logged', { timeout: 60000 }, async () => {
    const key = await weirJson(server.data, ['key', 'create', '--project', String(project.id), '--role', 'analyst']);
    const authorization = basic(key.user, key.secret);
    const name = planted[Object.keys(places).indexOf('property name')];
    const ask = async (property, how = { authorization }) => {
        const { series } = await project.query({ report: 'insights', interval: 'total', metrics: [{ event: 'Plant', measure: 'total', filters: [{ property, op: 'set' }] }], breakdown: [property] }, how);
        return series.map((s) => [s.breakdown[0], s.total]);
    };
    const values = async (property) => (await (await fetch(`${server.teamUrl}/api/v1/projects/${project.id}/values?property=${encodeURIComponent(property)}`, { headers: { authorization } })).json()).values;
    assert.deepStrictEqual(await ask(name), await ask('nobody-has-this-name'));
    assert.deepStrictEqual([await values(name), await values('nobody-has-this-name')], [[], []]);
    const found = await ask(name, {});
    assert.ok(found[0]?.[1] >= 1, JSON.stringify(found));
    const lexicon = await (await fetch(`${server.teamUrl}/api/v1/projects/${project.id}/lexicon`, { headers: { authorization } })).json();
    const handles = lexicon.properties.map((p) => p.name).filter((n) => n.startsWith('sealed:'));
    assert.ok(handles.length > 10, `${handles.length} sealed names`);
    assert.strictEqual((await ask(handles.at(-1)))[0][1], lexicon.properties.find((p) => p.name === handles.at(-1)).count);
});

test('after weir seal nothing planted is in any file; counts stay; the export opens', { timeout: 240000 }, async () => {
    const all = { report: 'insights', interval: 'day', metrics: [{ event: null, measure: 'total' }, { event: null, measure: 'unique' }] };
    const before = (await project.query(all)).series;
    const file = path.join(freshFolder('pass'), 'passphrase');
    writeFileSync(file, 'correct horse battery staple\n', { mode: 0o600 });
    const { recovery_code: code } = await weirJson(server.data, ['seal', '--passphrase-file', file], { timeout: 240000 });
    assert.ok(code?.length >= 16);
    assert.deepStrictEqual((await project.query(all)).series, before);
    const running = scan(server.data);
    assert.deepStrictEqual([...running].slice(0, 5), [], `${running.size} of 1,000 while the server runs`);
    const exported = await weir(server.data, ['export', '--project', String(project.id), '--from', '2026-01-01', '--to', '2100-01-01', '--sealed']);
    assert.strictEqual(exported.code, 0, exported.stderr);
    assert.deepStrictEqual(planted.filter((m) => exported.stdout.includes(m)), [], 'the sealed export is sealed');
    for (const secret of ['correct horse battery staple', code]) {
        const f = path.join(freshFolder('pass'), 'p');
        writeFileSync(f, `${secret}\n`, { mode: 0o600 });
        const opened = await weir(server.data, ['open', '--passphrase-file', f], { input: exported.stdout, timeout: 120000 });
        assert.strictEqual(opened.code, 0, opened.stderr);
        const back = planted.filter((m) => opened.stdout.includes(m) || opened.stdout.includes(encodeURIComponent(m)));
        assert.ok(back.length > 700, `${back.length} values opened`);
        assert.ok(opened.stdout.includes('nine-senders-only'));
    }
    const wrong = path.join(freshFolder('pass'), 'p');
    writeFileSync(wrong, 'wrong\n');
    assert.notStrictEqual((await weir(server.data, ['open', '--passphrase-file', wrong], { input: exported.stdout })).code, 0);
    assert.strictEqual(await server.stop(), 0);
    const left = scan(server.data);
    assert.deepStrictEqual([...left].slice(0, 5), [], `${left.size} of 1,000 are in the folder`);
    await server.start();
    assert.deepStrictEqual((await project.query(all)).series, before);
    assert.ok(filesOf(server.data).reduce((n, f) => n + statSync(f).size, 0) > 100000, 'there was something to scan');
});
