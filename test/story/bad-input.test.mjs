// bad-input.test.mjs: what strangers send wrongly. Each gets its stated answer, whole events beside a bad one are kept, other
// clients are served meanwhile, and the processes live.
import assert from 'node:assert';
import { setTimeout as wait } from 'node:timers/promises';
import test, { after, before } from 'node:test';
import zlib from 'node:zlib';
import { basic, createProject } from './lib/project.mjs';
import { Connection, request } from './lib/raw.mjs';
import { startServer } from './lib/server.mjs';

let server, project, processes, number = 0;
const origin = 'http://shop.example';
const now = () => Date.now() / 1000;
const event = (properties = {}, name = 'Bad') => ({ event: name, properties: { token: project.token, distinct_id: `someone-${number++}`, time: now(), ...properties } });
const post = (path, body, lines = []) => request(server.publicUrl, `POST ${path}`, [`Origin: ${origin}`, 'Content-Type: application/json', ...lines], body, 20000);
const authorization = () => `Authorization: ${basic(project.secret, '')}`;
const strict = (body, lines = []) => post(`/import?strict=1&project_id=${project.id}`, body, [authorization(), ...lines]);

function plain(r, want, what) {
    assert.ok(r, `${what}: closed without an answer`);
    assert.strictEqual(r.headers['access-control-allow-origin'], origin, `${what}: CORS`);
    assert.strictEqual(r.status, 200, `${what}: ${r.status} ${r.body}`);
    assert.strictEqual(r.body.toString(), want, what);
}

before(async () => {
    server = await startServer();
    project = await createProject(server, [], 'Strangers');
    processes = server.processes();
}, { timeout: 60000 });
after(() => server?.stop());

test('a good event is taken', async () => plain(await post('/track', JSON.stringify(event())), '1', 'good'));

test('broken JSON, base64 and forms are answered 200 and 0, never 4xx', { timeout: 60000 }, async () => {
    const good = JSON.stringify(event());
    for (const body of ['{', '[', '[{]', '{"event":', good.slice(0, -1), `${good.slice(0, 30)}\0${good.slice(30)}`, '{"event":"x","properties":', 'nonsense', '"text"', '17', 'null', '[]x', '\ufeff{', '{"event":"\x01"}']) {
        plain(await post('/track', body), '0', JSON.stringify(body).slice(0, 60));
    }
    for (const body of ['data=%%%', 'data=!!!!', 'data=eyJldmVudCI6', `data=${Buffer.from('{"event":').toString('base64')}`, 'data=', 'other=1', 'data=%00']) {
        const r = await post('/track', body, ['Content-Type: application/x-www-form-urlencoded']);
        plain(r, '0', body);
    }
});

test('verbose answers say what is wrong', async () => {
    const r = await post('/track?verbose=1', '{');
    assert.strictEqual(r.status, 200);
    const v = JSON.parse(r.body);
    assert.strictEqual(v.status, 0);
    assert.ok(typeof v.error === 'string' && v.error.length > 5, r.body.toString());
});

test('events without name, properties or token are refused one by one; their neighbours are kept', async () => {
    const before = await project.total('Neighbour');
    const list = [event({}, 'Neighbour'), { properties: { token: project.token } }, { event: 7, properties: {} }, { event: 'x' }, event({ token: 'NOSUCHTOKEN' }), [], null, 'x', event({}, 'Neighbour'), event({}, ''), event({}, 'n'.repeat(300))];
    plain(await post('/track', JSON.stringify(list)), '1', 'mixed');
    assert.strictEqual(await project.waitFor(before + 2, 'Neighbour'), before + 2);
});

