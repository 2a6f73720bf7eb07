// JavaScript computes and opens the bytes that C does: the same files as test/seal/vectors_test.c.
//   cd test && npm ci && node --test vectors/
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import sodium from 'libsodium-wrappers-sumo';

import * as weir from './open.js';

await sodium.ready;
const hex = sodium.from_hex;
const cases = (name) => JSON.parse(readFileSync(new URL(`./${name}.json`, import.meta.url), 'utf8')).cases;
const same = (bytes, expected, what) => assert.equal(sodium.to_hex(bytes), expected, what);

const given = (c) => ({
  teamPublic: hex(c.team_public),
  teamSecret: hex(c.team_secret),
  project: BigInt(c.project),
  frame: hex(c.frame),
  box: hex(c.box),
  ordinal: BigInt(c.ordinal),
  kind: Number(c.kind),
  type: Number(c.type),
  hashKey: hex(c.hash_key),
  path: hex(c.path),
  hash: hex(c.hash),
  ciphertext: hex(c.ciphertext),
});

test('a project\'s keys are derived alike', () => {
  for (const c of cases('keys')) {
    const keys = weir.deriveKeys(sodium, hex(c.root), hex(c.salt));
    for (const name of ['pseudonym', 'hash', 'count', 'view']) same(keys[name], c[name], name);
  }
});

const constructions = {
  hash: (key, c) =>
    weir.textHash(sodium, key, { kind: c.kind, type: c.type, path: hex(c.path), value: hex(c.value) }),
  pseudonym: (key, c) => weir.pseudonym(sodium, key, hex(c.value)),
  pseudonym_rotate: (key, c) => weir.pseudonym(sodium, key, hex(c.value)),
  hash_rotate: (key, c) => weir.rotatedHash(sodium, key, hex(c.value)),
  fingerprint: (key, c) => weir.fingerprint(sodium, key, hex(c.value)),
  handle_text: (key, c) => weir.handle(sodium, key, 1, hex(c.value)),
  handle_person: (key, c) => weir.handle(sodium, key, 2, hex(c.value)),
};

test('every name of a thing is computed alike', () => {
  const met = new Set();
  for (const c of cases('names')) {
    met.add(c.construction);
    same(constructions[c.construction](hex(c.key), c), c.out, c.construction);
  }
  assert.deepEqual([...met].sort(), Object.keys(constructions).sort());
});

test('what C sealed opens, and the padding is the same', () => {
  for (const c of cases('sealed')) {
    const { value, frameKey } = weir.openSealed(sodium, given(c));
    same(value, c.value);
    same(frameKey, c.frame_key);
    same(sodium.pad(hex(c.value), 16), c.padded);
  }
});

test('what JavaScript seals is what C sealed', () => {
  for (const c of cases('sealed')) {
    const g = given(c);
    const ad = weir.joined(new TextEncoder().encode('WeirST1\0'), weir.little(g.project, 8), g.frame, weir.little(g.ordinal, 8));
    const nonce = weir.joined(weir.little(g.ordinal, 8), new Uint8Array(16));
    same(sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(hex(c.padded), ad, null, nonce, hex(c.frame_key)), c.ciphertext);
  }
});

for (const c of cases('refused'))
  test(`refused at the ${c.refused_at}: ${c.what}`, () => {
    assert.throws(() => weir.openSealed(sodium, given(c)), { at: c.refused_at });
  });

test('the wrapped team key opens by passphrase and by recovery code, however it is typed', () => {
  const [c] = cases('wrapped');
  const file = sodium.to_string(hex(c.file));
  same(weir.unwrapTeam(sodium, file, { passphrase: hex(c.passphrase) }), c.team_secret);
  const sloppy = ` ${c.recovery.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')}\n`;
  for (const code of [c.recovery, sloppy]) same(weir.unwrapTeam(sodium, file, { code }), c.team_secret);
  same(sodium.crypto_scalarmult_base(hex(c.team_secret)), c.team_public);
  same(weir.teamKeyId(sodium, hex(c.team_public)).reverse(), c.key_id);
});

test('a mistyped recovery code is noticed, a strange one opens nothing', () => {
  const [c] = cases('wrapped');
  for (let i = 0; i < 39; i++) {
    const at = i + Math.floor(i / 5);
    const wrong = c.recovery.slice(0, at) + (c.recovery[at] === '7' ? '8' : '7') + c.recovery.slice(at + 1);
    assert.equal(weir.readCode(wrong), null);
  }
  assert.equal(weir.unwrapTeam(sodium, sodium.to_string(hex(c.file)), { code: '0'.repeat(40) }), null);
});
