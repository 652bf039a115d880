// Bytes and text: base64, SHA-256, order and length as UTF-8 has them, points in time.

import { TIME_MAX, TIME_MIN } from "./days.js";

/** What people are shown of a message, into which a thief may have written a whole document. */
const MESSAGE_MAX = 2000;
const shownOf = (message) =>
  message.length > MESSAGE_MAX ? `${message.slice(0, MESSAGE_MAX).replace(/[\ud800-\udbff]$/, "")}…` : message;

/** Evidence (or a trust anchor) that proves nothing: `code` is stable, `message` is for people. */
export class EvidenceError extends Error {
  constructor(code, message) {
    super(shownOf(message));
    this.name = "EvidenceError";
    this.code = code;
  }
}

export function fail(code, message) {
  throw new EvidenceError(code, message);
}

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const utf8 = (text) => encoder.encode(text);

/** Text of bytes that are valid UTF-8, else `undefined`. */
export function textOf(bytes) {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Length in bytes of UTF-8. */
export function byteLength(text) {
  let length = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit > 0x7ff) length += 2;
    else if (unit > 0x7f) length += 1;
    // Both halves of a pair were counted as three bytes, and stand for four.
    if (unit >= 0xd800 && unit < 0xe000) length -= 1;
  }
  return length;
}

