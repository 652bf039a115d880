// Trust anchors: all that a verifier believes beforehand, and which checkpoints are final by one (docs/FORMATS.md, "Trust
// anchor").

import { memberSigner } from "./acts.js";
import { concat, digest, equal, fail, fromBase64url, isHash, sha256, toBase64url, u64be, utf8 } from "./bytes.js";
import { timeText } from "./days.js";
import { checkVersion, isMap, isText, membersOf } from "./json.js";
import { parseStatement } from "./jws.js";
import { checkCommit, isCount, memberText, membersHash, readMembers, sealLeaf, sealText, statementLeaf } from "./ledger.js";
import { entryHash, indexRoot, leafHash, nodeHash, subjectKey, valueHash } from "./tree.js";

const VERSION = 2;
const MEMBERS = ["version", "origin", "genesis", "height", "size", "root", "members", "fingerprint"];
const IF_OLDER = "fetch the trust anchor anew (GET /trust), and compare its fingerprint";

/** What a founder signs: that it founds the ledger of this origin, under this name and with these keys. */
export const founderBytes = (origin, member) =>
  concat(utf8("sealane/founder/v1\0"), sha256(utf8(origin)), sha256(utf8(memberText(member))));

/** What people compare. `genesis` is the id of the genesis statement, `members` their hash. */
export const fingerprintOf = ({ genesis, height, root, members }) =>
  digest(fromBase64url(genesis), u64be(height), fromBase64url(root), fromBase64url(members));

/**
 * Reads a trust anchor: `{origin, height, size, root, members, membersHash, founders, fingerprint}`, the members those after the
 * block `height`, the founders those of the genesis statement. `signatures` is asked for that of the genesis statement and for each founder's.
 */
export function readAnchor(anchor, signatures, readAdmin) {
  const wrong = (message) => fail("anchor", `the trust anchor: ${message}`);
  if (isMap(anchor) && anchor.has("version")) checkVersion(anchor.get("version"), VERSION, IF_OLDER, wrong);
  const document = membersOf(anchor, MEMBERS, [], wrong);
  if (!isText(document.genesis)) wrong("genesis is no statement");
  const { id, genesis, leaf } = readGenesis(document.genesis, signatures, readAdmin, wrong);
  const { origin, height, size, root, fingerprint } = document;
  if (!isCount(height) || !isCount(size) || !isHash(root)) wrong("height, size or root is malformed");
  const members = readMembers(document.members, wrong);
  const hash = membersHash(members);
  if (origin !== genesis.origin) wrong("its origin is not that of its genesis statement");
  if (fingerprint !== fingerprintOf({ genesis: id, height, root, members: hash })) wrong("its fingerprint is not that of what it says");
  if (height === 0) {
    const first = genesisTree(genesis, leaf);
    const same = hash === first.membersHash && size === first.size && root === first.root;
    if (!same) wrong("its members, size and root are not those of block 0, which its genesis statement gives");
  }
  return { origin, height, size, root, members, membersHash: hash, founders: genesis.members, fingerprint };
}

function readGenesis(compact, signatures, readAdmin, wrong) {
  const statement = parseStatement(compact);
  const genesis = readAdmin(statement.payload, wrong);
  if (genesis.type !== "genesis") wrong("its statement is no genesis statement");
  if (statement.aud !== genesis.origin) wrong("its genesis statement is for another ledger");
  const [first] = genesis.members;
  const bySigner = statement.typ === "sealane-admin+jws" && statement.signer === first.kid;
  if (!bySigner) wrong("its genesis statement is not signed by the first of its members, that with the lowest kid");
  signatures.ask(first.key, statement.input, statement.signature, () => wrong("its signature does not hold"));
  genesis.members.forEach((member, at) => {
    const unsigned = () => wrong(`the consent of the founder ${member.kid} does not hold`);
    signatures.ask(member.key, founderBytes(genesis.origin, member), genesis.founders[at], unsigned);
  });
  return { id: statement.id, genesis, leaf: statementLeaf(compact) };
}

/** The tree of block 0, which is the genesis statement and its seal: `{size, root, membersHash}`. */
function genesisTree({ members, created, rules }, leaf) {
  const hash = membersHash(members);
  const entry = entryHash({ leaf: 0, signer: memberSigner(members[0].kid), acts: 0 });
  const subjects = members.map(({ kid }) => ({ key: subjectKey("party", kid), value: valueHash(1, entry) }));
  const seal = sealText({
    height: 0, time: timeText(created), previousSize: 0, previousRoot: digest(), indexRoot: toBase64url(indexRoot(subjects)),
    membersHash: hash, nextMembersHash: hash, rules, enacted: [],
  });
  return { size: 2, root: toBase64url(nodeHash(leafHash(leaf), leafHash(sealLeaf(seal)))), membersHash: hash };
}

/**
 * Checks that a checkpoint is final by an anchor: one above the anchor's block by a quorum of `members`, those in force there, whose
 * signatures `signatures` is asked for, and that of the block itself by the anchor alone.
 */
export function checkFinal(checkpoint, commit, anchor, members, signatures) {
  if (checkpoint.origin !== anchor.origin) {
    fail("other-origin", `the checkpoint is of ${checkpoint.origin}, and the trust anchor of ${anchor.origin}`);
  }
  if (commit.height > anchor.height) {
    checkCommit(checkpoint, commit, members, signatures);
  } else if (commit.height < anchor.height) {
    fail("below-anchor", `the checkpoint is of block ${commit.height}, and the trust anchor of block ${anchor.height}: only an older trust anchor shows it`);
  } else if (checkpoint.size !== anchor.size || !equal(checkpoint.root, fromBase64url(anchor.root))) {
    fail("other-tree", `the checkpoint of block ${commit.height} has another size or root than the trust anchor`);
  }
}
