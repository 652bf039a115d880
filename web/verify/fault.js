// Proofs that a member has signed two things of which an honest one signs one at most (docs/FORMATS.md, "Agreement").

import { readAnchor } from "./anchor.js";
import { concat, fail, fromBase64url, isHash, sha256, u32be, u64be, utf8 } from "./bytes.js";
import { readJson } from "./document.js";
import { isMap, isText, membersOf } from "./json.js";
import { Signatures } from "./jws.js";
import { isCount, isSignature } from "./ledger.js";
import { readAdmin } from "./registry.js";

const SIDE = ["kid", "kind", "height", "round", "value", "signature"];
const VOTE_CODES = { prevote: 0, precommit: 1 };
const ROUND_MAX = 2 ** 32;

/**
 * Checks every proof of a document under a trust anchor: a list as `/ledger/faults` gives it, or one proof. Gives who is
 * convicted of what: `[{kid, name, height, round, kind}]`.
 *
 * Throws an `EvidenceError` for the first proof that proves nothing. Its `code` is `fault-` and one of `shape`, `genesis`,
 * `apart`, `no-proposal`, `no-vote`, `same`, `unknown-member`, `bad-signature`.
 */
export async function checkFaults(document, { anchor }) {
  const signatures = new Signatures();
  const trusted = readAnchor(readJson(anchor, "anchor", "the trust anchor"), signatures, readAdmin);
  await signatures.settle();
  const convicted = [];
  for (const proof of proofsIn(readJson(document, "fault-shape", "the proof"))) convicted.push(await checkFault(proof, trusted));
  return convicted;
}

function proofsIn(document) {
  if (Array.isArray(document)) return document;
  const list = isMap(document) ? document.get("faults") : undefined;
  if (Array.isArray(list)) return list;
  if (isMap(document) && document.has("first")) return [document];
  return fail("fault-shape", "it has neither a list of faults nor one proof, first and second");
}

/** What a proof says beside its two signed things is for people, and is not believed. */
async function checkFault(proof, { origin, members }) {
  const wrong = (reason, message) => fail(`fault-${reason}`, `the proof: ${message}`);
  if (!isMap(proof)) wrong("shape", "it is no object");
  const [first, second] = ["first", "second"].map((name) => readSide(proof.get(name), (message) => wrong("shape", `its ${name}: ${message}`)));
  if (first.height === 0 || second.height === 0) wrong("genesis", "no block of height 0 is voted on");
  const isProposal = first.kind === "proposal";
  if (isProposal !== (second.kind === "proposal")) wrong("apart", APART);
  for (const { round, polRound, value } of [first, second]) {
    const isOfBlock = value !== null && (polRound === undefined || polRound < round);
    if (isProposal && !isOfBlock) wrong("no-proposal", "a proposal is for a block, and rests on no round but an earlier one");
    if (!isProposal && polRound !== undefined) wrong("no-vote", "a vote rests on no earlier round");
  }
  if (["kid", "kind", "height", "round"].some((name) => first[name] !== second[name])) wrong("apart", APART);
  if (first.value === second.value && first.polRound === second.polRound) wrong("same", "both say the same; saying a thing twice is no fault");
  const { kid, height, round, kind } = first;
  const member = members.find((one) => one.kid === kid) ?? wrong("unknown-member", `${kid} is no member in force at this height`);
  const signatures = new Signatures();
  for (const side of [first, second]) {
    const unsigned = () => wrong("bad-signature", `the signature by ${kid} does not hold for this vote or proposal`);
    signatures.ask(member.key, signedBytes(origin, side), fromBase64url(side.signature), unsigned);
  }
  await signatures.settle();
  return { kid, name: member.name, height, round, kind };
}

const APART = "they are not of one member, kind, height and round: an honest member may sign both";

function readSide(value, wrong) {
  const side = membersOf(value, SIDE, ["polRound"], wrong);
  const isRound = (round) => isCount(round) && round < ROUND_MAX;
  if (!isHash(side.kid) || !(side.kind === "proposal" || (isText(side.kind) && Object.hasOwn(VOTE_CODES, side.kind)))) wrong("kid or kind is malformed");
  if (!isCount(side.height) || !isRound(side.round)) wrong("height or round is malformed");
  if (side.value !== null && !isHash(side.value)) wrong("value is malformed");
  if (value.has("polRound") && !isRound(side.polRound)) wrong("polRound is malformed");
  if (!isSignature(side.signature)) wrong("signature is malformed");
  return side;
}

/** The bytes that a member signs in this place. */
function signedBytes(origin, { kind, height, round, polRound, value }) {
  const place = [sha256(utf8(origin)), ...(kind === "proposal" ? [] : [Uint8Array.of(VOTE_CODES[kind])]), u64be(height), u32be(round)];
  if (kind === "proposal") {
    const earlier = polRound === undefined ? new Uint8Array(8).fill(0xff) : u64be(polRound);
    return concat(utf8("sealane/proposal/v1\0"), ...place, earlier, fromBase64url(value));
  }
  if (kind === "precommit" && value !== null) {
    return concat(utf8("sealane/commit/v1\0"), sha256(utf8(origin)), u64be(height), u32be(round), fromBase64url(value));
  }
  const said = value === null ? new Uint8Array(33) : concat(Uint8Array.of(1), fromBase64url(value));
  return concat(utf8("sealane/vote/v1\0"), ...place, said);
}