test('/import says which records failed, and keeps the rest', async () => {
    const list = [event({ $insert_id: 'ok-1' }, 'Imported'), event({ time: 'yesterday', $insert_id: 'bad-1' }, 'Imported'), event({ time: 5 }, 'Imported'), event({ $insert_id: 'ok-2' }, 'Imported')];
    const r = await strict(JSON.stringify(list));
    assert.strictEqual(r.status, 400, r.body.toString());
    const v = JSON.parse(r.body);
    assert.strictEqual(v.code, 400);
    assert.strictEqual(v.num_records_imported, 2);
    assert.deepStrictEqual(v.failed_records.map((f) => f.index), [1, 2]);
    assert.strictEqual(v.failed_records[0].insert_id, 'bad-1');
    assert.strictEqual(v.failed_records[0].$insert_id, 'bad-1');
    assert.match(v.failed_records[0].field, /time/);
    assert.ok(v.failed_records[0].message && v.status === 'Bad Request');
    assert.strictEqual(await project.waitFor(2, 'Imported'), 2);
});

test('/import refuses ids that mean nobody', { timeout: 60000 }, async () => {
    for (const id of ['00000000-0000-0000-0000-000000000000', 'anon', 'anonymous', 'nil', 'none', 'null', 'n/a', 'na', 'undefined', 'unknown', '<nil>', '0', '-1', 'true', 'false', '[]', '{}']) {
        const r = await strict(JSON.stringify([event({ distinct_id: id, $insert_id: 'x-1' })]));
        assert.strictEqual(r.status, 400, `${id}: ${r.status} ${r.body}`);
        assert.strictEqual(JSON.parse(r.body).failed_records.length, 1, id);
    }
});

test('/import without or with wrong credentials is 401 with CORS', async () => {
    for (const lines of [[], [`Authorization: ${basic('wrong', '')}`], ['Authorization: Basic !!!'], [`Authorization: Basic ${'x'.repeat(5000)}`], ['Authorization: Bearer nothing']]) {
        const e = event();
        delete e.properties.token;
        const r = await post(`/import?strict=1&project_id=${project.id}`, JSON.stringify([e]), lines);
        assert.strictEqual(r.status, 401, `${lines} ${r.body}`);
        assert.strictEqual(r.headers['access-control-allow-origin'], origin);
        assert.strictEqual(JSON.parse(r.body).code, 401);
    }
});

test('gzip is opened; broken gzip and a bomb are refused', { timeout: 60000 }, async () => {
    plain(await post('/track', zlib.gzipSync(JSON.stringify(event())), ['Content-Encoding: gzip']), '1', 'gzip');
    plain(await post('/track', zlib.gzipSync(JSON.stringify(event()))), '1', 'gzip by content');
    const torn = zlib.gzipSync(JSON.stringify(event({ a: 'x'.repeat(500) })));
    plain(await post('/track', torn.subarray(0, torn.length - 12), ['Content-Encoding: gzip']), '0', 'torn gzip');
    plain(await post('/track', 'not gzip', ['Content-Encoding: gzip']), '0', 'no gzip');
    const bomb = zlib.gzipSync(Buffer.alloc(200 << 20, ' '), { level: 9 });
    assert.strictEqual((await strict(bomb, ['Content-Encoding: gzip'])).status, 413, 'a bomb to /import');
    const r = await post('/track', bomb, ['Content-Encoding: gzip']);
    assert.ok(r.status === 413 || (r.status === 200 && r.body.toString() === '0'), `a bomb to /track: ${r.status} ${r.body}`);
    const twice = zlib.gzipSync(zlib.gzipSync(JSON.stringify(event())));
    plain(await post('/track', twice, ['Content-Encoding: gzip']).then((x) => ({ ...x, body: Buffer.from('?') })), '?', 'gzip in gzip has an answer');
});

test('deep nesting ends in an answer, not in a stack', { timeout: 60000 }, async () => {
    for (const depth of [10, 300, 100000]) {
        plain(await post('/track', '['.repeat(depth) + ']'.repeat(depth)), '0', `lists, ${depth} deep`);
        const deep = JSON.stringify(event({ a: 'DEEP' })).replace('"DEEP"', '{"a":'.repeat(depth) + '1' + '}'.repeat(depth));
        plain(await post('/track', deep), depth < 300 ? '1' : (await post('/track', deep)).body.toString(), `objects, ${depth} deep`); // a value too deep is left out
        plain(await post('/track', '{"a":'.repeat(depth)), '0', `unclosed, ${depth} deep`);
    }
    plain(await post('/track', JSON.stringify(event({ a: { b: { c: [1, 2] } } }))), '1', 'three deep is fine');
});

