// peer.mjs: one peer in a process of its own, so that its CPU and memory are its own. A child of peers.mjs: messages { sql, want }
// in, { rows, cpu_ms, wall_ms } out. CPU is user + system of all threads.
import { createRequire } from 'node:module';

const [kind, folder] = process.argv.slice(2);
const load = createRequire(import.meta.url);

async function duckdb() {
    const { DuckDBInstance } = load('@duckdb/node-api');
    const connection = await (await DuckDBInstance.create(`${folder}/duck.db`, { threads: '2' })).connect();
    const plain = (v) => (typeof v === 'bigint' ? Number(v) : v);
    return async (sql, want) => {
        const reader = await connection.runAndReadAll(sql);
        return want ? reader.getRows().map((r) => r.map(plain)) : null;
    };
}

function clickhouse() {
    const engine = load('@chdb/lib-linux-x64-gnu');
    const connection = engine.CreateConnection(`${folder}/clickhouse`, ['--max_threads=2', '--max_insert_threads=2', '--output_format_json_quote_64bit_integers=0']);
    return async (sql, want) => {
        const text = engine.QueryWithConnection(connection, sql, 'JSONCompactEachRow');
        return want ? String(text).split('\n').filter(Boolean).map((l) => JSON.parse(l)) : null;
    };
}

const ask = await { duckdb, clickhouse }[kind]();
process.on('message', async ({ sql, want }) => {
    const used = process.cpuUsage(), begin = process.hrtime.bigint();
    try {
        const rows = await ask(sql, want);
        const wall_ms = Number(process.hrtime.bigint() - begin) / 1e6, { user, system } = process.cpuUsage(used);
        process.send({ rows, cpu_ms: (user + system) / 1000, wall_ms });
    } catch (e) {
        process.send({ error: String(e.message ?? e) });
    }
});
process.on('disconnect', () => process.exit(0));
process.send({ ready: true });
