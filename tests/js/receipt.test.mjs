// Receipts: each thing in one that could be another's.

import assert from "node:assert/strict";
import { test } from "node:test";

import { EvidenceError } from "../../web/verify/bytes.js";
import { verifyReceipt } from "../../web/verify/receipt.js";
import { sealLeaf } from "./builders/formats.mjs";
import { Actor, Key, Ledger, b64, eventAt, hash } from "./ledger.mjs";

const ITEM = "https://id.gs1.org/01/09506000134352/21/S1";

function written() {
  const ledger = new Ledger({ members: 4 });
  const acme = new Actor(1, "Acme", { gs1CompanyPrefixes: ["9506000"] });
  ledger.register(acme);
  const leaf = ledger.capture(acme, eventAt(60, { epcList: [ITEM], action: "ADD", bizStep: "commissioning" }));
  return { ledger, acme, leaf, statement: ledger.captures.get(leaf).text };
}

function receiptOf(ledger, leaf, change = {}) {
  const { leaf: last, seal } = ledger.seals.at(-1);
  return {
    leafIndex: leaf, treeSize: ledger.size, leafHash: b64(hash([0], ledger.leaves[leaf])), inclusionProof: ledger.path(leaf),
    checkpoint: ledger.checkpoint(), commit: ledger.commit(), seal, sealInclusionProof: ledger.path(last), ...change,
  };
}

const refuses = async (receipt, asked, codes, because = /./) => {
  await assert.rejects(verifyReceipt(JSON.stringify(receipt), asked), (error) => {
    assert.ok(error instanceof EvidenceError, error.stack);
    assert.ok([codes].flat().includes(error.code) && because.test(error.message), `${error.code}: ${error.message}`);
    return true;
  });
};

test("a receipt says where a statement went, and with its seal when", async () => {
  const { ledger, leaf, statement } = written();
  const asked = { anchor: ledger.anchor(), statement };
  const read = await verifyReceipt(JSON.stringify(receiptOf(ledger, leaf)), asked);
  assert.deepEqual([read.leafIndex, read.checkpoint.size, read.time], [leaf, ledger.size, ledger.now]);
  const { seal, sealInclusionProof, ...without } = receiptOf(ledger, leaf);
  assert.equal("time" in (await verifyReceipt(JSON.stringify(without), asked)), false);
  // A later seal is not the time of its block.
  ledger.close();
  assert.equal("time" in (await verifyReceipt(JSON.stringify(receiptOf(ledger, leaf)), asked)), false);
});

test("a receipt's size is its checkpoint's", async () => {
  const { ledger, statement, leaf } = written();
  const asked = { anchor: ledger.anchor(), statement };
  const { seal, sealInclusionProof, ...bare } = receiptOf(ledger, leaf);
  await verifyReceipt(JSON.stringify(bare), asked);
  // By its way alone a leaf of the left half looks the same in trees of several sizes.
  const first = { ...bare, leafIndex: 0, leafHash: b64(hash([0], ledger.leaves[0])), inclusionProof: ledger.path(0) };
  const genesis = { ...asked, statement: ledger.genesis };
  await verifyReceipt(JSON.stringify(first), genesis);
  assert.equal(ledger.size, 6);
  for (const treeSize of [5, 7, 8]) await refuses({ ...first, treeSize }, genesis, "receipt", /another size/);
});

test("a receipt is for this statement, at this leaf, in this tree", async () => {
  const { ledger, statement, leaf } = written();
  const asked = { anchor: ledger.anchor(), statement };
  const good = receiptOf(ledger, leaf);
  await refuses(good, { ...asked, statement: ledger.genesis }, "receipt", /another statement/);
  await refuses({ ...good, leafHash: b64(hash()) }, asked, "receipt", /another statement/);
  await refuses({ ...good, leafIndex: leaf - 1 }, asked, "receipt");
  await refuses({ ...good, leafIndex: ledger.size }, asked, "receipt", /is not in a tree/);
  for (const name of ["inclusionProof", "sealInclusionProof"]) {
    await refuses({ ...good, [name]: good[name].slice(1) }, asked, "receipt", /too short/);
    await refuses({ ...good, [name]: [...good[name], b64(hash())] }, asked, "receipt", /too long/);
    await refuses({ ...good, [name]: [b64(hash()), ...good[name].slice(1)] }, asked, "receipt", /another root/);
    for (const proof of [undefined, null, "x", [1], ["x"]]) await refuses({ ...good, [name]: proof }, asked, "receipt");
  }
});

