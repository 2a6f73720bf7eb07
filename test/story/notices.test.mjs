// notices.test.mjs: who asked for notices gets each of them once: a real mail server, real webhook receivers, real kills.
import assert from 'node:assert';
import { createHmac } from 'node:crypto';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import { createProject } from './lib/project.mjs';
import { freePort, hookServer, mailServer } from './lib/receivers.mjs';
import { Server, alive, filesOf, freshFolder, hasCommand, sleep, weir, weirJson } from './lib/server.mjs';

const closing = [];
after(async () => { for (const c of closing.reverse()) await c(); });

// A server with a mail server and receivers on loopback, and the desk's API.
async function house({ rules } = {}) {
    const mail = await mailServer(rules), hooks = await hookServer();
    const s = new Server(freshFolder('notices'), { args: ['--smtp', mail.url, '--mail-from', 'status@weir.example', '--allow-internal', '127.0.0.0/8'] });
    const port = await freePort();
    s.ports = ['--public', `127.0.0.1:${port}`, '--team', '127.0.0.1:0'];
    await s.start();
    closing.push(async () => { await s.stop(); hooks.close(); await mail.close(); });
    const project = await createProject(s);
    const h = { s, mail, hooks, project };
    h.ask = async (method, where, body) => {
        const r = await fetch(`${s.teamUrl}${where}`, { method, headers: { authorization: project.authorization, 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
        const text = await r.text();
        if (!r.ok) throw Object.assign(new Error(`${method} ${where}: ${r.status} ${text}`), { status: r.status });
        return JSON.parse(text);
    };
    h.desk = (method, where, body) => h.ask(method, `/api/v1/status-page${where}`, body);
    h.counts = async () => (await h.desk('GET', '/notices')).counts;
    await h.desk('PATCH', '', { name: 'Weir & Söhne', project: project.id });
    h.component = await h.desk('POST', '/components', { name: 'Search' });
    return h;
}

async function until(what, limit_ms = 15000) {
    const end = Date.now() + limit_ms;
    for (;;) {
        const v = await what();
        if (v) return v;
        if (Date.now() > end) throw new Error(`not within ${limit_ms} ms: ${what}`);
        await sleep(20);
    }
}
const incident = (h, more = {}) => h.desk('POST', '/incidents', { name: 'Search is slow', status: 'investigating', body: 'We look.', components: { [h.component.id]: 'partial_outage' }, notify: true, ...more });
const update = (h, i, status, body) => h.desk('POST', `/incidents/${i.id}/updates`, { status, body, notify: true });
const linkIn = (mail, kind) => new RegExp(`http://\\S+/status/${kind}/[0-9a-f]{48}`).exec(mail.parts[0].text)[0];

test('double opt-in: the link of the mail shows a page, its button confirms; one click unsubscribes', { timeout: 60000 }, async () => {
    const h = await house();
    const form = (fields) => fetch(`${h.s.publicUrl}/status/subscribe`, { method: 'POST', body: new URLSearchParams(fields) });
    const shown = await until(async () => { const page = await (await fetch(`${h.s.publicUrl}/status/subscribe`)).text(); return page.includes('name="email"') && page; });
    assert.match(shown, /<form[^>]* action="\/status\/subscribe"/);
    const r = await form([['email', ' Ada.Lovelace@Example.org '], ['component', h.component.id]]);
    assert.equal(r.status, 200);
    assert.match(await r.text(), /look into your mail/);
    const [asked] = await until(() => h.mail.mails.length && h.mail.mails);
    assert.equal(asked.to, 'Ada.Lovelace@Example.org');
    assert.equal(asked.from, 'status@weir.example');
    const confirm = linkIn(asked, 'confirm');
    assert.ok(confirm.startsWith(h.s.publicUrl), confirm);
    await incident(h, { name: 'Before' });
    assert.equal((await fetch(confirm)).status, 200); // a program that looks at links
    assert.equal((await h.counts()).subscribers.email.pending, 1);
    assert.equal((await fetch(confirm, { method: 'POST' })).status, 200);
    await until(async () => (await h.counts()).subscribers.email.active === 1);
    assert.equal((await form([['email', 'ada.lovelace@example.org']])).status, 200); // the same answer, and no mail
    const i = await incident(h);
    const [, told] = await until(() => h.mail.mails.length >= 2 && h.mail.mails);
    assert.match(told.parts[0].text, /^Investigating: Search is slow\r\n\r\nWe look\./);
    assert.match(told.headers.subject, /^=\?UTF-8\?B\?/);
    assert.equal(told.headers['list-unsubscribe-post'], 'List-Unsubscribe=One-Click');
    const leave = /<(\S+)>/.exec(told.headers['list-unsubscribe'])[1];
    const click = await fetch(leave, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'List-Unsubscribe=One-Click' });
    assert.equal(click.status, 200);
    await until(async () => !(await h.counts()).subscribers.email);
    await update(h, i, 'resolved', 'Over.');
    await sleep(500);
    assert.equal(h.mail.mails.length, 2);
    // Nothing readable of the address lies anywhere, and what is no address is refused.
    for (const f of filesOf(h.s.data)) assert.ok(!/lovelace/i.test(readFileSync(f, 'latin1')), f);
    assert.equal((await form([['email', 'nobody']])).status, 400);
    assert.equal((await fetch(`${h.s.publicUrl}/api/v2/subscribers.json`)).status, 405);
    assert.equal((await fetch(`${h.s.publicUrl}/status/unsubscribe/${'0'.repeat(48)}`, { method: 'POST' })).status, 200); // forged: as if
    assert.equal((await fetch(`${h.s.publicUrl}/status/unsubscribe/x`)).status, 404);
});

test('1,000 incident mails, threaded, each with its own way out; none twice and none lost when courier, console and all are killed in the middle', { timeout: 120000 }, async () => {
    const h = await house(), n = 1000;
    for (let k = 0; k < n; k += 50) await Promise.all(Array.from({ length: 50 }, (_, j) => h.desk('POST', '/subscribers', { email: `p${k + j}@people.example`, confirmed: true })));
    const i = await incident(h);
    const progress = (count) => until(() => h.mail.mails.length >= count, 30000);
    await progress(150);
    process.kill(h.s.process('courier'), 'SIGKILL');
    await progress(350);
    process.kill(h.s.process('console'), 'SIGKILL');
    await progress(600);
    const all = [h.s.pid, ...['front', 'console', 'courier'].map((name) => h.s.process(name))];
    h.s.kill('SIGKILL');
    await h.s.exited;
    await until(() => all.every((p) => !alive(p)));
    await h.s.start();
    const done = await until(async () => { const o = (await h.counts()).outbox; return !o.waiting && !o.in_flight && o; }, 40000);
    const to = h.mail.mails.map((m) => m.to);
    assert.equal(new Set(to).size, to.length, 'somebody got it twice');
    // What a kill left in doubt is named, not sent again: at most the four connections' of each of the two kills of a courier.
    const doubt = done.unknown ?? 0;
    assert.ok(doubt <= 8, `${doubt} in doubt`);
    assert.equal((done.sent ?? 0) + doubt, n);
    assert.ok(to.length >= n - doubt && to.length <= n, `${to.length} arrived, ${doubt} in doubt`);
    console.log(`# ${to.length} of ${n} arrived, ${doubt} in doubt, ${h.mail.connections} connections, at most ${h.mail.most} at a time`);
    assert.ok(h.mail.most <= 8); // four each of the dead and the living
    // Threads.
    const first = h.mail.mails.length;
    await update(h, i, 'resolved', 'Over: \u{1F389}');
    await progress(first + n);
    const ids = new Set(h.mail.mails.slice(0, first).map((m) => m.headers['message-id']));
    assert.equal(ids.size, 1);
    for (const m of h.mail.mails.slice(first)) {
        assert.ok(ids.has(m.headers['in-reply-to']) && ids.has(m.headers.references));
        assert.ok(!ids.has(m.headers['message-id']));
        assert.equal(m.headers['auto-submitted'], 'auto-generated');
        assert.equal(m.parts.length, 2);
        assert.match(m.parts[0].text, /^Resolved: Search is slow\r\n\r\nOver: \u{1F389}/u);
        assert.match(m.parts[1].text, /Weir &amp; Söhne/);
    }
    // Each way out is its reader's own.
    const leaves = new Map(h.mail.mails.slice(first).map((m) => [m.to, m.headers['list-unsubscribe']]));
    assert.equal(new Set(leaves.values()).size, n);
    const leaving = [...leaves].slice(0, 30);
    for (const [, l] of leaving) assert.equal((await fetch(l.slice(1, -1), { method: 'POST', body: 'List-Unsubscribe=One-Click' })).status, 200);
    await until(async () => (await h.counts()).subscribers.email.active === n - leaving.length);
});

test('receivers that hang, fail or redirect delay nobody; bodies are signed and tries of one notice are told apart from others', { timeout: 60000 }, async () => {
    const h = await house();
    const add = async (where, kind = 'webhook') => (await h.desk('POST', '/subscribers', { kind, url: h.hooks.url(where) })).secret;
    for (let k = 0; k < 8; k++) await add(`/hang/${k}`);
    for (const where of ['/fail', '/redirect', '/gone']) await add(where);
    const secret = await add('/ok/statuspage');
    await add('/ok/slack', 'slack');
    await add('/ok/alertmanager', 'alertmanager-hook');
    await h.desk('POST', '/subscribers', { email: 'ada@example.org', confirmed: true });
    const begin = Date.now();
    await incident(h, { body: 'We <look> & wait.' });
    const [g] = await until(() => h.hooks.at('/ok/statuspage').length && h.hooks.at('/ok/statuspage'));
    await until(() => h.mail.mails.length && h.hooks.at('/ok/slack').length && h.hooks.at('/ok/alertmanager').length);
    assert.ok(Date.now() - begin < 3000, `${Date.now() - begin} ms`);
    assert.equal(g.headers['x-signature'], `sha256=${createHmac('sha256', secret).update(g.body).digest('hex')}`);
    const body = JSON.parse(g.body);
    assert.equal(body.incident.name, 'Search is slow');
    assert.equal(body.incident.status, 'investigating');
    assert.equal(body.incident.incident_updates[0].affected_components[0].new_status, 'partial_outage');
    assert.equal(body.incident.components[0].id, h.component.id);
    assert.match(body.meta.unsubscribe, /\/status\/unsubscribe\/[0-9a-f]{48}$/);
    assert.match(JSON.parse(h.hooks.at('/ok/slack')[0].body).attachments[0].text, /We &lt;look&gt; &amp; wait\./);
    const alert = JSON.parse(h.hooks.at('/ok/alertmanager')[0].body);
    assert.deepEqual([alert.version, alert.status, alert.alerts.length], ['4', 'firing', 1]);
    // The failing are tried again with the key of the first try; the redirect was not followed; who is gone is not asked again.
    await until(() => h.hooks.at('/fail').length >= 2, 20000);
    assert.equal(new Set(h.hooks.at('/fail').map((f) => f.headers['idempotency-key'])).size, 1);
    assert.equal(h.hooks.at('/ok/redirected').length, 0);
    assert.equal(h.hooks.at('/gone').length, 1);
    assert.equal((await h.counts()).subscribers.webhook.suspended, 1);
    const keys = h.hooks.got.filter((x) => x.path.startsWith('/ok')).map((x) => x.headers['idempotency-key']);
    assert.equal(new Set(keys).size, keys.length);
});

test('refused addresses are suspended after three mails; a mail server that is away loses nothing', { timeout: 60000 }, async () => {
    const refuse = (address) => (address.startsWith('dead') ? Object.assign(new Error('no such user'), { responseCode: 550 }) : undefined);
    const h = await house({ rules: { rcpt: refuse } });
    for (const email of ['dead@example.org', 'well@example.org']) await h.desk('POST', '/subscribers', { email, confirmed: true });
    const i = await incident(h);
    for (const status of ['identified', 'monitoring']) await update(h, i, status, 'More.');
    await until(async () => (await h.counts()).subscribers.email.suspended === 1);
    await until(() => h.mail.mails.length === 3);
    const { unsent } = await h.desk('GET', '/notices');
    assert.deepEqual(unsent.map((u) => [u.state, u.class, u.code]), Array(3).fill(['dead', 'refused', 550]));
    h.mail.rules.data = () => Object.assign(new Error('later'), { responseCode: 451 });
    await update(h, i, 'resolved', 'Over.');
    await until(async () => (await h.counts()).outbox.waiting === 1);
    h.mail.rules.data = undefined;
    await until(() => h.mail.mails.length === 4, 15000);
    assert.match(h.mail.mails[3].parts[0].text, /^Resolved/);
});

test("Debian's Alertmanager in both directions: its webhook is evidence for an incident, our incident is an alert of its", { timeout: 60000, skip: !hasCommand('prometheus-alertmanager') && 'prometheus-alertmanager is not installed' }, async () => {
    const h = await house(), folder = freshFolder('alertmanager'), port = await freePort(), config = path.join(folder, 'alertmanager.yml');
    await h.desk('PATCH', `/components/${h.component.id}`, { rule: 'public' });
    const key = await weirJson(h.s.data, ['key', 'create', '--project', String(h.project.id), '--role', 'collector']);
    writeFileSync(config, `route: {receiver: weir, group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers:
  - name: weir
    webhook_configs:
      - url: ${h.s.teamUrl}/api/v2/alerts
        http_config: {basic_auth: {username: ${key.user}, password: ${key.secret}}}
`);
    const child = spawn('prometheus-alertmanager', [`--config.file=${config}`, `--storage.path=${folder}/data`, `--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address='], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (d) => { said += d; });
    closing.push(() => child.kill('SIGKILL'));
    const manager = `http://127.0.0.1:${port}`, alerts = async () => (await fetch(`${manager}/api/v2/alerts`)).json();
    await until(() => fetch(`${manager}/-/ready`).then((r) => r.ok, () => false)).catch((e) => { throw new Error(`${e.message}: ${said}`); });
    // In: what fires there opens an incident here, and is over when it is resolved.
    const post = (more) => fetch(`${manager}/api/v2/alerts`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify([{ labels: { alertname: 'SearchSlow', component: 'search' }, annotations: { summary: 'p99 over 2 s' }, ...more }]) });
    assert.equal((await post({ startsAt: new Date(Date.now() - 60000).toISOString() })).status, 200);
    const found = await until(async () => (await h.desk('GET', '/incidents')).incidents[0]);
    assert.equal(found.status, 'investigating');
    assert.deepEqual((await h.desk('GET', `/incidents/${found.id}`)).evidence.map((e) => e.source), ['alert']);
    // Out: our incident is an alert there, and ends there. It comes back here by the webhook and changes nothing.
    await h.desk('POST', '/subscribers', { kind: 'alertmanager', url: `${manager}/api/v2/alerts` });
    await h.desk('PATCH', `/components/${h.component.id}`, { rule: 'off' });
    const i = await incident(h, { name: 'By hand' });
    const mine = await until(async () => (await alerts()).find((a) => a.labels.incident === i.id));
    assert.equal(mine.annotations.summary, 'By hand');
    assert.equal(mine.status.state, 'active');
    await update(h, i, 'resolved', 'Over.');
    await until(async () => !(await alerts()).some((a) => a.labels.incident === i.id));
    await sleep(500);
    assert.ok((await h.desk('GET', '/incidents')).incidents.length <= 2);
    child.kill('SIGKILL');
});

test('weir subscriber adds, lists and removes', { timeout: 60000 }, async () => {
    const folder = freshFolder('subscriber');
    assert.equal(typeof (await weirJson(folder, ['subscriber', 'add', 'ada@example.org', '--confirmed'])).id, 'number');
    const hook = await weirJson(folder, ['subscriber', 'add', 'https://hooks.example/secret-path', '--kind', 'slack', '--label', 'Team']);
    assert.match(hook.secret, /^[a-z0-9]{40}$/);
    const { subscribers } = await weirJson(folder, ['subscriber', 'list']);
    assert.deepEqual(subscribers.map((s) => [s.kind, s.state, s.email ?? s.url, s.label]), [['email', 'active', 'a...@example.org', ''], ['slack', 'active', 'https://hooks.example/...', 'Team']]);
    assert.equal((await weir(folder, ['subscriber', 'add', 'not an address'])).code, 3);
    assert.deepEqual(await weirJson(folder, ['subscriber', 'remove', 'ADA@example.org']), { ok: true });
    assert.equal((await weir(folder, ['subscriber', 'remove', 'ada@example.org'])).code, 3);
    assert.equal((await weirJson(folder, ['subscriber', 'list'])).subscribers.length, 1);
});
