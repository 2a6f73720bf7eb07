// probes.test.mjs: monitors from the command line to the incident: real servers on loopback are watched by the courier and by agents at
// other places; they die, come back, send the prober elsewhere; the prober itself loses its network.
import assert from 'node:assert';
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createProject } from './lib/project.mjs';
import { binary as weirBinary, freshFolder, hasCommand, long, sleep, startServer, weirJson } from './lib/server.mjs';

let server, project;
const closing = [];
const listen = (s, port = 0, host = '127.0.0.1') => new Promise((resolve) => s.listen(port, host, () => resolve(s.address().port)));
const track = (s) => { const open = new Set(); s.on('connection', (c) => { open.add(c); c.on('close', () => open.delete(c)); }); return { kill: () => { for (const c of open) c.destroy(); s.close(); } }; };
async function web(handler = (q, r) => r.end('{"state":"up"}'), port = 0) {
    const s = http.createServer(handler), life = track(s);
    const at = await listen(s, port);
    closing.push(life.kill);
    return { port: at, url: `http://127.0.0.1:${at}`, ...life };
}
async function until(what, limit_ms, look) {
    for (const end = Date.now() + limit_ms; ;) {
        const got = await look();
        if (got) return got;
        if (Date.now() > end) throw new Error(`${what}: not within ${limit_ms} ms`);
        await sleep(100);
    }
}
// What the tests do, on a server of theirs.
function kit(of) {
    const command = (...words) => weirJson(of().data, words);
    const monitor = (...words) => command('monitor', ...words);
    const show = (m) => monitor('show', String(m.number));
    const state = (m, wanted, limit_ms) => until(`monitor ${m.name} ${wanted}`, limit_ms, async () => { const now = await show(m); return now.state === wanted && now; });
    const component = (name) => command('component', 'create', name, '--rule', 'public');
    const incidents = async (c) => (await command('incident', 'list')).incidents.filter((i) => i.components.includes(c.id));
    return { command, monitor, show, state, component, incidents };
}
const { command, monitor, show, state, component, incidents } = kit(() => server);

before(async () => {
    server = await startServer(freshFolder('probes'), { args: ['--allow-internal', '127.0.0.1/32,10.77.0.0/24'] });
    project = await createProject(server);
    await command('status', 'set', '--project', String(project.id));
});
after(async () => {
    await server?.stop();
    for (const f of closing.reverse()) await f();
});