test("a receipt's seal stands last, at its height", async () => {
  const { ledger, statement, leaf } = written();
  const asked = { anchor: ledger.anchor(), statement };
  const good = receiptOf(ledger, leaf);
  await refuses({ ...good, seal: ledger.seals[0].seal }, asked, "seal-place", /height/);
  await refuses({ ...good, seal: good.seal.replace(/"time":"2026/, '"time":"2031') }, asked, "receipt", /another root/);
  await refuses({ ...good, seal: `${good.seal} ` }, asked, "seal");
  await refuses({ ...good, seal: 1 }, asked, "receipt", /malformed/);
  assert.ok(sealLeaf(good.seal).equals(ledger.leaves.at(-1)));
  // A seal that a quorum signed, and that names other members.
  ledger.membersHash = b64(hash("other members"));
  ledger.close();
  ledger.signers = ledger.keys;
  await refuses(receiptOf(ledger, leaf), asked, "seal-members", /other members/);
});

test("a quorum signed the receipt's checkpoint, of the ledger that is trusted", async () => {
  const { ledger, statement, leaf } = written();
  const asked = { anchor: ledger.anchor(), statement };
  const [one, two, three] = ledger.keys;
  const commit = (options) => receiptOf(ledger, leaf, { commit: ledger.commit(options) });
  await verifyReceipt(JSON.stringify(commit({ signers: [one, two, three] })), asked);
  await refuses(commit({ signers: [one, two] }), asked, "commit");
  await refuses(commit({ signers: [one, two, two] }), asked, "commit");
  await refuses(commit({ signers: [one, two, new Key()] }), asked, "commit");
  const forged = ledger.commit();
  forged.signatures[0].signature = forged.signatures[1].signature;
  await refuses(receiptOf(ledger, leaf, { commit: forged }), asked, "commit", /does not hold/);
  const { seal, sealInclusionProof, ...bare } = receiptOf(ledger, leaf);
  await refuses({ ...bare, checkpoint: bare.checkpoint.replace("ledger.example/js", "ledger.example/other") }, asked, "other-origin");
  await refuses({ ...bare, checkpoint: bare.checkpoint.replace(/\n[^\n]+\n$/, `\n${hash().toString("base64")}\n`) }, asked, ["receipt", "commit"]);
  await refuses(receiptOf(ledger, leaf), { ...asked, anchor: new Ledger({ members: 4 }).anchor() }, "commit");
  const anchor = ledger.anchor();
  await refuses(receiptOf(ledger, leaf), { ...asked, anchor: { ...anchor, genesis: `${anchor.genesis.slice(0, -86)}${b64(Buffer.alloc(64, 1))}` } }, ["anchor", "receipt"]);
});

test("a receipt has its members and no other", async () => {
  const { ledger, statement, leaf } = written();
  const asked = { anchor: ledger.anchor(), statement };
  const good = receiptOf(ledger, leaf);
  await refuses({ ...good, extra: 1 }, asked, "receipt", /extra is unknown/);
  for (const name of ["leafIndex", "treeSize", "leafHash", "inclusionProof", "checkpoint", "commit"]) {
    const { [name]: _, ...without } = good;
    await refuses(without, asked, "receipt", new RegExp(`${name} is missing`));
  }
  for (const change of [{ leafIndex: -1 }, { leafIndex: "2" }, { treeSize: 1.5 }, { checkpoint: 1 }]) await refuses({ ...good, ...change }, asked, "receipt", /malformed/);
});
