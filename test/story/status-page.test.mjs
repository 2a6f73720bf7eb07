// status-page.test.mjs: the public status page on the real server: what the desk says is on the page within a second and in every
// feed and API as existing clients read them; a click without script is a report; all of it while the console stands still.
import assert from 'node:assert';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import statuspage from 'statuspage.io';
import { launch } from './lib/browser.mjs';
import { createProject } from './lib/project.mjs';
import { freshFolder, root, sleep, startServer, weirJson } from './lib/server.mjs';

const axe = readFileSync(path.join(root, 'test/node_modules/axe-core/axe.min.js'), 'utf8');
const hostile = `</script><script>alert(1)</script>"'&<img src=x onerror=alert(2)> Café — 通知`;
const ids = {};
let server, project, browser;

const url = (p) => `${server.publicUrl}${p}`;
const get = async (p, headers = {}) => {
    const r = await fetch(url(p), { headers, redirect: 'manual' });
    return { status: r.status, headers: r.headers, text: await r.text() };
};
const json = async (p) => JSON.parse((await get(p)).text);
const team = async (method, p, body) => {
    const r = await fetch(`${server.teamUrl}/api/v1/status-page${p}`, { method, headers: { authorization: project.authorization, 'content-type': 'application/json' }, body: body && JSON.stringify(body) });
    const text = await r.text();
    assert.strictEqual(r.status, 200, text);
    return JSON.parse(text);
};
// Waits until the page says so; how long it took.
async function until(what, holds, limit_ms = 3000) {
    const begin = Date.now();
    while (!(await holds())) {
        assert.ok(Date.now() - begin < limit_ms, `${what} within ${limit_ms} ms`);
        await sleep(10);
    }
    return Date.now() - begin;
}
const at = (hours) => new Date(Date.now() + hours * 3600e3).toISOString();

before(async () => {
    server = await startServer(freshFolder('status-page'));
    project = await createProject(server, [], 'Harbour');
    await team('PATCH', '', { name: 'Harbour Bank', url: 'https://status.example.com', time_zone: 'Asia/Tokyo', project: project.id, takes_reports: true, takes_comments: true, accent: '#0a6a84' });
    ids.money = (await team('POST', '/components', { name: 'Money', is_group: true })).id;
    ids.cards = (await team('POST', '/components', { name: 'Card payments', group: ids.money, types: ['Slow', 'Payments fail', 'Other'], description: 'Visa, JCB' })).id;
    ids.search = (await team('POST', '/components', { name: hostile })).id;
    ids.login = (await team('POST', '/components', { name: 'Login', types: ['Slow', 'Other'] })).id;
    browser = await launch();
});
after(async () => {
    await browser?.close();
    await server?.stop();
});

test('what the desk says is on the page and in the feed within a second', { timeout: 60000 }, async () => {
    await until('the page', async () => (await get('/status')).text.includes('Card payments'));
    assert.match((await get('/status')).text, /All Systems Operational/);
    ids.incident = (await team('POST', '/incidents', { name: `Payments fail ${hostile}`, status: 'investigating', body: 'We are looking into it.', components: { [ids.cards]: 'partial_outage' }, notify: false })).id;
    const page = await until('the incident', async () => (await get('/status')).text.includes(`/incidents/${ids.incident}`));
    assert.match((await get('/history.atom')).text, new RegExp(`Incident/${ids.incident}`));
    assert.ok(page <= 1000, `${page} ms`);
    const old = (await team('POST', '/incidents', { name: 'Slow search', status: 'investigating', body: 'It is slow.', components: { [ids.search]: 'degraded_performance' }, notify: false })).id;
    await team('POST', `/incidents/${old}/updates`, { status: 'resolved', body: 'Fast again.', notify: false });
    await team('POST', `/incidents/${ids.incident}/updates`, { status: 'identified', body: 'A certificate ended.\nIt is being renewed.', notify: false });
    ids.maintenance = (await team('POST', '/maintenances', { name: 'Database upgrade', body: 'Logins take longer.', components: [ids.login], scheduled_for: at(48), scheduled_until: at(50), notify: false })).id;
    await until('the maintenance', async () => (await get('/status')).text.includes('Database upgrade'));
    assert.strictEqual((await get(`/incidents/${ids.incident}`)).status, 200);
    assert.strictEqual((await get(`/status/incidents/${ids.maintenance}`)).status, 200);
    assert.strictEqual((await get('/incidents/aaaaaaaaaaaa')).status, 404);
});

