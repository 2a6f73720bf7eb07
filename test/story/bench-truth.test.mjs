// bench-truth.test.mjs: a million events of the benchmark's data piped into `weir import`, and Q1 to Q9 compared with DuckDB's
// answers on the same data. Ten million with --long.
import assert from 'node:assert';
import { execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { DuckDBInstance } from '@duckdb/node-api';
import { difference } from '../../bench/agree.mjs';
import * as peer from '../../bench/duckdb.mjs';
import { exportDay, questions } from '../../bench/questions.mjs';
import { createProject } from './lib/project.mjs';
import { binary, freshFolder, long, root, startServer, weir } from './lib/server.mjs';

const events = long ? 10e6 : 1e6, persons = events / 20;
const folder = freshFolder('bench-truth'), csv = path.join(folder, 'events.csv'), generator = path.join(folder, 'generate');
let server, project, duck;

before(async () => {
    execFileSync('gcc', ['-std=gnu17', '-D_GNU_SOURCE', '-O2', path.join(root, 'bench/generate.c'), '-o', generator, '-lm']);
    server = await startServer(path.join(folder, 'data'));
    project = await createProject(server, [], 'Bench');
}, { timeout: 60000 });
after(async () => {
    duck?.closeSync();
    await server?.stop();
});

const plain = (v) => (typeof v === 'bigint' ? Number(v) : v === null ? null : v);
async function rowsOf(sql) {
    const reader = await duck.runAndReadAll(sql);
    return reader.getRows().map((r) => r.map(plain));
}

test(`${events.toLocaleString('en')} events go through weir import`, { timeout: long ? 1800e3 : 240e3 }, async () => {
    const source = spawn(generator, [String(events), String(persons), '--ndjson', '-', '--csv', csv], { stdio: ['ignore', 'pipe', 'inherit'] });
    const begin = Date.now();
    const r = await weir(server.data, ['import', '--project', String(project.id), '-', '--json'], { input: source.stdout, timeout: long ? 1800e3 : 240e3 });
    assert.strictEqual(r.code, 0, r.stderr);
    assert.deepStrictEqual([r.json.imported, r.json.duplicates, r.json.failed], [events, 0, []]);
    console.log(`imported ${Math.round(events / (Date.now() - begin) * 1000).toLocaleString('en')} events/s (wall)`);
    const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
    duck = await instance.connect();
    await duck.run(peer.load(csv, 'none'));
    assert.deepStrictEqual(await rowsOf('SELECT count(*) FROM ev'), [[events]]);
});

for (const q of questions) {
    test(`${q.name}: ${q.says}`, { timeout: 120000 }, async () => {
        const answer = await project.query(q.query);
        const want = await rowsOf(peer.questions[q.name](1e6));
        assert.strictEqual(difference(want, q.rows(answer)), null);
        console.log(`${q.name}: ${want.length} rows, ${answer.elapsed_ms} ms`);
    });
}

test(`${exportDay.name}: ${exportDay.says}`, { timeout: 240000 }, async () => {
    const names = ['event', 'user_id', 'os', 'browser', 'country', 'city', 'plan', 'referrer', 'utm_source', 'path', 'org_id', 'session_id'];
    const want = await rowsOf(`SELECT epoch_ms(ts), ${names.join(', ')}, revenue FROM ev WHERE ${exportDay.where}`);
    const child = spawn(binary, ['export', '--data', server.data, '--project', String(project.id), '--from', exportDay.from, '--to', exportDay.to]);
    const chunks = [];
    for await (const d of child.stdout) chunks.push(d);
    const got = Buffer.concat(chunks).toString().split('\n').filter(Boolean).map((l) => {
        const { event, properties: p } = JSON.parse(l);
        return [Math.round(p.time >= 1e11 ? p.time : p.time * 1000), ...names.map((n) => (n === 'event' ? event : n === 'user_id' ? p.distinct_id : p[n])), p.revenue ?? null];
    });
    assert.strictEqual(difference(want, got), null);
});
