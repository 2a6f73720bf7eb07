// scale.mjs: what a number of events takes on one machine, from the constants that were measured: `node bench/scale.mjs [EVENTS...] [--write]`.
// Reads bench/results-100M.md, or results.md where there is none (disk, CPU of each question, load) and the few constants below, simulates flushes and merges by the rule of
// src/store/choose.c, and prints the tables of doc/scale.md; --write puts them there between their marks.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const here = (name) => new URL(name, import.meta.url);
const source = existsSync(here('results-100M.md')) ? 'results-100M.md' : 'results.md'; // the larger bench is nearer
const results = readFileSync(here(source), 'utf8');
const number = (text) => Number(String(text).replaceAll(',', '').replace(/[^0-9.]/g, ''));

// ---- what results.md says ----
const [, measuredEvents, measuredPeople] = /# The bench: ([\d,]+) events of ([\d,]+) people/.exec(results).map(number);
function table(heading, text = results) {
    const lines = text.slice(text.indexOf(`## ${heading}`)).split('\n').slice(1);
    const rows = lines.slice(lines.findIndex((l) => l.startsWith('|')));
    return rows.slice(0, rows.findIndex((l) => !l.startsWith('|'))).map((l) => l.split('|').slice(1, -1).map((c) => c.trim()));
}
const questions = (() => {
    const [head, , ...rows] = table('Questions, CPU ms');
    const at = head.indexOf('Weir');
    return rows.map((r) => [r[0], number(r[at])]);
})();
const loadOf = (text) => number(table('Load and disk', text).find((r) => r[0] === 'Weir')?.[4] ?? 0); // merges counted
const perEvent = number(/\| bytes per event, sealed text apart \| [^|]+\| ([^|]+)\|/.exec(results)[1]);
const [, sealedN, , sealedEach] = /Sealed text apart: ([\d,]+) distinct values \(per part\), ([\d.]+) MB, ([\d.]+) bytes each/.exec(results).map(number);
const eventsPerCpuSecond = loadOf(results) || loadOf(readFileSync(here('results.md'), 'utf8')); // a folder may have come loaded

// ---- what was measured beside it (doc/scale.md says where) ----
const JOURNAL_BYTES = 134;       // per event, until parts hold it (src/journal/README.md)
const REWRITE_ROWS = 3.2e6;      // rows of parts written anew or merged per CPU second (doc/erasure.md)
const PROFILE_BYTES = 490;       // of meta.db per profile of five properties, one of them sealed
const PROFILE_US = 2;          // to read one profile for a filter or breakdown by a person's property
const ALIAS_BYTES = 32 / 0.55 + 32; // per device with a person: table at its average fill, sorted copy for questions
const FLUSH_ROWS = 524288, THREADS = 2, SECONDS = 60;

// ---- the rule of src/store/choose.c ----
function cheapest(rows, any) {
    let best = null;
    for (let i = 0; i + 4 <= rows.length; i++) {
        let sum = 0, largest = 0;
        for (let k = i; k < rows.length; k++) {
            sum += rows[k];
            largest = Math.max(largest, rows[k]);
            if (k - i < 3) continue;
            if ((any || sum - largest >= 2 * largest) && (!best || sum < best.sum)) best = { first: i, n: k - i + 1, sum };
            if (any) break;
        }
    }
    return best;
}
function simulate(events) {
    const rows = [];
    let written = 0, most = 0;
    for (let at = 0; at < events; at += FLUSH_ROWS) {
        rows.push(Math.min(FLUSH_ROWS, events - at));
        for (let w; (w = cheapest(rows, false) ?? (rows.length > 48 ? cheapest(rows, true) : null));) {
            rows.splice(w.first, w.n, w.sum);
            written += w.sum;
        }
        most = Math.max(most, rows.length);
    }
    const parts = rows.reduce((n, r) => n + Math.max(1, Math.min(24, Math.floor(r / 131072))), 0);
    return { times: written / events, most, now: rows.length, parts, largest: Math.max(...rows) };
}

