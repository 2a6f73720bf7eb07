// console.test.mjs: the web console in a real browser against the real server: a link logs in once, reports show the right
// numbers, the keyboard reaches everything, the policy of the page is never broken, and axe finds nothing to complain about.
import assert from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { launch } from './lib/browser.mjs';
import { createProject } from './lib/project.mjs';
import { freshFolder, root, startServer, weirJson } from './lib/server.mjs';
import { day } from './lib/shop.mjs';

const axe = readFileSync(path.join(root, 'test/node_modules/axe-core/axe.min.js'), 'utf8');
const wide = { width: 1440, height: 900 }, narrow = { width: 390, height: 844 };
const countries = ['JP', 'US', 'DE'];
const broken = []; // console errors, exceptions, policy violations of every page that is not meant to have them
let server, project, browser, state;

// 60 people over 20 days: each opens twice a day, every third buys; 20 people per country; each has a note of their own.
function story() {
    const events = [];
    for (let p = 0; p < 60; p++) {
        for (let d = 20; d >= 1; d--) {
            const at = (event, hour, more = {}) => events.push({
                event, properties: { distinct_id: `user-${p}`, time: Date.parse(`${day(-d)}T${hour}:00:00Z`), $insert_id: `${event}-${p}-${d}-${hour}`, country: countries[p % 3], os: p % 2 ? 'iOS' : 'Linux', note: `only ${p} wrote this`, ...more },
            });
            at('Open', '08');
            at('Open', '18');
            if (p % 3 === 0) at('Buy', '19', { revenue: 2.5 });
        }
    }
    return events;
}

const range = () => `range=${day(-20)}..${day(-1)}`;
const at = (hash) => `${server.teamUrl}/#/${project.id}/${hash}`;
const asJson = (value) => encodeURIComponent(JSON.stringify(value));

function watched(page) {
    page.on('console', (m) => m.type() === 'error' && broken.push(`${page.url()}: ${m.text()}`));
    page.on('pageerror', (e) => broken.push(`${page.url()}: ${e.stack}`));
    return page;
}