/** Length in characters (Unicode scalar values). */
export function charLength(text) {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** Orders text by the bytes of its UTF-8, which JavaScript's own order is not beyond U+FFFF. */
export function byBytes(a, b) {
  const end = Math.min(a.length, b.length);
  for (let at = 0; at < end; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

const rank = (unit) => (unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit);

/** Orders text by its UTF-16 code units (RFC 8785). */
export const byUnits = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** The first of `count` numbers from which `holds` stays true. */
export function firstWhere(count, holds) {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function u64be(number) {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(number / 2 ** 32));
  view.setUint32(4, number % 2 ** 32);
  return bytes;
}

export const u32be = (number) => u64be(number).subarray(4);

export function equal(a, b) {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

const URL_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const STANDARD_ALPHABET = URL_ALPHABET.slice(0, 62) + "+/";
const valuesOf = (alphabet) => {
  const values = new Int8Array(128).fill(-1);
  for (let at = 0; at < 64; at++) values[alphabet.charCodeAt(at)] = at;
  return values;
};
const URL_VALUES = valuesOf(URL_ALPHABET);
const STANDARD_VALUES = valuesOf(STANDARD_ALPHABET);

/** Bytes of canonical base64url without padding; `undefined` for any other spelling. */
export const fromBase64url = (text) => decode(text, URL_VALUES);

/** Bytes of canonical standard base64 with padding, as C2SP texts have it. */
export function fromBase64(text) {
  if (text.length % 4 !== 0) return undefined;
  return decode(text.endsWith("==") ? text.slice(0, -2) : text.endsWith("=") ? text.slice(0, -1) : text, STANDARD_VALUES);
}

export const toBase64url = (bytes) => encode(bytes, URL_ALPHABET);

export function toBase64(bytes) {
  const text = encode(bytes, STANDARD_ALPHABET);
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

function decode(text, values) {
  if (text.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let [bits, held, out] = [0, 0, 0];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    const value = unit < 128 ? values[unit] : -1;
    if (value < 0) return undefined;
    bits = ((bits << 6) | value) & 0xfff;
    held += 6;
    if (held >= 8) {
      held -= 8;
      bytes[out++] = (bits >> held) & 0xff;
    }
  }
  return (bits & ((1 << held) - 1)) === 0 ? bytes : undefined;
}

function encode(bytes, alphabet) {
  let [text, bits, held] = ["", 0, 0];
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xffff;
    held += 8;
    while (held >= 6) {
      held -= 6;
      text += alphabet[(bits >> held) & 63];
    }
  }
  return held === 0 ? text : text + alphabet[(bits << (6 - held)) & 63];
}

const K = new Uint32Array(64);
const START = new Uint32Array(8);
{
  // FIPS 180-4 §4.2.2, §5.3.3: the first 32 bits of the fractions of the roots of the first primes.
  const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) >>> 0;
  for (let number = 2, count = 0; count < 64; number++) {
    let prime = true;
    for (let by = 2; by * by <= number; by++) if (number % by === 0) prime = false;
    if (!prime) continue;
    if (count < 8) START[count] = fraction(Math.sqrt(number));
    K[count++] = fraction(Math.cbrt(number));
  }
}

const words = new Uint32Array(64);
const block = new Uint8Array(64);

/** SHA-256 of the parts put together. WebCrypto's takes longer to ask than this to compute for a few hundred bytes. */
export function sha256(...parts) {
  const state = START.slice();
  let [held, total] = [0, 0];
  for (const part of parts) {
    total += part.length;
    let at = 0;
    if (held > 0) {
      at = Math.min(64 - held, part.length);
      block.set(part.subarray(0, at), held);
      held += at;
      if (held < 64) continue;
      compress(state, block, 0);
      held = 0;
    }
    for (; at + 64 <= part.length; at += 64) compress(state, part, at);
    block.set(part.subarray(at), 0);
    held = part.length - at;
  }
  block[held++] = 0x80;
  if (held > 56) {
    block.fill(0, held);
    compress(state, block, 0);
    held = 0;
  }
  block.fill(0, held, 56);
  block.set(u64be(total * 8), 56);
  compress(state, block, 0);
  const digest = new Uint8Array(32);
  const view = new DataView(digest.buffer);
  state.forEach((word, at) => view.setUint32(4 * at, word));
  return digest;
}

function compress(state, data, from) {
  for (let t = 0; t < 16; t++, from += 4) {
    words[t] = (data[from] << 24) | (data[from + 1] << 16) | (data[from + 2] << 8) | data[from + 3];
  }
  for (let t = 16; t < 64; t++) {
    const x = words[t - 15];
    const y = words[t - 2];
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    words[t] = words[t - 16] + s0 + words[t - 7] + s1;
  }
  let a = state[0] | 0, b = state[1] | 0, c = state[2] | 0, d = state[3] | 0;
  let e = state[4] | 0, f = state[5] | 0, g = state[6] | 0, h = state[7] | 0;
  for (let t = 0; t < 64; t++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[t] + words[t]) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

/** SHA-256 in base64url: how hashes are compared and kept here. */
export const digest = (...parts) => toBase64url(sha256(...parts));

/** True for 32 bytes in canonical base64url. */
export const isHash = (text) => typeof text === "string" && text.length === 43 && fromBase64url(text) !== undefined;

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Nanoseconds since 1970 as a BigInt, by RFC 3339 §5.6; `undefined` for other text. */
export function nanosOf(text) {
  const found = RFC3339.exec(text);
  if (!found) return undefined;
  const [year, month, day, hour, minute] = found.slice(1, 6).map(Number);
  const leap = found[6] === "60";
  const second = leap ? 59 : Number(found[6]);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const real = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && month > 0;
  const offset = [Number(found[9] ?? 0), Number(found[10] ?? 0)];
  if (!real || hour > 23 || minute > 59 || second > 59 || offset[0] > 23 || offset[1] > 59) return undefined;
  date.setUTCHours(hour, minute, second);
  const utc = date.getTime() - (found[8] === "-" ? -1 : 1) * (offset[0] * 60 + offset[1]) * 60000;
  // A leap second ends a month in UTC, and counts as the nanosecond before it.
  if (leap && !/-01T00:00:00/.test(new Date(utc + 1000).toISOString())) return undefined;
  const nanos = leap ? "999999999" : (found[7] ?? "").slice(0, 9).padEnd(9, "0");
  return BigInt(utc) * 1000000n + BigInt(nanos);
}

/** Milliseconds since 1970 of RFC 3339 text, further digits cut off; `undefined` for other text. */
export function timeOf(text) {
  const nanos = nanosOf(text);
  return nanos === undefined ? undefined : millisOf(nanos);
}

/** Whole milliseconds, rounded down; `undefined` outside the years 0000 to 9999. */
export function millisOf(nanos) {
  const below = nanos % 1000000n < 0n ? 1n : 0n;
  const millis = Number(nanos / 1000000n - below);
  return millis >= TIME_MIN && millis <= TIME_MAX ? millis : undefined;
}

export const isTime = (millis) => Number.isSafeInteger(millis) && millis >= TIME_MIN && millis <= TIME_MAX;

/** Rust's and Unicode's White_Space, which `trim` and `\s` are not quite. */
const SPACE = "\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LEADING = new RegExp(`^[${SPACE}]+`);
const SPACES = new RegExp(`[${SPACE}]`);
export const hasSpace = (text) => SPACES.test(text);
export const hasControl = (text) => /[\0-\x1f\x7f-\x9f]/.test(text);

export function trim(text) {
  let end = text.length;
  while (end > 0 && hasSpace(text[end - 1])) end--;
  return text.slice(0, end).replace(LEADING, "");
}
