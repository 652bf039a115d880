// Every byte of a test's ledger that depends on the version of a format (docs/FORMATS.md), and nothing else. A new version
// of a format is written here once; the tests build on it and know no version.

import { createHash } from "node:crypto";

export const VERSIONS = { genesis: 1, seal: 1, evidence: 2, anchor: 1 };

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

export const memberEntry = ({ kid, jwk }, name) => ({ kid, name, jwk });
export const membersHash = (entries) => b64(hash(JSON.stringify(entries)));

export const genesisPayload = ({ origin, members, created }) => ({
  type: "genesis", version: VERSIONS.genesis, origin, members, created: rfc(created),
});

/** `genesis` is the statement in compact form. */
export const anchorDocument = ({ origin, members, genesis }) => ({
  version: VERSIONS.anchor,
  origin,
  fingerprint: b64(hash(genesis.slice(0, genesis.lastIndexOf(".")))),
  members: members.map(({ name, kid, jwk }) => ({ name, kid, jwk })),
  genesis,
});

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
export const sealText = ({ height, time, previousSize, previousRoot, indexRoot, membersHash, nextMembersHash = membersHash }, change = {}) =>
  JSON.stringify({
    version: VERSIONS.seal, height, time: rfc(time), previousSize, previousRoot, indexRoot, membersHash, nextMembersHash, ...change,
  });

export const checkpointText = ({ origin, size, root }) => `${origin}\n${size}\n${Buffer.from(root).toString("base64")}\n`;

export const commitBytes = ({ origin, height, round, checkpoint }) =>
  Buffer.concat([Buffer.from("sealane/commit/v1\0"), hash(origin), u64(height), u32(round), hash(checkpoint)]);

// --- The index

const KINDS = ["id", "party", "prefix", "transformation", "policy", "recall"];

export const subjectKey = (kind, text) => hash("sealane/index/v1\0", [KINDS.indexOf(kind) + 1], text);
export const listEntryHash = (leaf) => hash([0], u64(leaf));
export const listValueHash = (count, root) => hash([5], u64(count), root);
export const subjectNode = (key, value) => hash([2], key, value);
export const innerNode = (left, right) => hash([3], left, right);
export const emptyNode = () => hash([4]);

// --- Evidence

export const evidenceDocument = (members) => ({ version: VERSIONS.evidence, ...members });