test('the npm client of Statuspage reads all of it', { timeout: 60000 }, async () => {
    const client = new statuspage.Statuspage('page');
    client.setApiUrl(server.publicUrl);
    const { status, page } = await client.api.getStatus();
    assert.deepStrictEqual(status, { indicator: 'minor', description: 'Minor Service Outage' });
    assert.deepStrictEqual([page.name, page.time_zone], ['Harbour Bank', 'Asia/Tokyo']);
    const { components } = await client.api.getComponents();
    const cards = components.find((c) => c.id === ids.cards), group = components.find((c) => c.group);
    assert.deepStrictEqual([cards.status, cards.group_id, cards.page_id], ['partial_outage', ids.money, page.id]);
    assert.deepStrictEqual(group.components, [ids.cards]);
    assert.strictEqual(components.find((c) => c.id === ids.search).name, hostile);
    const { incidents: unresolved } = await client.api.incidents.getUnresolved();
    assert.deepStrictEqual(unresolved.map((i) => [i.id, i.status, i.impact, i.resolved_at]), [[ids.incident, 'identified', 'major', null]]);
    assert.strictEqual(unresolved[0].shortlink, `https://status.example.com/incidents/${ids.incident}`);
    assert.deepStrictEqual(unresolved[0].incident_updates.map((u) => u.status), ['identified', 'investigating']);
    const first = unresolved[0].incident_updates[1].affected_components[0];
    assert.deepStrictEqual([first.code, first.name, first.old_status, first.new_status], [ids.cards, 'Money - Card payments', 'operational', 'partial_outage']);
    const { incidents: all } = await client.api.incidents.getAll();
    assert.deepStrictEqual(all.map((i) => i.status).sort(), ['identified', 'resolved']);
    const { scheduled_maintenances: upcoming } = await client.api.scheduledMaintenances.getUpcoming();
    assert.deepStrictEqual(upcoming.map((m) => [m.id, m.status, m.impact]), [[ids.maintenance, 'scheduled', 'maintenance']]);
    assert.match(upcoming[0].scheduled_for, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const summary = await client.api.getSummary();
    assert.deepStrictEqual(Object.keys(summary).sort(), ['components', 'incidents', 'page', 'scheduled_maintenances', 'status']);
    assert.strictEqual(summary.incidents.length, 1);
    assert.strictEqual((await json('/api/v2/scheduled-maintenances/active.json')).scheduled_maintenances.length, 0);
});

test('promtool finds nothing to complain about, and OpenMetrics ends as it should', { timeout: 60000 }, async () => {
    const plain = await get('/metrics');
    assert.match(plain.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: plain.text, encoding: 'utf8' });
    assert.deepStrictEqual([checked.status, checked.stdout + checked.stderr], [0, '']);
    assert.match(plain.text, /health_component_state\{component="Card payments",id="\w{12}"\} 3\n/);
    const open = await get('/metrics', { accept: 'application/openmetrics-text; version=1.0.0' });
    assert.match(open.headers.get('content-type'), /^application\/openmetrics-text; version=1\.0\.0/);
    assert.ok(open.text.endsWith('\n# EOF\n'));
});

test('feedparser reads the state, xmllint the form', { timeout: 60000 }, async () => {
    const script = `
import feedparser, json, re, sys
f = feedparser.parse(sys.stdin.buffer.read())
print(json.dumps({'bozo': bool(f.bozo), 'version': f.version, 'title': f.feed.title, 'entries': [
    {'id': e.id, 'link': e.link, 'title': e.title, 'content': (e.content[0].value if 'content' in e else e.summary)} for e in f.entries]}))`;
    for (const [p, version] of [['/history.atom', 'atom10'], ['/status/history.rss', 'rss20']]) {
        const feed = await get(p);
        const lint = spawnSync('xmllint', ['--noout', '-'], { input: feed.text, encoding: 'utf8' });
        assert.deepStrictEqual([lint.status, lint.stderr], [0, '']);
        const parsed = spawnSync('/usr/bin/python3', ['-c', script], { input: feed.text, encoding: 'utf8' });
        assert.strictEqual(parsed.status, 0, parsed.stderr);
        const f = JSON.parse(parsed.stdout);
        assert.deepStrictEqual([f.bozo, f.version, f.title], [false, version, 'Harbour Bank Status - Incident History']);
        const one = f.entries.find((e) => e.link.endsWith(`/incidents/${ids.incident}`));
        assert.strictEqual(/<strong>(.*?)<\/strong>/.exec(one.content)[1], 'Identified');
        assert.match(one.content, /A certificate ended\.<br\s*\/?>\s*It is being renewed/);
        assert.doesNotMatch(one.content, /<script|onerror/);
        const again = await get(p, { 'if-none-match': feed.headers.get('etag') });
        assert.deepStrictEqual([again.status, again.text], [304, '']);
    }
});

