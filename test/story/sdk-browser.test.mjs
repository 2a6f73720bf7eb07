// sdk-browser.test.mjs: the real mixpanel-browser in Chromium, on a page of another origin: batches, page views, autocapture,
// identify, alias, people, groups, unload by beacon. Everything that the page called is counted once, and equals the truth.
import assert from 'node:assert';
import test, { after, before } from 'node:test';
import { launch, personContext, site } from './lib/browser.mjs';
import { createProject } from './lib/project.mjs';
import { freshFolder, sleep, startServer } from './lib/server.mjs';
import { day } from './lib/shop.mjs';
import { Truth } from './lib/truth.mjs';

const truth = new Truth();
const range = { from: day(-2), to: day(1) };
let server, project, browser, shop;
const problems = [];

before(async () => {
    server = await startServer(freshFolder('sdk-browser'));
    project = await createProject(server);
    shop = await site();
    browser = await launch();
}, { timeout: 120000 });
after(async () => {
    await browser?.close();
    shop?.close();
    await server?.stop();
});

async function visit(context, config = {}, path = '/') {
    const page = await context.newPage();
    page.on('console', (m) => { if (m.type() === 'error' && !/favicon/.test(m.text())) problems.push(m.text()); });
    page.on('pageerror', (e) => problems.push(String(e)));
    page.on('response', (r) => { if (r.url().startsWith(server.publicUrl) && r.status() !== 200 && r.status() !== 204) problems.push(`${r.status()} ${r.url().slice(0, 100)}`); });
    await page.goto(`${shop.url}${path}`);
    await page.evaluate(([token, host, more]) => new Promise((resolve) => {
        mixpanel.init(token, { api_host: host, persistence: 'localStorage', batch_flush_interval_ms: 200, loaded: resolve, ...more });
    }), [project.token, server.publicUrl, config]);
    return page;
}
const ids = (page) => page.evaluate(() => ({ device: mixpanel.get_property('$device_id'), distinct_id: mixpanel.get_distinct_id() }));
const total = (event) => project.total(event);
async function until(check, want, what, limit_ms = 15000) {
    const end = Date.now() + limit_ms;
    let got;
    do {
        got = await check();
        if (got === want) return;
        await sleep(100);
    } while (Date.now() < end);
    assert.strictEqual(got, want, what);
}

test('500 events of five people, before and after identify, equal the truth', { timeout: 120000 }, async () => {
    for (let person = 0; person < 5; person++) {
        const context = await personContext(browser);
        const page = await visit(context);
        const { device } = await ids(page);
        const user = `person-${person}@example.org`;
        const sent = await page.evaluate(([user, person]) => {
            const list = [];
            const send = (event, properties) => { list.push({ event, properties, known: Boolean(mixpanel.get_property('$user_id')) }); mixpanel.track(event, { ...properties }); };
            for (let i = 0; i < 100; i++) {
                if (i === 40 + person) mixpanel.identify(user);
                send(['Open', 'View item', 'Add to cart', 'Zoë 🎉'][i % 4], { n: person * 100 + i, color: ['red', 'grün', '日本 🎈'][i % 3], ok: i % 2 === 0, list: ['a', i % 2 ? 'b' : 'c'], deep: { er: i % 5 }, nothing: null, half: i / 2 });
            }
            return list;
        }, [user, person]);
        for (const e of sent) truth.event(e.event, { ...e.properties, time: Date.now(), $device_id: device, distinct_id: e.known ? user : `$device:${device}`, ...(e.known ? { $user_id: user } : {}) });
        await until(() => page.evaluate(() => Object.keys(localStorage).filter((k) => /_ev$/.test(k)).every((k) => JSON.parse(localStorage[k]).length === 0)), true, 'the queue is empty');
        await context.close();
    }
    assert.deepStrictEqual(problems, []);
    for (const name of ['Open', 'View item', 'Add to cart', 'Zoë 🎉']) await until(() => total(name), 125, name);
    const each = (name) => ({ event: name, measure: 'total' });
    await truth.agrees(project, [
        { report: 'insights', ...range, interval: 'total', metrics: [each('Open'), each('Zoë 🎉'), { event: 'Open', measure: 'unique' }, { event: 'Open', measure: 'sum', property: 'half' }] },
        { report: 'insights', ...range, interval: 'total', metrics: [each('View item')], breakdown: ['color'] },
        { report: 'insights', ...range, interval: 'total', metrics: [each('View item')], breakdown: ['ok', 'list'] },
        { report: 'insights', ...range, interval: 'total', metrics: [{ event: 'Add to cart', measure: 'unique' }], breakdown: ['deep.er'] },
        { report: 'insights', ...range, interval: 'total', metrics: [each('Open')], filters: [{ property: 'color', op: 'is', value: '日本 🎈' }] },
    ]);
});