test('bodies to 10 MB are taken, larger ones refused', { timeout: 120000 }, async () => {
    const many = Array.from({ length: 1900 }, () => event({ filler: 'x'.repeat(4950) }, 'Large'));
    const body = JSON.stringify(many);
    assert.ok(body.length > 9 << 20 && body.length < 10 << 20, `${body.length}`);
    plain(await post('/track', body), '1', 'a body of nearly 10 MB');
    assert.strictEqual(await project.waitFor(1900, 'Large', 10000), 1900);
    const over = `[${JSON.stringify(event({}, 'Over'))}${' '.repeat(11 << 20)}]`;
    assert.strictEqual((await strict(over)).status, 413, 'over 10 MB to /import');
    const r = await post('/track', over);
    assert.ok(r.status === 413 || (r.status === 200 && r.body.toString() === '0'), `over 10 MB to /track: ${r.status}`);
    assert.strictEqual(r.headers['access-control-allow-origin'], origin);
    assert.strictEqual(await project.total('Over'), 0);
});

test('more records than a batch may have are refused whole, with a clear error', { timeout: 60000 }, async () => {
    const r = await post('/track?verbose=1', JSON.stringify(Array.from({ length: 2001 }, () => event({}, 'TooMany'))));
    assert.ok(r.status === 413 || JSON.parse(r.body).status === 0, `${r.status} ${r.body}`);
    await wait(300);
    assert.strictEqual(await project.total('TooMany'), 0);
});

test('of 300 properties 255 stay (a strict import refuses the event); long strings are cut', { timeout: 60000 }, async () => {
    const many = (n) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`p${i}`, i]));
    plain(await post('/track', JSON.stringify(event(many(300), 'Wide'))), '1', '300 properties');
    await project.waitFor(1, 'Wide');
    const { events: [wide] } = await project.query({ report: 'events', event: 'Wide' });
    const kept = Object.keys(wide.properties).filter((k) => /^p\d+$/.test(k)).length;
    assert.ok(kept >= 250 && kept <= 255, `${kept} kept`);
    const refused = await strict(JSON.stringify([event({ ...many(300), $insert_id: 'w-1' }, 'Wide')]));
    assert.strictEqual(JSON.parse(refused.body).failed_records.length, 1, refused.body.toString());
    plain(await post('/track', JSON.stringify(event(many(240)))), '1', '240 properties');
    plain(await post('/track', JSON.stringify(event({ text: 'ü'.repeat(20000) }, 'Cut'))), '1', 'a long string');
    plain(await post('/track', JSON.stringify(event({ list: Array.from({ length: 300 }, (_, i) => `e${i}`) }))).then((r) => ({ ...r, body: Buffer.from('?') })), '?', 'a long list has an answer');
    await project.waitFor(1, 'Cut');
    const { events: [e] } = await project.query({ report: 'events', event: 'Cut' });
    assert.match(e.properties.text, /^ü{1000,}$/, 'cut at a character');
});

test('NUL, invalid UTF-8, lone surrogates and CESU-8 do not lose their neighbours', { timeout: 60000 }, async () => {
    plain(await post('/track', JSON.stringify(event({ text: 'a\0b' }, 'Text'))), '1', 'an escaped NUL');
    const bytes = (s, raw) => { const b = Buffer.from(JSON.stringify([event({ text: 'SPOT' }, 'Text'), event({}, 'Text')])); const at = b.indexOf('SPOT'); return Buffer.concat([b.subarray(0, at), Buffer.from(raw), b.subarray(at + 4)]); };
    plain(await post('/track', bytes('', [0xed, 0xa0, 0xbc, 0xed, 0xbe, 0x89])), '1', 'CESU-8');
    plain(await post('/track', bytes('', [0xed, 0xa0, 0xbc])), '1', 'half a CESU-8 pair');
    plain(await post('/track', bytes('', [...Buffer.from('\\ud83c')])), '1', 'an escaped lone surrogate');
    for (const raw of [[0xff], [0xc3], [0xf5, 0x80, 0x80, 0x80], [0xc0, 0x80]]) {
        const r = await post('/track', bytes('', raw));
        assert.strictEqual(r.status, 200);
        assert.match(r.body.toString(), /^[01]$/, raw.map((x) => x.toString(16)).join(' '));
    }
    const { events } = await project.query({ report: 'events', event: 'Text', limit: 100 });
    assert.ok(events.some((e) => e.properties.text === '🎉'), `CESU-8 pairs are joined: ${JSON.stringify(events.map((e) => e.properties.text))}`);
});