test('axe is content with every page, on a phone and a desk, by day and by night, and the policy holds', { timeout: 120000 }, async () => {
    const most = ['/status', `/incidents/${ids.incident}`], all = [...most, `/incidents/${ids.maintenance}`, '/status/history', '/status/thanks/2', '/incidents/none', '/status/embed'];
    const complaints = [];
    for (const viewport of [{ width: 390, height: 844 }, { width: 1440, height: 900 }]) {
        for (const colorScheme of ['light', 'dark']) {
            const context = await browser.newContext({ viewport, colorScheme });
            await context.addInitScript(() => addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective}`)));
            const page = await context.newPage();
            page.on('console', (m) => m.type() === 'error' && !/status of 404/.test(m.text()) && complaints.push(`${page.url()}: ${m.text()}`));
            page.on('pageerror', (e) => complaints.push(`${page.url()}: ${e.message}`));
            for (const p of colorScheme === 'light' && viewport.width === 390 ? all : most) {
                await page.goto(url(p));
                await page.evaluate(() => { for (const d of document.querySelectorAll('details')) d.open = true; });
                await page.evaluate(axe);
                const { violations } = await page.evaluate(() => globalThis.axe.run());
                complaints.push(...violations.map((v) => `${p} ${viewport.width} ${colorScheme}: ${v.id}: ${v.nodes[0].html.slice(0, 200)}`));
                const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
                if (over > 0) complaints.push(`${p} ${viewport.width}: ${over} px too wide`);
            }
            await context.close();
        }
    }
    assert.deepStrictEqual(complaints, []);
    const page = await get('/status', { 'accept-encoding': 'identity' });
    assert.ok(Buffer.byteLength(page.text) <= 30 * 1024, `${Buffer.byteLength(page.text)} bytes`);
    assert.match(page.headers.get('content-security-policy'), /^default-src 'none'/);
    assert.doesNotMatch(page.text, /<(script|link|img|iframe)[^>]+(src|href)="?(https?:)?\/\//);
});

test('one click without script is a report, and the second click says more', { timeout: 60000 }, async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(url('/status'));
    await page.getByRole('button', { name: 'I have a problem with Card payments' }).click();
    await page.getByRole('heading', { name: 'Thank you, we have your report' }).waitFor();
    await page.getByLabel('In your words').fill('planted-comment-of-a-visitor');
    await page.getByRole('button', { name: 'Payments fail' }).click();
    await page.getByRole('heading', { name: 'Thank you, we have your report' }).waitFor();
    assert.strictEqual(await project.waitFor(2, '$problem_report'), 2);
    const { series } = await project.query({ report: 'insights', from: '2020-01-01', to: '2100-01-01', interval: 'total', metrics: [{ event: '$problem_report', measure: 'total' }], breakdown: ['type'] });
    assert.deepStrictEqual(series.map((s) => [s.breakdown[0], s.total]).sort(), [[1, 1], [2, 1]]);
    const journal = spawnSync('grep', ['-rl', 'planted-comment', server.data], { encoding: 'utf8' });
    assert.strictEqual(journal.stdout, '');
    // Both clicks are one visitor's: counted once, and on the chart of the desk.
    await until('the count', async () => (await team('GET', `/components/${ids.cards}`)).reports_24h === 1, 15000);
});

test('the snippet of another site reports for a signed-in person', { timeout: 60000 }, async () => {
    const sent = await fetch(url('/status/report'), { method: 'POST', headers: { 'content-type': 'application/json', origin: 'https://app.example' }, body: JSON.stringify({ component: ids.login, type: 'Slow', distinct_id: 'ann@example.com' }) });
    assert.deepStrictEqual([sent.status, await sent.json()], [200, { ok: true }]);
    assert.strictEqual(await project.waitFor(3, '$problem_report'), 3);
    const bad = await fetch(url('/status/report'), { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"component":"nope"}' });
    assert.deepStrictEqual([bad.status, (await bad.json()).error.field], [400, 'component']);
});

test('badges and the monitors\' read APIs answer', { timeout: 60000 }, async () => {
    const badge = await get('/status/badge.svg');
    assert.strictEqual(badge.headers.get('content-type'), 'image/svg+xml');
    assert.strictEqual(spawnSync('xmllint', ['--noout', '-'], { input: badge.text }).status, 0);
    assert.match((await get('/api/badge/1/status')).text, /N\/A/);
    const kuma = await json('/api/status-page/default');
    assert.deepStrictEqual([kuma.config.title, kuma.incidents.length, kuma.incident.style], ['Harbour Bank', 1, kuma.incidents[0].style]);
    assert.deepStrictEqual(Object.keys(await json('/api/status-page/heartbeat/default')), ['heartbeatList', 'uptimeList']);
    assert.deepStrictEqual(await json('/api/v1/endpoints/statuses'), []);
    assert.strictEqual((await get('/robots.txt')).text.includes('Disallow: /api/'), true);
    const pushed = await fetch(url('/api/push/nobody?status=up'));
    assert.deepStrictEqual([pushed.status, await pushed.json()], [404, { ok: false, msg: 'Monitor not found or not active.' }]);
});

test('a push line of Uptime Kuma and an external endpoint of Gatus are beats of a monitor', { timeout: 60000 }, async () => {
    const { number, token } = await team('POST', '/monitors', { name: 'nightly, job', group: 'core', kind: 'push', interval_s: 60, public: true });
    const curl = (...args) => spawnSync('curl', ['-s', '-w', ' %{http_code}', ...args], { encoding: 'utf8' }).stdout;
    const line = `${url('/api/push')}/${token}?status=up&msg=OK&ping=42`, external = url('/api/v1/endpoints/core_nightly--job/external');
    const told = async () => (await team('GET', `/monitors/${number}`)).results.map((r) => r.ms);
    await until('the token', () => curl(line) === '{"ok":true} 200');
    await until('a beat', async () => curl(line) === '{"ok":true} 200' && await sleep(100) === undefined && (await told()).includes(42));
    assert.strictEqual(curl('-X', 'POST', `${external}?success=true&duration=1.5s`, '-H', `Authorization: Bearer ${token}`), ' 200');
    assert.match(curl('-X', 'POST', `${external}?success=true`, '-H', 'Authorization: Bearer wrong'), / 401$/);
    await until('the other beat', async () => (await told()).includes(1500));
    await team('PATCH', '', { description: 'Published again' });
    const results = async () => (await json('/api/v1/endpoints/core_nightly--job/statuses')).results;
    await until('the read APIs', async () => (await results()).length >= 2);
    assert.deepStrictEqual([...new Set((await results()).map((r) => `${r.success} ${r.duration / 1e6}`))], ['true 42', 'true 1500']);
    const { heartbeatList } = await json('/api/status-page/heartbeat/default');
    assert.deepStrictEqual([...new Set(heartbeatList[number].map((b) => `${b.status} ${b.ping}`))], ['1 42', '1 1500']);
    assert.match((await get(`/api/badge/${number}/status?upLabel=fine`)).text, />fine</);
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: (await get('/metrics')).text, encoding: 'utf8' });
    assert.strictEqual(checked.stdout + checked.stderr, '');
});

test('with the console standing still the page is served and reports are kept', { timeout: 60000 }, async () => {
    const console_ = server.process('console');
    process.kill(console_, 'SIGSTOP');
    try {
        const begin = Date.now();
        const answers = await Promise.all(Array.from({ length: 200 }, () => get('/status')));
        assert.ok(answers.every((a) => a.status === 200 && a.text.includes('Card payments')));
        assert.ok(Date.now() - begin < 5000);
        const sent = await fetch(url('/status/report'), { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ component: ids.login, device: 'device-of-a-visitor' }) });
        assert.strictEqual(sent.status, 200);
        process.kill(server.process('front'), 'SIGKILL'); // and a front that starts anew serves what was there last
        await until('the page again', async () => (await get('/status').catch(() => ({}))).status === 200, 10000);
    } finally {
        process.kill(console_, 'SIGCONT');
    }
    assert.strictEqual(await project.waitFor(4, '$problem_report'), 4);
});

test('a tracker cannot make a report, and a page taken back is gone', { timeout: 60000 }, async () => {
    const forged = await project.track([{ event: '$problem_report', properties: { distinct_id: 'x', component: 2, prefix: 5 } }], '/track?verbose=1');
    assert.strictEqual((await forged.json()).status, 0);
    await team('PATCH', '', { project: 0 });
    await until('no page', async () => (await get('/status')).status === 404);
    assert.strictEqual((await fetch(url('/status/report'), { method: 'POST', body: 'component=2' })).status, 404);
    assert.strictEqual(await project.total('$problem_report'), 4);
});
