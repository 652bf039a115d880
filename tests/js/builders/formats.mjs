// Every byte of a test's ledger that depends on the version of a format (docs/FORMATS.md), and nothing else. A new version
// of a format is written here once; the tests build on it and know no version.

import { createHash } from "node:crypto";

export const VERSIONS = { genesis: 2, seal: 2, evidence: 3, anchor: 2 };
export const RULES = 1;

export const hash = (...parts) => createHash("sha256").update(Buffer.concat(parts.map((part) => Buffer.from(part)))).digest();
export const b64 = (bytes) => Buffer.from(bytes).toString("base64url");
export const u64 = (number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
};
export const u32 = (number) => u64(number).subarray(4);
export const rfc = (millis) => new Date(millis).toISOString();

// --- Members, genesis, trust anchor

export const memberEntry = ({ kid, jwk, noteKey }, name) => ({ kid, name, jwk, noteKey });
export const membersHash = (entries) => b64(hash(JSON.stringify(entries)));

/** What a founder signs in order to be a member, by its entry. */
export const founderBytes = (origin, entry) => Buffer.concat([Buffer.from("sealane/founder/v1\0"), hash(origin), hash(JSON.stringify(entry))]);

/** `keys` are the members' own, in their order. */
export const genesisPayload = ({ origin, members, keys, created }) => ({
  type: "genesis", version: VERSIONS.genesis, origin, rules: RULES, members,
  founders: members.map((entry, at) => ({ kid: entry.kid, signature: b64(keys[at].sign(founderBytes(origin, entry))) })),
  created: rfc(created),
});

/** `genesis` is the statement in compact form; `size` and `root` are of the tree after the block `height`. */
export const anchorDocument = ({ origin, members, genesis, height = 0, size, root }) => ({
  version: VERSIONS.anchor, origin, genesis, height, size, root, members,
  fingerprint: fingerprint({ genesis, height, root, members }),
});

export const fingerprint = ({ genesis, height, root, members }) =>
  b64(hash(hash(genesis.slice(0, genesis.lastIndexOf("."))), u64(height), Buffer.from(root, "base64url"), Buffer.from(membersHash(members), "base64url")));

// --- Admin statements' payloads

export const certificateEntry = ({ der, jwk, notBefore, notAfter }) => ({
  x509: b64(der), jwk, notBefore: rfc(notBefore), notAfter: rfc(notAfter),
});
export const registrationPayload = ({ participant, claims, request = "request", certificate }) => ({
  type: "registration", participant, claims, request: b64(request), certificate: certificateEntry(certificate),
});
export const renewalPayload = ({ participant, request, current, consent, certificate }) => ({
  type: "renewal", participant, request: b64(request), current, consent: b64(consent), certificate: certificateEntry(certificate),
});
/** What the participant signs in order to agree to a renewal. */
export const consentBytes = ({ origin, participant, request }) =>
  Buffer.concat([Buffer.from("sealane/renewal/v1\0"), hash(origin), Buffer.from(`${participant}\0`), hash(request)]);
export const revocationPayload = ({ participant, reason = "a test", compromisedSince }) => ({
  type: "revocation", participant, reason, ...(compromisedSince !== undefined && { compromisedSince: rfc(compromisedSince) }),
});

// --- Leaves, seals, checkpoints, commits

export function statementLeaf(text) {
  const bytes = Buffer.from(text);
  if (bytes.length < 65535) return Buffer.concat([Buffer.from([1]), bytes]);
  return Buffer.concat([Buffer.from([2]), hash(bytes), u32(bytes.length)]);
}

export const sealLeaf = (text) => Buffer.concat([Buffer.from([0]), Buffer.from(text)]);

/** A seal's text. `change` sets members to something else. */
export const sealText = ({ height, time, previousSize, previousRoot, indexRoot, membersHash, nextMembersHash = membersHash, rules = RULES, enacted = [] }, change = {}) =>
  JSON.stringify({
    version: VERSIONS.seal, height, time: rfc(time), previousSize, previousRoot, indexRoot, membersHash, nextMembersHash, rules, enacted, ...change,
  });

export const checkpointText = ({ origin, size, root }) => `${origin}\n${size}\n${Buffer.from(root).toString("base64")}\n`;

/** The id of a member's Ed25519 key in a signed note. */
export const noteKeyId = (origin, noteKey) => hash(`${origin}\n`, [1], Buffer.from(noteKey, "base64url")).subarray(0, 4);

export const commitBytes = ({ origin, height, round, checkpoint }) =>
  Buffer.concat([Buffer.from("sealane/commit/v1\0"), hash(origin), u64(height), u32(round), hash(checkpoint)]);

// --- The index

const KINDS = { id: 1, party: 2, prefix: 3, transformation: 4, policy: 5, recall: 6, transaction: 0x0b, proposal: 0x10 };

export const subjectKey = (kind, text) => hash("sealane/index/v2\0", [KINDS[kind]], text);

/** How a list names who signed a leaf: the id of a participant, or the first 16 bytes of a member's `kid`. */
export const memberSigner = (kid) => b64(Buffer.from(kid, "base64url").subarray(0, 16));
const isParticipant = (signer) => signer.length === 36;
export const signerBytes = (signer) =>
  isParticipant(signer) ? Buffer.from(`00${signer.replaceAll("-", "")}`, "hex") : Buffer.concat([Buffer.from([1]), Buffer.from(signer, "base64url")]);

/** An entry of a list is `{leaf, signer, acts}`, the signer as JSON names it. */
export const listEntryHash = ({ leaf, signer, acts }) => hash([0], u64(leaf), signerBytes(signer), [acts]);
export const listValueHash = (count, root) => hash([5], u64(count), root);
export const subjectNode = (key, value) => hash([2], key, value);
export const innerNode = (left, right) => hash([3], left, right);
export const emptyNode = () => hash([4]);

// --- Evidence

/**
 * `index` are entries whose `signers` are texts; here they become numbers into the evidence's own. `change` sets members to
 * something else.
 */
export function evidenceDocument({ id, checkpoint, commit, seal, index, ...lists }, change = {}) {
  const order = (a, b) => Buffer.compare(signerBytes(a), signerBytes(b));
  const signers = [...new Set(index.flatMap((entry) => entry.signers))].sort(order);
  const numbered = index.map((entry) => ({ ...entry, signers: entry.signers.map((signer) => signers.indexOf(signer)) }));
  const { statements, registrations, seals, handovers = [], formerMembers = [], inclusionProof } = lists;
  return {
    version: VERSIONS.evidence, id, label: {}, checkpoint, commit, seal, signers, index: numbered, statements, registrations,
    seals, handovers, formerMembers, inclusionProof, ...change,
  };
}

/** A handover: a block that changes the members, and those after it. */
export const handoverDocument = ({ checkpoint, commit, seal, sealInclusionProof, members }, change = {}) =>
  ({ checkpoint, commit, seal, sealInclusionProof, members, ...change });