// A page of a logged-in browser. Policy violations are reported to the console by the page itself.
async function open(hash, options = {}) {
    const context = await browser.newContext({ viewport: wide, reducedMotion: 'reduce', storageState: state, ...options });
    await context.addInitScript(() => addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`)));
    const page = watched(await context.newPage());
    await page.goto(at(hash));
    await page.locator('.shell').waitFor();
    return page;
}

const wholeRange = async (page) => Number((await page.locator('.result:not(.stale) tbody tr strong').first().innerText()).replaceAll(',', ''));

// Waits until the first row's total is what is expected; a changed question takes a moment.
async function shows(page, expected) {
    for (const end = Date.now() + 5000; Date.now() < end;) {
        if (await wholeRange(page).catch(() => NaN) === expected) return;
        await page.waitForTimeout(50);
    }
    assert.strictEqual(await wholeRange(page), expected);
}

before(async () => {
    server = await startServer(freshFolder('console'));
    project = await createProject(server, [], 'Harbour');
    const all = story();
    for (let i = 0; i < all.length; i += 1000) {
        const sent = await project.import(all.slice(i, i + 1000));
        assert.strictEqual(sent.status, 200, await sent.text());
    }
    assert.strictEqual(await project.waitFor(60 * 20 * 2 + 20 * 20), 2800);
    browser = await launch();
});
after(async () => {
    await browser?.close();
    await server?.stop();
});

test('a login link logs in once and is refused the second time', { timeout: 60000 }, async () => {
    const { url } = await weirJson(server.data, ['login-link']);
    const context = await browser.newContext({ viewport: wide });
    const page = watched(await context.newPage());
    await page.goto(url);
    await page.locator('.shell').waitFor();
    assert.strictEqual(new URL(page.url()).pathname, '/');
    state = await context.storageState();
    const cookie = state.cookies.find((c) => c.name === 'weir_session');
    assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict');
    const again = await (await browser.newContext()).newPage();
    assert.strictEqual((await again.goto(url)).status(), 403);
});

test('a visitor without a session is told how to get a link', { timeout: 60000 }, async () => {
    const page = await (await browser.newContext({ viewport: wide })).newPage();
    await page.goto(server.teamUrl);
    await page.getByRole('heading', { name: 'Log in by a link' }).waitFor();
    assert.match(await page.locator('main').innerText(), /weir login-link/);
});

test('the page carries a strict policy and names no other host', { timeout: 60000 }, async () => {
    const r = await fetch(`${server.teamUrl}/`);
    const policy = r.headers.get('content-security-policy');
    assert.match(policy, /default-src 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*|http/);
    assert.doesNotMatch(await r.text(), /https?:\/\//);
});

test('insights shows the right number in its table', { timeout: 60000 }, async () => {
    const page = await open(`insights?${range()}&metrics=${asJson([{ event: 'Open', measure: 'total' }])}`);
    await shows(page, 2400);
    assert.strictEqual(await page.locator('.headline-number').innerText(), '2,400');
    const chart = page.locator('.echart canvas').first();
    await chart.waitFor();
    await chart.hover({ position: { x: 400, y: 100 } });
    assert.match(await page.locator('.chart-tip').innerText(), /Open, total events\s+120/);
    await page.getByRole('combobox', { name: 'Measure of A' }).selectOption('unique');
    await shows(page, 60);
});

test('every report answers from its address alone', { timeout: 60000 }, async () => {
    const funnel = await open(`funnel?${range()}&steps=${asJson([{ event: 'Open' }, { event: 'Buy' }])}`);
    await funnel.locator('.funnel').waitFor();
    assert.match(await funnel.locator('.headline').innerText(), /33\.3 %\s+20 of 60 people/);
    const retention = await open(`retention?${range()}&start=${asJson({ event: 'Buy' })}`);
    await retention.locator('.heat-table').waitFor();
    assert.strictEqual(await retention.locator('.heat-average td').first().innerText(), '20');
    const flows = await open(`flows?${range()}&anchor=${asJson({ event: 'Buy' })}&forward=2`);
    await flows.getByRole('table').waitFor();
    assert.match(await flows.getByRole('table').innerText(), /Buy\s*→\s*Open/);
    const events = await open(`events?${range()}&event=Buy`);
    await events.locator('.events > li').first().waitFor();
    assert.strictEqual(await events.locator('.events > li').count(), 100);
});

test('filters and breakdown work by keyboard alone', { timeout: 60000 }, async () => {
    const page = await open(`insights?${range()}&metrics=${asJson([{ event: 'Open', measure: 'total' }])}`);
    await shows(page, 2400);
    const keys = async (...list) => {
        for (const k of list) {
            await (k.length > 1 && k === k.toLowerCase() ? page.keyboard.type(k) : page.keyboard.press(k));
            await page.waitForTimeout(60);
        }
    };
    const typing = (label) => page.locator(`input[role=combobox][aria-label="${label}"]:focus`).waitFor();
    await keys('f');
    await typing('Filter by');
    await keys('country', 'Enter');
    await typing('Values of country');
    await page.getByRole('option', { name: 'JP' }).waitFor();
    await page.keyboard.type('JP');
    await keys('Enter', 'Escape');
    await shows(page, 800);
    await page.evaluate(() => document.activeElement.blur());
    await keys('b');
    await typing('Property of breakdown 1');
    await keys('os', 'Enter');
    await page.locator('.legend').waitFor();
    await shows(page, 400);
    assert.deepStrictEqual((await page.locator('.series-name').allInnerTexts()).sort(), ['Linux', 'iOS']);
    await page.goBack();
    await shows(page, 800);
    await keys('?');
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
    await keys('Escape');
    assert.strictEqual(await page.getByRole('dialog').count(), 0);
});

test('the address reopens the same report', { timeout: 60000 }, async () => {
    const filters = asJson([{ property: 'country', op: 'is', value: ['US', 'DE'] }]);
    const first = await open(`insights?${range()}&metrics=${asJson([{ event: 'Open', measure: 'total' }])}&filters=${filters}&chart=column`);
    await shows(first, 1600);
    const second = await open(new URL(first.url()).hash.replace(`#/${project.id}/`, ''));
    await shows(second, 1600);
    assert.strictEqual(await second.getByRole('button', { name: 'Columns' }).getAttribute('aria-pressed'), 'true');
});

test('a damaged address is met with a fresh start, not a blank page', { timeout: 60000 }, async () => {
    const page = await open(`insights?metrics=${asJson([5, null])}&filters=${asJson([{}])}&range=x`);
    await page.getByRole('heading', { name: /cannot be drawn|cannot be asked/ }).or(page.locator('.card')).first().waitFor();
    broken.length = 0; // the refused question is written to the browser's console
});

test('the live view shows an event as it arrives', { timeout: 60000 }, async () => {
    const page = await open('live');
    await page.getByText('Listening').waitFor();
    const first = page.locator('.events > li').first();
    await first.waitFor();
    const before = await first.innerText();
    const time = Date.now() + 60000;
    await project.track([{ event: 'Open', properties: { distinct_id: 'user-1', time, os: 'iOS', country: 'US' } }]);
    await page.locator(`.events > li:first-child time[datetime^="${new Date(time).toISOString().slice(0, 16)}"]`).waitFor({ timeout: 3000 });
    assert.notStrictEqual(await first.innerText(), before);
    assert.match(await first.innerText(), /Open[\s\S]*os iOS/);
});

test('an empty project shows how to send its first event and notices it', { timeout: 60000 }, async () => {
    const empty = await createProject(server, [], 'Empty');
    const page = await open('insights');
    await page.goto(`${server.teamUrl}/#/${empty.id}/insights`);
    await page.reload();
    const code = page.getByRole('group', { name: 'Code that sends an event' });
    await code.waitFor();
    const text = await code.innerText();
    assert.ok(text.includes(empty.token) && text.includes(server.publicUrl), text);
    await empty.track([{ event: 'Hello', properties: { distinct_id: 'me', time: Date.now() } }]);
    await page.locator('.headline-number').waitFor({ timeout: 10000 });
});

