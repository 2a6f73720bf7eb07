// sizes.mjs: where the bytes of the part files go, by their own section tables (doc/part-format.md). What only sealed text needs
// (its ciphertext, frames, positions, and its share of the hashes) is counted apart: it is paid per distinct value, not per event.
import { closeSync, fstatSync, openSync, readSync, readdirSync } from 'node:fs';
import path from 'node:path';

const kinds = ['', 'persons', 'starts', 'times', 'event codes', 'event terms', 'event rows', 'insert fingerprints', 'insert fingerprints', 'terms', 'terms', 'sealed', 'sealed', 'sealed', 'sealed', 'sealed', 'ciphertext', 'sealed', 'lists', 'lists', 'lists', 'columns', 'dictionaries', 'sparse rows', 'values'];
const TERMS = 'terms', SEALED = 'sealed', CIPHER = 'ciphertext', FIXED = 32, INFO = 144, ENTRY = 32;

function read(fd, at, n) {
    const b = Buffer.alloc(n);
    if (readSync(fd, b, 0, n, at) !== n) throw new Error('a part file is shorter than it says');
    return b;
}

function partOf(file) {
    const fd = openSync(file, 'r');
    try {
        const total = fstatSync(fd).size, trailer = read(fd, total - FIXED, FIXED);
        const footer = read(fd, Number(trailer.readBigUInt64LE(0)), Number(trailer.readBigUInt64LE(8)));
        const by = {};
        for (let at = INFO; at < footer.length; at += ENTRY) {
            const kind = kinds[footer.readUInt32LE(at)] ?? 'other';
            by[kind] = (by[kind] ?? 0) + Number(footer.readBigUInt64LE(at + 16));
        }
        return { total, by, rows: footer.readUInt32LE(48), terms: footer.readUInt32LE(72), sealed: footer.readUInt32LE(76) };
    } finally {
        closeSync(fd);
    }
}

// { parts, rows, events_bytes, sealed_bytes, sealed_n, by: bytes by kind }: events_bytes and sealed_bytes are all bytes of all files.
export function sizesOf(folder) {
    const sum = { parts: 0, rows: 0, events_bytes: 0, sealed_bytes: 0, cipher_bytes: 0, sealed_n: 0, by: {} };
    for (const name of readdirSync(folder).filter((n) => n.endsWith('.part'))) {
        const p = partOf(path.join(folder, name));
        const share = p.terms ? (p.by[TERMS] ?? 0) * p.sealed / p.terms : 0;
        const sealed = (p.by[SEALED] ?? 0) + (p.by[CIPHER] ?? 0) + share;
        sum.parts++;
        sum.rows += p.rows;
        sum.sealed_n += p.sealed;
        sum.sealed_bytes += sealed;
        sum.cipher_bytes += p.by[CIPHER] ?? 0;
        sum.events_bytes += p.total - sealed;
        for (const [kind, bytes] of Object.entries(p.by)) sum.by[kind] = (sum.by[kind] ?? 0) + bytes;
        sum.by[TERMS] -= share;
        sum.by[SEALED] = (sum.by[SEALED] ?? 0) + share;
    }
    return sum;
}
