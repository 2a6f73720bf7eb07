// report.mjs: the figures as a page: results.md here for 10 M events, results-100M.md for 100 M; other sizes stay in the data folder.
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { here, number } from './measure.mjs';

const ms = (v) => (v >= 100 ? number(v) : v >= 10 ? v.toFixed(1) : v.toFixed(2));
const row = (...cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [row(...head), row(...head.map((_, i) => (i ? '--:' : '---'))), ...rows.map((r) => row(...r))].join('\n');
const factors = { Q1: 2, Q2: 2, Q3: 2, Q4: 20, Q5: 20, Q6: 20, Q7: 2, Q8: 20, Q9: 1 };

function best(answers) {
    return Object.entries(answers).filter(([name]) => name !== 'Weir').reduce((a, [name, v]) => (!a || v.cpu_ms < a.cpu_ms ? { name, ...v } : a), null);
}
const verdict = (ok) => (ok ? 'met' : '**not met**');

function cpu(r) {
    const names = Object.keys(r.questions.Q1), peers = names.filter((n) => n !== 'Weir');
    return table(['', ...peers, 'Weir', 'better peer / Weir', 'target', ''], Object.entries(r.questions).map(([q, a]) => {
        if (!peers.length) return [q, ms(a.Weir.cpu_ms), '', `${factors[q]}x`, ''];
        const ratio = best(a).cpu_ms / a.Weir.cpu_ms;
        return [q, ...peers.map((n) => ms(a[n].cpu_ms)), ms(a.Weir.cpu_ms), `${ratio.toFixed(1)}x`, `${factors[q]}x`, verdict(ratio >= factors[q])];
    }));
}
const grid = (r, key) => {
    const names = Object.keys(r.questions.Q1);
    return table(['', ...names], Object.entries(r.questions).map(([q, a]) => [q, ...names.map((n) => ms(Math.max(0, a[n][key])))]));
};

function loads(r) {
    return table(['', 'from', 'events/s, wall', 'events per CPU second', 'the same, merges counted', 'bytes per event'], Object.entries(r.loads).map(([name, l]) => [
        name, l.from, number(r.events / l.wall_ms * 1000), l.cpu_ms ? number(r.events / l.cpu_ms * 1000) : 'not measured', l.cpu_ms ? number(r.events / (l.cpu_ms + (l.merge_cpu_ms ?? 0)) * 1000) : 'not measured',
        (name === 'Weir' ? r.sizes.events_bytes / r.sizes.rows : l.bytes / r.events).toFixed(1),
    ]));
}

function bytes(r) {
    const s = r.sizes, kinds = Object.entries(s.by).filter(([k]) => !['sealed', 'ciphertext'].includes(k)).sort((a, b) => b[1] - a[1]);
    return `${s.parts} part files, ${number(s.rows)} rows. Per event: ${kinds.filter(([, v]) => v / s.rows >= 0.005).map(([k, v]) => `${k} ${(v / s.rows).toFixed(2)}`).join(', ')}.
Sealed text apart: ${number(s.sealed_n)} distinct values (per part), ${(s.sealed_bytes / 1e6).toFixed(1)} MB, ${(s.sealed_bytes / Math.max(1, s.sealed_n)).toFixed(1)} bytes each, of which ${(s.cipher_bytes / Math.max(1, s.sealed_n)).toFixed(1)} are ciphertext; with it the part files hold ${((s.events_bytes + s.sealed_bytes) / s.rows).toFixed(1)} bytes per event.`;
}

function targets(r) {
    const weir = r.loads.Weir, click = r.loads['ClickHouse (user, ts)'], s = r.sizes, n = (v) => number(v), rows = [];
    const add = (what, target, figure, ok) => rows.push([what, target, figure, verdict(ok)]);
    add('bytes per event, sealed text apart', '12', (s.events_bytes / s.rows).toFixed(1), s.events_bytes / s.rows <= 12);
    if (s.sealed_n) add('sealed text per distinct value, over its ciphertext', '40', ((s.sealed_bytes - s.cipher_bytes) / s.sealed_n).toFixed(1), (s.sealed_bytes - s.cipher_bytes) / s.sealed_n <= 40);
    add('import, events/s', '300,000', n(r.events / weir.wall_ms * 1000), r.events / weir.wall_ms * 1000 >= 3e5);
    if (click?.from === 'JSONEachRow') add('import per CPU second, over ClickHouse\'s JSONEachRow of the same lines', '2x', `${(click.cpu_ms / weir.cpu_ms).toFixed(2)}x`, click.cpu_ms / weir.cpu_ms >= 2);
    const peak = Math.max(...Object.values(r.questions).map((a) => a.Weir.peak_mb));
    add('peak anonymous memory of any question, MB, all processes', '400', n(peak), peak <= 400);
    const beacons = r.ingest?.[0];
    if (beacons) add('durable single-event requests per server CPU second', '20,000', n(beacons.requests_all), beacons.requests_all >= 20000);
    add('resident at rest, all processes, MB', '40', r.idle.rss.toFixed(1), r.idle.rss <= 40);
    add('start to ready, ms', '300', n(r.startUp.median_ms), r.startUp.median_ms <= 300);
    return table(['', 'target', 'measured', ''], rows);
}

const readers = (r) => table(['questions at once', 'answered/s', 'p50 ms', 'p95 ms', 'worst ms', 'Q1 p95 ms', 'refused', 'CPUs used', 'anonymous MB', 'events taken/s'],
    r.readers.map((x) => [x.n, x.per_second.toFixed(1), ms(x.p50), ms(x.p95), ms(x.worst), ms(x.short_p95), x.refused, x.cpu_share.toFixed(2), number(x.peak_mb), number(x.fed.per_second)]));
const ingested = (r) => table(['', 'requests/s', 'events/s', 'requests per CPU second, front', 'all processes', 'events per CPU second, front', 'all processes', 'p50 ms', 'p99 ms', 'refused', 'lost'],
    r.ingest.map((x) => [x.name, number(x.requests_s), number(x.events_s), number(x.requests_front), number(x.requests_all), number(x.events_front), number(x.events_all), ms(x.p50_ms), ms(x.p99_ms), x.refused, x.lost]));

const peered = (r) => Object.keys(r.questions.Q1).length > 1;

function page(r) {
    const model = /model name\s*:\s*(.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? os.arch();
    const share = (k) => `${Math.round(100 * r.loads.Weir[k] / r.loads.Weir.cpu_ms)} %`;
    const parts = [
        `# The bench: ${number(r.events)} events of ${number(r.persons)} people`,
        `${r.date.slice(0, 16).replace('T', ' ')} UTC, commit ${r.commit}. ${os.cpus().length} CPUs (${model}), ${Math.round(os.totalmem() / 2 ** 30)} GB, Linux ${os.release()}. Written by \`./dev bench${r.size === '10M' ? '' : ` --size ${r.size}`}\`.
CPU is user + system of all threads, ${r.runs > 1 ? `the median of ${r.runs} runs` : "one run"} after one unmeasured; Weir's is that of all server processes, from HTTP request to answer. Wall time on a shared machine is
not to be quoted. ${peered(r) ? 'Every peer has two threads; all answers were compared and agree.' : 'Run without the peers (`--skip peers`): theirs are in the page of another size, which says as well whether all answers agree.'} The machine's load average while the questions ran: ${r.busy.toFixed(1)}; above 2, others took part of it and CPU figures are higher too.`,
        `## Questions, CPU ms\n\n${cpu(r)}`, `## Targets beside figures\n\n${targets(r)}`, `## Questions, wall ms\n\n${grid(r, 'wall_ms')}`,
        `## Peak anonymous memory of one question, MB\n\nPeers without their host process (node); Weir with all its server processes.\n\n${grid(r, 'peak_mb')}`,
        `## Load and disk\n\nWeir folds duplicates, applies the crowd rule, seals and syncs while it loads (the command's own CPU included); the peers do none of these. ${r.loads.Weir.cpu_ms ? `Of its CPU, the command took ${share('client_ms')}, the front ${share('front_ms')}, the console ${share('console_ms')}.` : r.loads.Weir.says}\n\n${loads(r)}\n\n${bytes(r)}`,
        `## Start and rest\n\nStart to ready: median ${ms(r.startUp.median_ms)} ms, worst ${ms(r.startUp.worst_ms)} ms. At rest: ${r.idle.processes.map((p) => `${p.name} ${p.rss.toFixed(1)} MB resident (${p.anonymous.toFixed(1)} anonymous)`).join(', ')}; together ${r.idle.rss.toFixed(1)} MB, shared pages counted once ${r.idle.share.toFixed(1)} MB.`,
    ];
    if (r.readers) parts.push(`## Questions at once while 20,000 events/s arrive\n\nEach reader asks Q1 to Q8 in turn for ten seconds; readers and senders run on the same CPUs.\n\n${readers(r)}`);
    if (r.ingest) parts.push(`## Durable intake\n\nBy wrk on the same CPUs; an answer means that the events are synced to disk.\n\n${ingested(r)}`);
    return `${parts.join('\n\n')}\n`;
}

export function write(r, folder) {
    const name = { '10M': path.join(here, 'results.md'), '100M': path.join(here, 'results-100M.md') }[r.size] ?? path.join(folder, 'results.md'), text = page(r);
    writeFileSync(name, text);
    console.log(`${text}\nwritten: ${name}`);
}
