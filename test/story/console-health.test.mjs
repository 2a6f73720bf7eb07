// console-health.test.mjs: the status desk in a real browser: a component is described, an incident is opened, told on and
// resolved on a phone, and the public page says the same within a moment; axe finds nothing on any of its parts.
import assert from 'node:assert';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { launch } from './lib/browser.mjs';
import { createProject } from './lib/project.mjs';
import { freshFolder, root, sleep, startServer, weirJson } from './lib/server.mjs';

const axe = readFileSync(path.join(root, 'test/node_modules/axe-core/axe.min.js'), 'utf8');
const wide = { width: 1440, height: 900 }, phone = { width: 390, height: 844 };
const broken = [];
let server, project, browser, state;

before(async () => {
    server = await startServer(freshFolder('console-health'));
    project = await createProject(server, [], 'Harbour');
    await project.track([{ event: 'Open', properties: { distinct_id: 'a', time: Date.now() } }]);
    browser = await launch();
    const { url } = await weirJson(server.data, ['login-link']);
    const context = await browser.newContext();
    await (await context.newPage()).goto(url);
    state = await context.storageState();
    await context.close();
});
after(async () => {
    await browser?.close();
    await server?.stop();
});

async function open(tab, viewport) {
    const context = await browser.newContext({ viewport, reducedMotion: 'reduce', storageState: state });
    await context.addInitScript(() => addEventListener('securitypolicyviolation', (e) => console.error(`policy: ${e.violatedDirective}`)));
    const page = await context.newPage();
    page.on('console', (m) => m.type() === 'error' && broken.push(`${m.location().url}: ${m.text()}`));
    page.on('pageerror', (e) => broken.push(e.stack));
    await page.goto(`${server.teamUrl}/#/${project.id}/health?tab=${tab}`);
    await page.locator('.health-page').waitFor();
    return page;
}

// What the public page's readers get; asked until it is as expected, for at most five seconds.
async function published(file, fits) {
    let body;
    for (const end = Date.now() + 5000; Date.now() < end; await sleep(50)) {
        const r = await fetch(`${server.publicUrl}/api/v2/${file}.json`);
        body = r.status === 200 ? await r.json() : null;
        if (body && fits(body)) return body;
    }
    return assert.fail(`${file}: ${JSON.stringify(body)?.slice(0, 500)}`);
}

test('a service is described: the page, then a component with what is watched', { timeout: 60000 }, async () => {
    const page = await open('page', wide);
    await page.getByLabel('Name of the service').fill('Harbour');
    await page.getByLabel(/Project that its problem reports go to/).selectOption({ label: 'Harbour' });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved, and on the page.').waitFor();
    await page.getByRole('button', { name: 'Component' }).click();
    const dialog = page.locator('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill('Payments');
    await dialog.getByLabel('When something is not ordinary').selectOption('public');
    await dialog.getByRole('button', { name: 'Event' }).first().click();
    await dialog.getByRole('button', { name: 'Add it' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('Payments').first().waitFor();
    const { components } = await published('components', (b) => b.components.length === 1);
    assert.deepStrictEqual([components[0].name, components[0].status], ['Payments', 'operational']);
    await page.context().close();
});

test('at night, on a phone: an incident is opened, told on, resolved and explained', { timeout: 90000 }, async () => {
    const page = await open('incidents', phone);
    await page.getByRole('button', { name: 'Incident', exact: true }).click();
    const dialog = page.locator('dialog');
    await dialog.getByLabel('What people notice').fill('Cards are <b>refused</b>');
    await dialog.getByLabel('What you know').fill('We are looking into it.');
    await dialog.getByLabel('State of Payments').selectOption('major_outage');
    await dialog.getByRole('button', { name: 'Open the incident' }).click();
    await page.getByRole('button', { name: 'Say it' }).waitFor();
    const first = await published('summary', (b) => b.incidents.length === 1);
    assert.deepStrictEqual([first.incidents[0].name, first.incidents[0].status, first.components[0].status, first.status.indicator], ['Cards are <b>refused</b>', 'investigating', 'major_outage', 'critical']);
    await page.getByRole('button', { name: 'Monitoring' }).click();
    await page.getByRole('button', { name: 'Say it' }).click();
    await published('incidents', (b) => b.incidents[0].status === 'monitoring' && b.incidents[0].incident_updates.length === 2);
    await page.getByRole('button', { name: 'Resolved' }).click();
    await page.getByRole('button', { name: 'Resolve', exact: true }).click();
    await page.getByLabel('Postmortem').fill('A certificate had ended.');
    await page.getByRole('button', { name: 'Publish it' }).click();
    const last = await published('incidents', (b) => b.incidents[0].status === 'postmortem');
    assert.ok(last.incidents[0].resolved_at);
    const { status } = await published('status', (b) => b.status.indicator === 'none');
    assert.strictEqual(status.description, 'All Systems Operational');
    await page.context().close();
});

test('planned work stands on the page ahead of time', { timeout: 60000 }, async () => {
    const page = await open('incidents', wide);
    await page.getByRole('button', { name: 'Maintenance' }).last().click();
    const dialog = page.locator('dialog'), soon = (hours) => new Date(Date.now() + hours * 3600e3).toISOString().slice(0, 16);
    await dialog.getByLabel('What will be done').fill('New disks');
    await dialog.getByLabel(/^From/).fill(soon(24));
    await dialog.getByLabel('Until').fill(soon(25));
    await dialog.getByLabel('Payments').check();
    await dialog.getByRole('button', { name: 'Plan it' }).click();
    await page.getByText('Say what is new').waitFor();
    const { scheduled_maintenances: [work] } = await published('scheduled-maintenances/upcoming', (b) => b.scheduled_maintenances.length === 1);
    assert.deepStrictEqual([work.name, work.status], ['New disks', 'scheduled']);
    await page.context().close();
});

for (const [size, viewport] of [['wide', wide], ['phone', phone]]) {
    test(`axe finds nothing on the status desk and nothing sticks out (${size})`, { timeout: 60000 }, async () => {
        const page = await open('board', viewport);
        for (const tab of ['board', 'incidents', 'monitors', 'subscribers', 'page']) {
            await page.goto(`${server.teamUrl}/#/${project.id}/health?tab=${tab}`);
            await page.locator('.health-page :is(.card, .calm)').first().waitFor();
            await page.evaluate(axe);
            const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
            assert.deepStrictEqual(violations.map((v) => `${v.id}: ${v.nodes[0].html}`), [], tab);
            assert.ok(await page.evaluate(() => document.querySelector('main').scrollWidth <= innerWidth), `${tab} is wider than the window`);
        }
        await page.context().close();
    });
}

test('no part of the desk wrote an error to the console or broke its policy', () => assert.deepStrictEqual(broken, []));