test('the Data page says what a number is, seals a property, and holds the door, each from its answer on', { timeout: 60000 }, async () => {
    const p = await createProject(server, [], 'Data');
    const send = (event, properties = {}) => p.track([{ event, properties: { distinct_id: 'd', time: Date.now(), order_no: 123456789, street: 'Main', ...properties } }]);
    await send('Before');
    await p.waitFor(1);
    const page = await open('data');
    await page.goto(`${server.teamUrl}/#/${p.id}/data`);
    await page.reload();
    await page.getByRole('button', { name: 'This is a measure' }).click();
    await page.getByText('order_no: its long numbers are stored as numbers').waitFor();
    await page.getByText('None: every number').waitFor();
    await page.getByRole('button', { name: 'Always seal street' }).click();
    await page.getByRole('button', { name: 'Always seal street', pressed: true }).waitFor();
    await page.getByLabel('Name, exactly as it is sent').fill('Rare word');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('readable with its next event').waitFor();
    await page.getByLabel(/^Sites/).fill('https://shop.example\nnot a site');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('alert').filter({ hasText: 'such as https://' }).waitFor();
    await page.getByLabel(/^Sites/).fill('https://shop.example');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved, and in force.').waitFor();
    await send('Rare word');
    await p.waitFor(2);
    const { series } = await p.query({ report: 'insights', interval: 'total', metrics: [{ event: 'Rare word', measure: 'sum', property: 'order_no' }] });
    assert.strictEqual(series[0].total, 123456789);
    await page.reload();
    await page.getByText('Rare word').waitFor();
    assert.strictEqual(await page.getByLabel(/^Sites/).inputValue(), 'https://shop.example');
    await page.getByRole('button', { name: 'order_no is no measure' }).click();
    await page.getByRole('button', { name: 'This is a measure' }).waitFor();
    broken.splice(0, broken.length, ...broken.filter((b) => !b.includes('400'))); // the refused list of sites
});

test('dark and light follow the system, and the switch wins and is kept', { timeout: 60000 }, async () => {
    const shade = (page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await open('insights', { colorScheme: 'light' });
    const dark = await open('insights', { colorScheme: 'dark' });
    assert.notStrictEqual(await shade(light), await shade(dark));
    await light.getByRole('button', { name: 'Theme: auto' }).click();
    assert.strictEqual(await shade(light), await shade(dark));
    await light.reload();
    await light.locator('.shell').waitFor();
    assert.strictEqual(await shade(light), await shade(dark));
});

const pages = ['insights', `insights?breakdown=${asJson(['country'])}`, `insights?chart=bar&breakdown=${asJson(['note'])}`, 'funnel', 'retention', 'flows', 'users', 'events', 'live', 'data', 'setup'];

for (const [size, viewport, colorScheme] of [['wide, light', wide, 'light'], ['wide, dark', wide, 'dark'], ['a phone', narrow, 'light']]) {
    test(`axe finds nothing on any page and nothing sticks out (${size})`, { timeout: 120000 }, async () => {
        const page = await open(pages[0], { viewport, colorScheme, bypassCSP: true });
        for (const p of pages) {
            await page.goto(at(p));
            await page.reload();
            await page.locator('.result:not(.stale), .page').first().waitFor();
            await page.evaluate(axe);
            const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
            assert.deepStrictEqual(violations.map((v) => `${p}: ${v.id}: ${v.nodes[0].html}`), []);
            assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${p} is wider than the window`);
        }
    });
}

test('the banner says where the key is; after weir seal labels are handles that explain themselves', { timeout: 60000 }, async () => {
    const notes = `insights?${range()}&chart=bar&metrics=${asJson([{ event: 'Open', measure: 'total' }])}&breakdown=${asJson(['note'])}`;
    const before = await open(notes);
    assert.match(await before.locator('.banners').innerText(), /Quick start.*weir seal/s);
    await before.locator('.bars').getByText(/^only \d+ wrote this$/).first().waitFor();
    const passphrase = path.join(freshFolder('seal'), 'passphrase');
    writeFileSync(passphrase, 'a passphrase that is long enough\n', { mode: 0o600 });
    await weirJson(server.data, ['seal', '--passphrase-file', passphrase]);
    const sealed = await open(notes);
    assert.match(await sealed.locator('.banners').innerText(), /Sealed\..*not on this server/s);
    const chip = sealed.locator('.bars .sealed').first();
    await chip.waitFor();
    assert.match(await chip.innerText(), /^sealed [0-9a-f]{4}…$/);
    await chip.hover();
    assert.match(await sealed.getByRole('tooltip').innerText(), /fewer than 10 people/);
});

test('logging out ends the session', { timeout: 60000 }, async () => {
    const page = await open('insights');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in by a link' }).waitFor();
    const cookie = state.cookies.find((c) => c.name === 'weir_session');
    const r = await fetch(`${server.teamUrl}/api/v1/session`, { headers: { cookie: `weir_session=${cookie.value}` } });
    assert.strictEqual(r.status, 401);
    assert.deepStrictEqual(broken.filter((b) => !b.includes('401')), []);
});

test('no page wrote an error to the console or broke its policy', () => {
    assert.deepStrictEqual(broken.filter((b) => !b.includes('401')), []);
});