test('times: 1971 to an hour ahead are taken, in seconds and milliseconds; others refused', { timeout: 60000 }, async () => {
    for (const time of [31536000, 31536000 + 0.5, now(), now() * 1000, Date.now(), now() + 3500, 1e9]) plain(await post('/track', JSON.stringify(event({ time }))), '1', `time ${time}`);
    for (const time of [0, -5, 1000, 31535999, now() + 7300, (now() + 7300) * 1000, 1e300, -1e300, 'soon', {}, []]) plain(await post('/track', JSON.stringify(event({ time }))), '0', `time ${JSON.stringify(time)}`);
    const e = event({}, 'Timeless');
    delete e.properties.time;
    plain(await post('/track', JSON.stringify(e)), '1', 'no time');
});

test('numbers beyond 2^53 and beyond double are answered and end nothing', { timeout: 60000 }, async () => {
    const raw = (n) => JSON.stringify(event({ big: 'BIG' }, 'Numbers')).replace('"BIG"', n);
    for (const n of ['9007199254740993', '18446744073709551615', '18446744073709551616', '-9223372036854775808', '123456789012345678901234567890', '1e308', '0.1e-400', '-0']) {
        plain(await post('/track', raw(n)), '1', n);
    }
    for (const n of ['1e999', '-1e999', '0x10', '01', '.5', '5.', 'NaN', 'Infinity', '1e']) {
        const r = await post('/track', raw(n));
        assert.strictEqual(r.status, 200, n);
        assert.match(r.body.toString(), /^[01]$/, n);
    }
});

test('heads: 20 kB are fine, 2 MB are 414 with CORS', { timeout: 60000 }, async () => {
    const data = (n) => encodeURIComponent(Buffer.from(JSON.stringify(event({ pad: 'x'.repeat(n) }))).toString('base64'));
    plain(await request(server.publicUrl, `GET /track?data=${data(8000)}`, [`Origin: ${origin}`]), '1', 'a long GET');
    const c = new Connection(server.publicUrl);
    await c.opened;
    c.write(`GET /track?data=${'A'.repeat(2 << 20)} HTTP/1.1\r\nHost: weir\r\nOrigin: ${origin}\r\n\r\n`);
    const r = await c.answer(20000);
    c.end();
    assert.ok(r, 'closed without an answer');
    assert.strictEqual(r.status, 414);
    const many = await request(server.publicUrl, 'GET /track', [`Origin: ${origin}`, ...Array.from({ length: 3000 }, (_, i) => `X-Filler-${i}: ${'y'.repeat(1000)}`)], '', 20000).catch(() => null);
    assert.ok(many === null || [413, 414, 431].includes(many.status), `3 MB of headers: ${many?.status}`);
});

test('malformed HTTP ends the connection or is a 4xx', { timeout: 60000 }, async () => {
    for (const bytes of ['\r\n\r\n', 'GET\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'POST /track HTTP/1.1\r\nContent-Length: -5\r\n\r\n', 'POST /track HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n',
        'POST /track HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', '\0\0\0\0\r\n\r\n', `POST ${'/'.repeat(5000)} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`,
        'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n', 'GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n']) {
        const c = new Connection(server.publicUrl);
        await c.opened;
        c.write(Buffer.from(bytes, 'latin1'));
        const r = await c.answer(1500).catch(() => null);
        c.end();
        assert.ok(!r || (r.status >= 400 && r.status < 500) || r.status === 505 || r.status === 204 || r.status === 200, `${JSON.stringify(bytes.slice(0, 40))}: ${r?.status}`);
        if (r) assert.ok(!/root:/.test(r.body.toString()));
    }
});