// ---- the tables ----
const show = (n, unit = '') => `${n >= 100 ? Math.round(n).toLocaleString('en-US') : n >= 10 ? n.toFixed(0) : n.toFixed(1)}${unit}`;
const md = (head, rows) => [head, head.map((_, i) => (i ? '--:' : '---')), ...rows].map((r) => `| ${r.join(' | ')} |`).join('\n');
const label = (n) => (n >= 1e9 ? `${n / 1e9} billion` : `${n / 1e6} million`);

function figures(events) {
    const people = (events * measuredPeople) / measuredEvents, sealed = ((sealedN * sealedEach) / measuredEvents) * events;
    const s = simulate(events), largestPart = s.largest / Math.min(24, Math.max(1, Math.floor(s.largest / 131072)));
    return { events, people, s, columns: perEvent * events, sealed, load: events / eventsPerCpuSecond, merges: (s.times * events) / REWRITE_ROWS, erase: events / REWRITE_ROWS, largestPart, mergeBytes: largestPart * 8 + ((people * 0.5) * 20) + largestPart * 0.27 * 4 * 2, profiles: people * PROFILE_BYTES, profileScan: (people * PROFILE_US) / 1e6, aliases: people * ALIAS_BYTES };
}
function report(sizes) {
    const all = sizes.map(figures), row = (name, f) => [name, ...all.map(f)], head = ['', ...all.map((a) => label(a.events))];
    const gb = (n) => show(n / 1e9, ' GB');
    return [
        `From ${measuredEvents.toLocaleString('en-US')} events of ${measuredPeople.toLocaleString('en-US')} people in bench/${source}; the same events per person at every size.`,
        '',
        md(head, [
            row('parts: columns', (a) => gb(a.columns)),
            row('parts: sealed text', (a) => gb(a.sealed)),
            row('free disk for the largest merge', (a) => gb((a.s.largest * (a.columns + a.sealed)) / a.events)),
            row('profiles, if everybody has one', (a) => gb(a.profiles)),
            row('journal before a flush, at most', () => gb(2 * FLUSH_ROWS * JOURNAL_BYTES)),
            row('people', (a) => show(a.people / 1e6, ' M')),
            row('memory: devices of people, if everybody has one', (a) => gb(a.aliases)),
            row('memory: the largest merge', (a) => gb(a.mergeBytes)),
            row('loading it, CPU', (a) => show(a.load / 3600, ' h')),
            row('merges since the first event, CPU', (a) => show(a.merges / 3600, ' h')),
            row('times a row was merged', (a) => a.s.times.toFixed(1)),
            row('generations now, at most', (a) => `${a.s.now}, ${a.s.most}`),
            row('erasing a person who is in every part, CPU', (a) => show(a.erase, ' s')),
            row('a filter by a person\'s property, once per question, CPU', (a) => show(a.profileScan, ' s')),
        ]),
        '',
        md(['CPU seconds', ...all.map((a) => label(a.events)), `${THREADS} threads, ${SECONDS} s end at`], questions.map(([q, ms]) => [q, ...all.map((a) => show(((ms / 1000) * a.events) / measuredEvents)), label(Number(((THREADS * SECONDS * measuredEvents) / (ms / 1000)).toPrecision(2)))])),
    ].join('\n');
}

const sizes = process.argv.slice(2).filter((a) => a !== '--write').map(number);
const text = report(sizes.length ? sizes : [1e7, 1e8, 1e9]);
if (process.argv.includes('--write')) {
    const file = here('../doc/scale.md'), page = readFileSync(file, 'utf8');
    writeFileSync(file, page.replace(/(<!-- scale -->\n)[^]*(\n<!-- end -->)/, (_, a, b) => a + text + b));
} else {
    console.log(text);
}
