// What the index's lists say of a leaf beside its index: who signed it, and what was done (docs/FORMATS.md, "Index" and
// "Acts").

import { concat, fromBase64url, toHex } from "./bytes.js";
import { declares, names } from "./epcis.js";
import { bringsForth, kindOf, textOf } from "./subjects.js";
import { STEP_ACTS, endIn } from "./reading.js";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const BYTES = 16;
const [PARTICIPANT, MEMBER] = [0x00, 0x01];

/** The 17 bytes by which a list names a participant. */
export const participantSigner = (id) =>
  Uint8Array.of(PARTICIPANT, ...id.replaceAll("-", "").match(/../g).map((digits) => parseInt(digits, 16)));

/** The 17 bytes by which a list names a member. */
export const memberSigner = (kid) => concat(Uint8Array.of(MEMBER), fromBase64url(kid).subarray(0, BYTES));

/** The id of the participant that a list names; `undefined` of a member. */
export function participantOf(signer) {
  if (signer[0] !== PARTICIPANT) return undefined;
  return toHex(signer.subarray(1)).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** The bytes of a signer as JSON names it; `undefined` for other text. */
export function signerOf(text) {
  if (UUID.test(text)) return participantSigner(text);
  const bytes = text.length === 22 ? fromBase64url(text) : undefined;
  return bytes && concat(Uint8Array.of(MEMBER), bytes);
}

/** Orders signers by their bytes. */
export function bySigner(one, other) {
  const [a, b] = [toHex(one), toHex(other)];
  return a < b ? -1 : a > b ? 1 : 0;
}

export const [BRINGS_FORTH, LETS_GO, TAKES, HAS_IN_HAND, ENDS, PACKS, DECLARES_ERROR, NOT_KNOWN] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80];

/** The acts of who has a product, had it or lets go of it. */
export const HAVING = LETS_GO | TAKES | HAS_IN_HAND | ENDS;

/** What a statement says to have done with a subject; `speaking` are its events, each with the `subjects` that it names. */
export function actsOf(speaking, key) {
  if (kindOf(key) !== "id") return 0;
  const about = speaking.filter(({ subjects }) => subjects.has(key));
  return about.reduce((acts, { event }) => acts | actsIn(event, textOf(key)), 0);
}

/** What one event says to have done with what it names, by its own words, whoever signed it. */
export function actsIn(event, text) {
  let acts = event.declaration === undefined ? 0 : DECLARES_ERROR;
  // A class may be named because of a recall alone.
  if (!names(event, text)) return acts;
  const isOrigin = bringsForth(event, text);
  if (isOrigin) acts |= BRINGS_FORTH;
  acts |= reading(event, isOrigin);
  if (endIn(event) !== undefined) acts |= ENDS;
  if (event.type === "AggregationEvent" && event.action !== "OBSERVE") acts |= PACKS;
  return acts;
}

function reading(event, isOrigin) {
  const act = STEP_ACTS.get(event.step);
  if (act === "ships") return LETS_GO;
  if (act === "receives") return TAKES;
  const inHand = act === undefined && !declares(event, "stolen") && event.type !== "TransactionEvent";
  return inHand && (event.readPoint || event.bizLocation) && !isOrigin ? HAS_IN_HAND : 0;
}
