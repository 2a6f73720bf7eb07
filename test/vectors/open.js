// The constructions of doc/crowd-rule.md with libsodium's JavaScript, as an opener in a browser or an audit script has
// them. `sodium` is a ready libsodium-wrappers-sumo. Bytes are Uint8Arrays, 64-bit numbers BigInts.

const ascii = (text) => new TextEncoder().encode(text);

export function joined(...pieces) {
  const out = new Uint8Array(pieces.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

export function little(value, bytes) {
  const out = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) out[i] = Number((BigInt(value) >> BigInt(8 * i)) & 0xffn);
  return out;
}

export function deriveKeys(sodium, root, salt) {
  const master = sodium.crypto_generichash(32, salt, root);
  const sub = (bytes, id) => sodium.crypto_kdf_derive_from_key(bytes, id, 'WeirKeys', master);
  return { pseudonym: sub(32, 1), hash: sub(16, 2), count: sub(16, 3), view: sub(32, 4) };
}

export const textHash = (sodium, key, { kind, type, path, value }) =>
  sodium.crypto_shorthash_siphashx24(
    joined(little(kind, 1), little(type, 1), little(path.length, 4), path, value), key);

export const pseudonym = (sodium, key, distinctId) => sodium.crypto_generichash(16, distinctId, key);
export const rotatedHash = (sodium, nextKey, hash) => sodium.crypto_shorthash_siphashx24(hash, nextKey);
export const fingerprint = (sodium, key, identity) => sodium.crypto_shorthash(identity, key);
export const handle = (sodium, key, domain, id) =>
  sodium.crypto_generichash(16, joined(little(domain, 1), id), key);

/** The key id as its eight bytes lie in files and boxes (little-endian number, so simply the first eight). */
export const teamKeyId = (sodium, publicKey) => sodium.crypto_generichash(16, publicKey).slice(0, 8);

/** The frame's key, or throws: the box is not for this team, project or frame. */
export function openBox(sodium, { box, teamPublic, teamSecret, project, frame }) {
  const content = sodium.crypto_box_seal_open(box, teamPublic, teamSecret);
  const context = joined(ascii('WeirFK1\0'), little(project, 8), teamKeyId(sodium, teamPublic), frame);
  if (content.length !== 72 || !sodium.memcmp(content.slice(0, 40), context))
    throw new Error('the box is not the one that was asked for');
  return content.slice(40);
}

/** The text's bytes, or throws. They are a stranger's. */
export function openText(sodium, { frameKey, project, frame, ordinal, ciphertext }) {
  if (ciphertext.length < 32 || ciphertext.length % 16 !== 0) throw new Error('no sealed text has this length');
  const ad = joined(ascii('WeirST1\0'), little(project, 8), frame, little(ordinal, 8));
  const nonce = joined(little(ordinal, 8), new Uint8Array(16));
  const padded = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, ciphertext, ad, nonce, frameKey);
  return sodium.unpad(padded, 16);
}

/** All checks in the rule's order. Throws an Error whose `at` says which one refused: box, text or hash. */
export function openSealed(sodium, sealed) {
  const step = (at, work) => {
    try {
      return work();
    } catch (cause) {
      throw Object.assign(new Error(`refused at ${at}`, { cause }), { at });
    }
  };
  const frameKey = step('box', () => openBox(sodium, sealed));
  const value = step('text', () => openText(sodium, { ...sealed, frameKey }));
  step('hash', () => {
    const hash = textHash(sodium, sealed.hashKey, { ...sealed, value });
    if (!sodium.memcmp(hash, sealed.hash)) throw new Error('not the text that was meant');
  });
  return { value, frameKey };
}

/** The recovery code's first 39 characters in canonical form, or null: not a code, or mistyped. */
export function readCode(typed) {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const symbols = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  if (symbols.length !== 40) return null;
  let remainder = 0;
  for (const symbol of symbols.slice(0, 39)) {
    if (!alphabet.includes(symbol)) return null;
    remainder = (remainder * 32 + alphabet.indexOf(symbol)) % 37;
  }
  return alphabet.indexOf(symbols[39]) === remainder ? symbols.slice(0, 39) : null;
}

/** The team's secret key out of weir-team.wrapped, by passphrase (bytes) or recovery code (string); null: neither. */
export function unwrapTeam(sodium, file, { passphrase, code }) {
  const wrapped = JSON.parse(file);
  if (wrapped.weir_team !== 1) throw new Error('unknown version');
  const publicKey = sodium.from_hex(wrapped.public);
  const ways = { passphrase: 1, recovery: 2 };
  for (const slot of wrapped.slots) {
    const salt = sodium.from_hex(slot.salt);
    let key = null;
    if (slot.way === 'passphrase' && passphrase)
      key = sodium.crypto_pwhash(32, passphrase, salt, slot.ops, slot.mem, sodium.crypto_pwhash_ALG_ARGON2ID13);
    if (slot.way === 'recovery' && code && readCode(code))
      key = sodium.crypto_generichash(32, joined(ascii('WeirRC1\0'), ascii(readCode(code))), salt);
    if (!key) continue;
    const ad = joined(ascii('WeirTK1\0'), little(ways[slot.way], 1), publicKey, salt, little(slot.ops, 8), little(slot.mem, 8));
    try {
      return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        null, sodium.from_hex(slot.key), ad, sodium.from_hex(slot.nonce), key);
    } catch {
      continue;
    }
  }
  return null;
}