describe('monitors', { concurrency: 10 }, () => {
    test('a service that dies is an incident within its interval and retries, and ends when it is back', { timeout: 60000 }, async () => {
        const s = await web();
        const c = await component('Shop');
        const m = await monitor('create', 'shop', `${s.url}/health`, '--every', '5', '--component', c.id, '--confirm_s=0.4', '--json=state', '--json_is=up');
        await state(m, 'up', 8000);
        s.kill();
        const died = Date.now();
        const [found] = await until('an incident', 12000, async () => { const all = await incidents(c); return all.length > 0 && all; });
        const took = (Date.now() - died) / 1000;
        // An interval of 5 s and two retries 0.4 s apart; 30 s and 5 s keep the same proportion: 40 s.
        assert.ok(took < 5 + 2 * 0.4 + 1.5, `took ${took} s`);
        assert.strictEqual(found.impact, 'critical');
        const back = await web(undefined, s.port);
        await state(m, 'up', 8000);
        await until('the end of the incident', 15000, async () => (await incidents(c)).every((i) => ['resolved', 'monitoring'].includes(i.status)));
        const told = await show(m);
        assert.ok(told.results.some((b) => b.up === 'down') && told.results.some((b) => b.up === 'pending'));
        assert.ok(told.places_last[0].last.phases_ms.connect > 0);
        back.kill();
        await monitor('delete', String(m.number));
    });

    test('what may not be reached is refused, by address, by name and by redirect, and nobody there hears of it', { timeout: 30000 }, async () => {
        let heard = 0;
        const inside = http.createServer((q, r) => { heard++; r.end('secret'); });
        const port = await listen(inside, 0, '127.0.0.2');
        closing.push(() => inside.close());
        const s = await web((q, r) => { r.writeHead(302, { location: q.url === '/name' ? `http://localhost.localdomain:${port}/` : `http://127.0.0.2:${port}/` }); r.end(); });
        const fault = async (target, ...more) => (await monitor('try', target, ...more)).fault;
        assert.strictEqual(await fault(`http://127.0.0.2:${port}/`), 'forbidden');
        assert.strictEqual(await fault(`http://[::ffff:127.0.0.2]:${port}/`), 'forbidden');
        assert.strictEqual(await fault(`http://2130706434:${port}/`), 'forbidden');
        assert.strictEqual(await fault(`${s.url}/address`), 'forbidden');
        assert.strictEqual(await fault('http://169.254.169.254/latest/meta-data/'), 'forbidden');
        assert.strictEqual(await fault(`127.0.0.2:${port}`, '--kind', 'tcp'), 'forbidden');
        assert.strictEqual(await fault('127.0.0.2', '--kind', 'icmp'), 'forbidden');
        assert.strictEqual(heard, 0);
    });

    test('certificates: a good one, one of an unknown issuer, one that ends soon', { timeout: 30000 }, async () => {
        const folder = freshFolder('probe-tls'), key = path.join(folder, 'key.pem'), cert = path.join(folder, 'cert.pem');
        execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '20', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' });
        const s = https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (q, r) => r.end('ok'));
        const port = await listen(s);
        closing.push(() => s.close());
        const ca = `--ca=${readFileSync(cert, 'utf8')}`;
        const good = await monitor('try', `https://127.0.0.1:${port}/`, ca);
        assert.deepStrictEqual([good.up, good.cert_days >= 19 && good.cert_days <= 20], ['up', true]);
        assert.ok(good.phases_ms.tls > 0);
        assert.strictEqual((await monitor('try', `https://127.0.0.1:${port}/`)).fault, 'certificate');
        assert.strictEqual((await monitor('try', `https://127.0.0.1:${port}/`, ca, '--cert_days=30')).fault, 'certificate');
        const bare = await monitor('try', `127.0.0.1:${port}`, '--kind', 'tls', ca);
        assert.deepStrictEqual([bare.up, bare.cert_days >= 19 && bare.cert_days <= 20], ['up', true]); // the day may turn between the two
        assert.strictEqual((await monitor('try', `127.0.0.1:${port}`, '--kind', 'tls', ca, '--cert_days=30')).fault, 'certificate');
    });

    test('TCP and DNS, beside the classic plugins where they are installed', { timeout: 30000 }, async () => {
        const s = net.createServer((c) => c.destroy());
        const port = await listen(s);
        closing.push(() => s.close());
        assert.strictEqual((await monitor('try', `127.0.0.1:${port}`, '--kind', 'tcp')).up, 'up');
        const w = await web((q, r) => { r.writeHead(q.url === '/' ? 200 : 503); r.end('hello'); });
        const plugin = '/usr/lib/nagios/plugins/check_http';
        for (const [url, extra, theirs] of [['/', [], []], ['/x', [], []], ['/', ['--contains=hello'], ['-s', 'hello']], ['/', ['--contains=absent'], ['-s', 'absent']]]) {
            const ours = (await monitor('try', `${w.url}${url}`, ...extra)).up;
            const classic = await new Promise((resolve) => execFile(plugin, ['-H', '127.0.0.1', '-p', String(w.port), '-u', url, ...theirs], (e) => resolve(e ? e.code : 0)));
            if (classic !== 'ENOENT') assert.strictEqual(ours === 'up', classic === 0, `${url} ${theirs}`);
        }
        if (!hasCommand('dnsmasq')) return;
        const dns = spawn('dnsmasq', ['--keep-in-foreground', '--no-resolv', '--no-hosts', '--conf-file=/dev/null', '--listen-address=127.0.0.1', '--bind-interfaces', '--port=18053', '--pid-file=', '--user=root', '--address=/shop.example/192.0.2.7', '--mx-host=shop.example,mx.shop.example,10'], { stdio: 'ignore' });
        closing.push(() => dns.kill());
        await sleep(300);
        const ask = (...more) => monitor('try', 'shop.example', '--kind', 'dns', '--dns_server=127.0.0.1:18053', ...more);
        assert.strictEqual((await ask('--answers=["192.0.2.7"]')).up, 'up');
        assert.strictEqual((await ask('--answers=["192.0.2.8"]')).fault, 'answer');
        assert.strictEqual((await ask('--dns_type=MX', '--answers=["10 mx.shop.example"]')).up, 'up');
    });

    test('a heartbeat that stops is a down, one that comes again an up', { timeout: 40000 }, async () => {
        const m = await monitor('create', 'nightly job', '--kind', 'push', '--every', '5', '--grace_s=1');
        assert.match(m.push_url, /\/api\/push\/[a-z0-9]{32}$/);
        const beat = async () => { const r = await fetch(`${m.push_url}?status=up&msg=OK&ping=12`); return r.status === 200 && (await r.json()).ok; };
        await until('the door and the console know the monitor', 15000, async () => (await beat()) && (await show(m)).state === 'up');
        await state(m, 'down', 9000);
        assert.strictEqual((await show(m)).places_last[0].last.fault, 'missed');
        assert.ok(await beat());
        await state(m, 'up', 4000);
        await monitor('delete', String(m.number));
    });

    test('what hangs behind a dead parent raises nothing of its own', { timeout: 40000 }, async () => {
        const gateway = await web(), app = await web();
        const c = await component('App');
        const parent = await monitor('create', 'gateway', gateway.url, '--every', '6', '--confirm_s=0.4');
        const child = await monitor('create', 'app', app.url, '--every', '5', '--confirm_s=0.4', '--component', c.id, `--parent=${parent.number}`);
        await state(parent, 'up', 8000);
        await state(child, 'up', 8000);
        gateway.kill();
        app.kill();
        await state(parent, 'down', 10000);
        await state(child, 'down', 10000);
        await sleep(1500);
        assert.deepStrictEqual(await incidents(c), [], JSON.stringify([await show(parent), await show(child)]));
        for (const m of [child, parent]) await monitor('delete', String(m.number));
    });

    test('places: one that is alone with its down alarms nobody, an agent reports over the public door', { timeout: 60000 }, async () => {
        const s = await web(), own = await startServer(freshFolder('places'), { args: ['--allow-internal', '127.0.0.1/32'] });
        closing.push(() => own.stop());
        const { command, monitor, show, state, component, incidents } = kit(() => own);
        const project = await createProject(own);
        await command('status', 'set', '--project', String(project.id));
        const c = await component('Everywhere');
        const agents = [];
        for (const name of ['fra', 'nyc']) {
            const made = await command('agent', 'create', name);
            assert.match(made.key, /^wa_[a-z0-9]{32}$/);
            // The place "nyc" may not reach anything: its word is "down" while others see it up.
            const allow = name === 'fra' ? ['--allow-internal', '127.0.0.1/32'] : [];
            const child = spawn(weirBinary, ['probe', '--server', own.publicUrl, '--place', name, ...allow], { env: { ...process.env, WEIR_AGENT_KEY: made.key }, stdio: 'ignore' });
            closing.push(() => child.kill());
            agents.push({ ...made, child });
        }
        const m = await monitor('create', 'everywhere', s.url, '--every', '5', '--confirm_s=0.4', '--component', c.id);
        const words = async () => { const last = (await show(m)).places_last; return last.length === 3 && Object.fromEntries(last.map((l) => [l.place, l.last.up])); };
        const seen = await until('all three places', 20000, async () => { const w = await words(); return w && w.nyc === 'down' && w; });
        assert.deepStrictEqual(seen, { local: 'up', fra: 'up', nyc: 'down' });
        assert.strictEqual((await show(m)).state, 'up');
        assert.deepStrictEqual(await incidents(c), []);
        s.kill();
        await state(m, 'down', 12000);
        await until('the incident', 4000, async () => (await incidents(c)).length > 0);
        const stranger = await fetch(`${own.publicUrl}/status/agent`, { headers: { authorization: `Bearer wa_${'a'.repeat(32)}` } });
        assert.strictEqual(stranger.status, 401);
        const bad = await fetch(`${own.publicUrl}/status/agent`, { method: 'POST', headers: { authorization: `Bearer ${agents[0].key}` }, body: '{"beats":[{"probe":1}]}' });
        assert.strictEqual(bad.status, 400);
        for (const a of agents) {
            await command('agent', 'delete', String(a.number));
            assert.strictEqual((await fetch(`${own.publicUrl}/status/agent`, { headers: { authorization: `Bearer ${a.key}` } })).status, 401);
            a.child.kill();
        }
        await monitor('delete', String(m.number));
    });

    test('a courier that is killed comes back and goes on', { timeout: 30000 }, async () => {
        const s = await web(), own = await startServer(freshFolder('courier'), { args: ['--allow-internal', '127.0.0.1/32'] });
        closing.push(() => own.stop());
        const m = await weirJson(own.data, ['monitor', 'create', 'survivor', s.url, '--every', '5']);
        const beats = async () => (await weirJson(own.data, ['monitor', 'show', String(m.number)])).beats;
        await until('a first beat', 8000, beats);
        const killed = own.process('courier'), before = await beats();
        process.kill(killed, 'SIGKILL');
        await until('beats of the new courier', 8000, async () => (await beats()) > before);
        assert.notStrictEqual(own.process('courier'), killed);
    });

    test('a prober that loses its own link raises nothing', { timeout: 90000, skip: process.getuid() !== 0 || spawnSync('unshare', ['-n', 'true']).status !== 0 ? 'needs network namespaces' : false }, async () => {
        const folder = freshFolder('netns'), script = path.join(folder, 'run.sh'), data = path.join(folder, 'data');
        mkdirSync(data, { recursive: true });
        // Two namespaces and a cable; the targets lie behind it. Cut after all are up; 14 s later it is there again, then one target dies.
        const name = `weir${process.pid}`;
        closing.push(() => spawnSync('ip', ['netns', 'del', name]));
        execFileSync('ip', ['netns', 'add', name]);
        writeFileSync(script, `set -e
    ip link set lo up
    ip link add cable type veth peer name far netns ${name}
    ip addr add 10.77.0.1/24 dev cable
    ip link set cable up
    nsenter --net=/run/netns/${name} sh -c 'ip link set lo up; for i in 2 3 4 5; do ip addr add 10.77.0.$i/24 dev far; done; ip link set far up; ip route add default via 10.77.0.1'
    ip route add default via 10.77.0.2
    nsenter --net=/run/netns/${name} ${process.execPath} ${path.join(folder, 'targets.mjs')} >/dev/null &
    echo $! >${path.join(folder, 'pid')}
    exec ${weirBinary} serve --data ${data} --public 127.0.0.1:0 --team 127.0.0.1:0 --allow-internal 10.77.0.0/24 --references 10.77.0.5:80
    `);
        writeFileSync(path.join(folder, 'targets.mjs'), `import http from 'node:http';
    for (const i of [2, 3, 4, 5]) { const s = http.createServer((q, r) => { if (q.url === '/die') { r.end(); s.closeAllConnections?.(); s.close(); } else r.end('ok'); }); s.listen(80, '10.77.0.' + i); }
    `);
        const child = spawn('unshare', ['-n', 'bash', script], { stdio: ['ignore', 'pipe', 'inherit'] });
        closing.push(() => { child.stdout.destroy(); child.kill(); });
        await new Promise((resolve, reject) => {
            child.stdout.on('data', (d) => String(d).includes('ready') && resolve());
            child.on('exit', (code) => reject(new Error(`the server beyond the cable ended with code ${code}`)));
        });
        closing.push(() => process.kill(Number(readFileSync(path.join(folder, 'pid'), 'utf8'))));
        const inside = (...words) => execFileSync('nsenter', ['-t', String(child.pid), '-n', ...words]);
        const w = (...words) => weirJson(data, words);
        const c = await w('component', 'create', 'Far', '--rule', 'public');
        const all = [];
        for (const i of [2, 3, 4]) all.push(await w('monitor', 'create', `far ${i}`, `http://10.77.0.${i}/`, '--every', '5', '--confirm_s=0.5', '--component', c.id, '--timeout_s=1'));
        const look = async () => (await w('monitor', 'list')).monitors.map((m) => m.state);
        await until('all up', 15000, async () => (await look()).every((s) => s === 'up'));
        const far = ['nsenter', `--net=/run/netns/${name}`]; // as `ip netns exec`, which needs a root that is a mount point
        const cuts = [[...far, 'ip', 'link', 'set', 'far', 'down'], ['ip', 'link', 'set', 'cable', 'down']];
        for (const how of long ? cuts : cuts.slice(0, 1)) {
            (how[0] === 'nsenter' ? (...x) => execFileSync(x[0], x.slice(1)) : inside)(...how);
            await until('nobody knows', 14000, async () => (await look()).every((s) => s !== 'up'));
            await sleep(3000);
            assert.deepStrictEqual(await look(), ['unknown', 'unknown', 'unknown']);
            assert.deepStrictEqual((await w('incident', 'list')).incidents, []);
            const undo = how.map((x) => (x === 'down' ? 'up' : x));
            (how[0] === 'nsenter' ? (...x) => execFileSync(x[0], x.slice(1)) : inside)(...undo);
            if (how[0] !== 'nsenter') inside('ip', 'route', 'replace', 'default', 'via', '10.77.0.2');
            await until('all up again', 15000, async () => (await look()).every((s) => s === 'up'));
            assert.deepStrictEqual((await w('incident', 'list')).incidents, []);
        }
        inside('curl', '-s', 'http://10.77.0.3/die');
        await until('the one that dies is an incident', 12000, async () => (await w('incident', 'list')).incidents.length === 1);
    });
});