test('slow and vanishing clients do not hold up the others', { timeout: 60000 }, async () => {
    const slow = Array.from({ length: 100 }, (_, i) => new Connection(server.publicUrl));
    await Promise.all(slow.map((c) => c.opened));
    slow.forEach((c, i) => c.write(i % 2 ? 'POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{"event":' : 'POST /tra'));
    const begin = Date.now();
    for (let i = 0; i < 20; i++) plain(await post('/track', JSON.stringify(event())), '1', 'beside slow clients');
    assert.ok(Date.now() - begin < 10000, `${Date.now() - begin} ms for 20 events`);
    slow.slice(0, 50).forEach((c) => c.socket.resetAndDestroy?.() ?? c.end());
    for (let i = 0; i < 200; i++) {
        const c = new Connection(server.publicUrl);
        await c.opened.catch(() => {});
        c.write(`POST /track HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n${JSON.stringify(event({}, 'Vanished'))}`);
        c.end();
    }
    slow.slice(50).forEach((c) => c.write('x'));
    plain(await post('/track', JSON.stringify(event())), '1', 'after them');
    slow.forEach((c) => c.end());
    await wait(300);
    assert.strictEqual(await project.total('Vanished'), 0, 'half a body is no event');
});

test('profiles and groups with nonsense are answered', { timeout: 60000 }, async () => {
    for (const record of [{}, { $token: project.token }, { $token: project.token, $distinct_id: 'a', $set: 5 }, { $token: project.token, $distinct_id: 'a', $add: { x: 'y' } }, { $token: project.token, $distinct_id: { a: 1 }, $set: { a: 1 } },
        { $token: project.token, $distinct_id: 'a', $unset: 'x' }, { $token: project.token, $distinct_id: 'a', $nonsense: {} }]) {
        for (const path of ['/engage', '/groups']) {
            const r = await post(path, JSON.stringify([record]));
            assert.strictEqual(r.status, 200, `${path} ${JSON.stringify(record)}`);
            assert.match(r.body.toString(), /^[01]$/);
        }
    }
});

test('query errors name the field and never a path', { timeout: 60000 }, async () => {
    for (const [query, field] of [[{ report: 'insights', metrics: [{ event: 'x', nonsense: 1 }] }, /nonsense/], [{ report: 'nothing' }, /report/], [{ report: 'insights', metrics: [{ event: 'x' }], filters: [{ property: 'a', op: 'like', value: 1 }] }, /op/],
        [{ report: 'insights', metrics: [{ event: 'x' }], from: 'yesterday' }, /from/], [{ report: 'insights', metrics: [{ event: 'x' }], limit: 1e9 }, /limit/]]) {
        const e = await project.query(query).then(() => assert.fail(`accepted: ${JSON.stringify(query)}`), (x) => x);
        assert.strictEqual(e.status, 400, e.message);
        assert.match(`${e.body.error.field} ${e.body.error.message}`, field);
        assert.ok(e.body.error.code && !/\/(src|work|tmp)\//.test(JSON.stringify(e.body)));
    }
    for (const body of ['', '{', '[]', 'null', '{"project":1}', '['.repeat(10000)]) {
        const r = await fetch(`${server.teamUrl}/api/v1/query`, { method: 'POST', body, headers: { authorization: project.authorization } });
        assert.strictEqual(r.status, 400, body.slice(0, 20));
        assert.ok((await r.json()).error.message);
    }
});

test('after all this the same processes serve', async () => {
    assert.deepStrictEqual(server.processes(), processes);
    plain(await post('/track', JSON.stringify(event({}, 'Last'))), '1', 'last');
    assert.strictEqual(await project.waitFor(1, 'Last'), 1);
});