test('alias: the second name is the same person', { timeout: 60000 }, async () => {
    const context = await personContext(browser), page = await visit(context);
    await page.evaluate(() => {
        mixpanel.track('Aliased', { step: 1 });
        mixpanel.identify('first-name');
        mixpanel.track('Aliased', { step: 2 });
        mixpanel.alias('second-name');
        mixpanel.track('Aliased', { step: 3 });
    });
    await until(() => total('Aliased'), 3, 'events');
    assert.ok((await project.query({ report: 'insights', ...range, interval: 'total', metrics: [{ event: 'Aliased', measure: 'unique' }] })).series[0].total <= 2);
    await context.close();
});

test('people and groups reach their profiles', { timeout: 60000 }, async () => {
    const context = await personContext(browser), page = await visit(context);
    await page.evaluate(() => {
        mixpanel.people.set({ before: 'identify' });
        mixpanel.identify('profile-user');
        mixpanel.people.set({ tier: 'gold', $email: 'someone@example.org' });
        mixpanel.people.set_once('since', 'spring');
        mixpanel.people.union('badges', ['x']);
        mixpanel.set_group('company', 'acme');
        mixpanel.get_group('company', 'acme').set({ size: 12 });
        mixpanel.track('Grouped', {});
    });
    await until(() => total('Grouped'), 1, 'event');
    const profile = async () => (await project.query({ report: 'users', distinct_ids: ['profile-user'] })).users[0]?.properties ?? {};
    await until(async () => { const p = await profile(); return [p.tier, p.since, p.before, JSON.stringify(p.badges), p.$email].join(); }, 'gold,spring,identify,["x"],someone@example.org', 'profile');
    await until(async () => (await project.query({ report: 'groups', group_key: 'company', ids: ['acme'] })).groups[0]?.properties.size, 12, 'group');
    const { series } = await project.query({ report: 'insights', ...range, interval: 'total', metrics: [{ event: 'Grouped' }], breakdown: [{ group: 'company', name: 'size' }] });
    assert.deepStrictEqual(series.map((s) => [s.breakdown, s.total]), [[[12], 1]]);
    await page.evaluate(() => mixpanel.people.delete_user());
    await until(async () => (await project.query({ report: 'users', distinct_ids: ['profile-user'] })).total, 0, 'deleted');
    await context.close();
});

test('page views and autocapture', { timeout: 60000 }, async () => {
    const context = await personContext(browser), page = await visit(context, { track_pageview: true, autocapture: true }, '/x?utm_source=news');
    await page.click('#b');
    await page.fill('#i', 'hello');
    await page.evaluate(() => document.getElementById('f').requestSubmit?.call(document.getElementById('f')));
    await until(() => total('$mp_web_page_view').then((n) => n >= 1), true, 'page view');
    await until(() => total('$mp_click').then((n) => n >= 1), true, 'click');
    const { series } = await project.query({ report: 'insights', ...range, interval: 'total', metrics: [{ event: '$mp_web_page_view' }], breakdown: ['utm_source'] });
    assert.strictEqual(series[0].breakdown[0], 'news');
    await context.close();
});

test('leaving the page sends by beacon; coming back sends again; each event counts once', { timeout: 90000 }, async () => {
    const context = await personContext(browser);
    const page = await visit(context, { batch_flush_interval_ms: 5000 });
    await page.evaluate(() => { for (let i = 0; i < 10; i++) mixpanel.track('Leaving', { i }); });
    // The SDK writes its queue one call after another; a person leaves later than a script.
    await until(() => page.evaluate(() => Object.keys(localStorage).filter((k) => /_ev$/.test(k)).map((k) => JSON.parse(localStorage[k]).length)[0]), 10, 'queued');
    await page.goto('about:blank');
    await until(() => total('Leaving'), 10, 'by beacon');
    const again = await visit(context, { batch_flush_interval_ms: 200 });
    await again.evaluate(() => mixpanel.track('Back'));
    await until(() => total('Back'), 1, 'back');
    await until(() => again.evaluate(() => Object.keys(localStorage).filter((k) => /_ev$/.test(k)).every((k) => JSON.parse(localStorage[k]).length === 0)), true, 'the old queue was sent too', 40000);
    await sleep(1200);
    assert.strictEqual(await total('Leaving'), 10);
    await context.close();
});

test('a single event at once, by GET, by beacon transport, as plain JSON', { timeout: 60000 }, async () => {
    const context = await personContext(browser);
    for (const [name, config] of [['Unbatched', { batch_requests: false }], ['By GET', { batch_requests: false, api_method: 'GET' }], ['By beacon', { api_transport: 'sendBeacon', batch_requests: false }], ['As JSON', { api_payload_format: 'json' }], ['Verbose', { batch_requests: false, verbose: true }]]) {
        const page = await visit(context, config);
        await page.evaluate((n) => mixpanel.track(n, { word: 'grün 🎉' }), name);
        await until(() => total(name), 1, name);
        const { events } = await project.query({ report: 'events', event: name });
        assert.strictEqual(events[0].properties.word, 'grün 🎉', name);
        await page.close();
    }
    assert.deepStrictEqual(problems, []);
    await context.close();
});
