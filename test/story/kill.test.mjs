// kill.test.mjs: kill -9 of main, front, console and courier in turn, under load from the public door. No acknowledged event is lost,
// none counted twice, `weir check` is clean each time, and what was answered 200 can be seen within a second.
import assert from 'node:assert';
import test, { after, before } from 'node:test';
import { Load } from './lib/load.mjs';
import { createProject } from './lib/project.mjs';
import { alive, long, sleep, startServer, weir } from './lib/server.mjs';

const kills = long ? 300 : 60;
let server, project, load;

before(async () => {
    server = await startServer();
    project = await createProject(server, [], 'Killed');
    load = new Load(project);
}, { timeout: 60000 });
after(() => server?.stop());

async function killOnce(name) {
    const victim = server.process(name);
    assert.ok(victim, `no process named ${name}`);
    const children = Object.values(server.processes());
    process.kill(victim, 'SIGKILL');
    if (name === 'main') {
        await server.exited;
        for (let i = 0; i < 100 && children.some(alive); i++) await sleep(20);
        assert.ok(!children.some(alive), 'children outlive main');
        await server.start();
        return;
    }
    for (let i = 0; i < 500 && (!server.process(name) || server.process(name) === victim); i++) await sleep(10);
    assert.notStrictEqual(server.process(name), victim, `${name} was not started again`);
}

test(`${kills} kills under load: nothing acknowledged is lost or doubled`, { timeout: long ? 3600e3 : 560e3 }, async () => {
    for (let i = 0; i < kills; i++) {
        const name = ['front', 'console', 'courier', 'main'][i % 4];
        load.start();
        await sleep(60 + (i * 37) % 240);
        await killOnce(name);
        await sleep(50);
        await load.stop();
        assert.deepStrictEqual(await load.settle(10000), load.expected, `after kill ${i + 1} (${name})`);
        const check = await weir(server.data, ['check', '--json']);
        assert.strictEqual(check.code, 0, `weir check after kill ${i + 1} (${name}): ${check.stderr}${check.stdout.slice(0, 800)}`);
        assert.strictEqual(check.json.ok, true);
    }
    console.log(`${load.acknowledged} events acknowledged, ${load.retries} batches sent again, ${load.refused} answers refused`);
    assert.ok(load.acknowledged > kills * 20, 'there was load');
});

test('each number is there exactly once', { timeout: 120000 }, async () => {
    for (let low = 0; low < load.next; low += 9000) {
        const { series } = await project.query({ report: 'insights', from: '2020-01-01', to: '2100-01-01', interval: 'total', limit: 10000, metrics: [{ event: 'Load', measure: 'total' }], breakdown: ['n'], filters: [{ property: 'n', op: 'between', value: [low, low + 8999] }] });
        assert.strictEqual(series.length, Math.min(9000, load.next - low));
        assert.deepStrictEqual(series.filter((s) => s.total !== 1), []);
    }
});

test('what was answered 200 is in a query within a second, under load', { timeout: 60000 }, async () => {
    load.start();
    const slowest = [];
    for (let i = 0; i < 30; i++) {
        const r = await project.track([{ event: `Seen ${i}`, properties: { distinct_id: 'a', time: Date.now() } }]);
        assert.strictEqual(await r.text(), '1');
        const begin = Date.now();
        const n = await project.waitFor(1, `Seen ${i}`, 3000);
        slowest.push(Date.now() - begin);
        assert.strictEqual(n, 1);
    }
    await load.stop();
    console.log(`visible after ${Math.max(...slowest)} ms at most`);
    assert.ok(Math.max(...slowest) <= 1000, `${slowest}`);
});

test('a folder that was killed opens with a plain command', { timeout: 60000 }, async () => {
    server.kill('SIGKILL');
    await server.exited;
    const r = await weir(server.data, ['check', '--json']);
    assert.strictEqual(r.code, 0, r.stderr);
    await server.start();
    assert.deepStrictEqual(await load.settle(10000), load.expected);
});
