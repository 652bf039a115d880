import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { canonicalId } from "../../web/verify.js";
import * as gs1 from "../../web/verify/gs1.js";
import { vectors } from "./builders/vectors.mjs";

const ITEM = "https://id.gs1.org/01/09506000134352/21/A1";
const refuses = (text) => assert.throws(() => canonicalId(text), gs1.IdError, JSON.stringify(text));

test("one id out of every spelling", () => {
  const spellings = [
    ITEM, "https://example.com/some/stem/01/09506000134352/21/A1?x=1#y", "HTTP://ID.GS1.ORG/gtin/9506000134352/ser/A1",
    "https://id.gs1.org/01/09506000134352/22/V/10/LOT/21/A1", "urn:epc:id:sgtin:9506000.013435.A1", "(01)09506000134352(21)A1",
    " (01) 09506000134352 (10)LOT(21)A1\n", "010950600013435221A1", "]d2010950600013435210LOT\x1d21A1", "\x1d010950600013435221A1",
    "https://id.gs1.org/01/09506000134352/21/%41%31",
  ];
  for (const text of spellings) assert.equal(canonicalId(text), ITEM, JSON.stringify(text));
  assert.equal(canonicalId("9506000134352"), "https://id.gs1.org/01/09506000134352");
  assert.equal(canonicalId("]E09506000134352"), "https://id.gs1.org/01/09506000134352");
  assert.equal(canonicalId("(01)09506000134352(21)A\\(1)/%"), "https://id.gs1.org/01/09506000134352/21/A%281%29%2F%25");
});

test("other absolute URIs stand as they are", () => {
  const uris = [
    "urn:uuid:8c9a2f4e-5f0b-4a8e-9d7e-2b1f6c3a4d5e", "https://example.com/orders/401/12345/lines", "urn:gdst:example.org:product:1",
    "geo:37.5,126.9", "urn:epc:id:gid:95100000.12345.400", "https://id.example.com/", "did:web:example.com",
  ];
  for (const uri of uris) assert.equal(canonicalId(uri), uri);
});

test("what is wrong is refused", () => {
  const wrong = [
    "", "   ", "not an id", "https://id.gs1.org/01/09506000134353/21/A1", "(01)09506000134353", "9506000134353", "(99999)1", "(10)LOT",
    "https://id.gs1.org/123/1", "https://id.gs1.org/", "https://example.com/01/09506000134352/99/x", "urn:epc:id:sgtin:1.2.3",
    "urn:epc:id:sgtin:9506000.013435", "urn:epc:nothing:x:y", "urn:epc", "https://", "http://exa mple.com/", "https://example.com/%zz",
    "(01)09506000134352(21)A1(21)A2", "(01)09506000134352(21)A(235)B", `https://example.com/${"x".repeat(2000)}`, "mailto:", "a\u0000b:c",
    "https://example.com/a#b#c", "(21)A1", "(01", "()1",
  ];
  wrong.forEach(refuses);
});

function reads(text) {
  try {
    return gs1.parseUri(text) !== undefined;
  } catch {
    return false;
  }
}

test("company prefixes, classes and lots", () => {
  const id = gs1.parseId(ITEM);
  assert.deepEqual(gs1.claimDigits(id), [4, 5, 6, 7, 8, 9, 10, 11, 12].map((length) => "950600013435".slice(0, length)));
  assert.ok(gs1.prefixCovers("9506000", id) && !gs1.prefixCovers("09506000", id));
  assert.equal(gs1.classOf(id).text, "https://id.gs1.org/01/09506000134352");
  assert.equal(gs1.lotOf(id, "L/1").text, "https://id.gs1.org/01/09506000134352/10/L%2F1");
  for (const number of ["", "é", "x".repeat(21), "a b"]) assert.equal(gs1.lotOf(id, number), undefined, number);
  assert.equal(gs1.parseId("]E09506000134352").text, "https://id.gs1.org/01/09506000134352");
  for (const text of ["]E0614141000005", "]E009506000134352", "]E4123456789"]) assert.throws(() => gs1.parseId(text), gs1.IdError, text);
  const gtin8 = gs1.parseId("96385074");
  assert.deepEqual(gs1.claimDigits(gtin8), ["000009638507"], "a GTIN-8 is a key by itself");
  assert.ok(!gs1.prefixCovers("0000", gtin8) && gs1.keyCovers(gtin8, gs1.parseUri(`${gtin8.text}/21/A`)));
  assert.ok(!gs1.keyCovers(gtin8, gs1.parseUri("https://id.gs1.org/01/10000096385071")) && !gs1.keyCovers(gtin8, id));
  const gln = gs1.parseUri("https://id.gs1.org/414/9506000134307");
  for (const own of ["414/9506000134307/254/X", "417/9506000134307", "415/9506000134307/8020/1"]) {
    assert.ok(gs1.keyCovers(gln, gs1.parseUri(`https://id.gs1.org/${own}`)), own);
  }
  assert.ok(gs1.isSingleKey(gtin8.text) && gs1.isSingleKey(gln.text));
  for (const text of ["96385074", `${gtin8.text}/21/A`, `${gln.text}/254/X`, "https://id.gs1.org/417/9506000134307", "urn:x:y"]) {
    assert.ok(!gs1.isSingleKey(text), text);
  }
  assert.ok(!gs1.isCompanyPrefix("00000963") && gs1.isCompanyPrefix("0000"));
  for (const [path, good] of [["8010/9521", true], ["8010/952", false], ["8010/9521X/8011/1", true], ["8010/9521X/8011/0", false]]) {
    assert.equal(reads(`https://id.gs1.org/${path}`), good, path);
  }
  assert.equal(gs1.glnOf(gs1.parseId("https://id.gs1.org/414/9506000134307")), "9506000134307");
  assert.equal(gs1.glnOf(gs1.parseId("https://id.gs1.org/414/9506000134307/254/X")), undefined);
  assert.equal(canonicalId("https://id.gs1.org/414/9506000134307/254/0"), "https://id.gs1.org/414/9506000134307");
  for (const [text, many] of [
    [ITEM, false], ["https://id.gs1.org/01/09506000134352", true], ["https://id.gs1.org/01/09506000134352/10/L", true],
    ["https://id.gs1.org/00/095060001343520000", false], ["urn:x:y", false],
  ]) {
    assert.equal(gs1.isClassLevel(gs1.parseId(text)), many, text);
  }
});

const normaliser = vectors("epcis/event-hash-reference/digital_link_normaliser_vectors.json");
const brackets = vectors("epcis/gs1-syntax-engine/bracketed_AI_vectors.json");

test("Digital Links are normalised as by the reference", { skip: normaliser.skip }, () => {
  for (const { input, expected } of JSON.parse(readFileSync(normaliser.path, "utf8"))) {
    const found = attempt(() => gs1.parseUri(input));
    assert.equal(found?.key ? found.text : null, expected, input);
  }
});

test("element strings are read as by the GS1 Syntax Engine", { skip: brackets.skip }, () => {
  for (const { bracketed_AI: bracketed, expected_unbracketed_AI: plain } of JSON.parse(readFileSync(brackets.path, "utf8"))) {
    const found = attempt(() => gs1.parseId(bracketed))?.text;
    const expected = plain === null ? undefined : attempt(() => gs1.parseId(plain.replaceAll("^", "\x1d")))?.text;
    assert.equal(found, expected, bracketed);
  }
});

function attempt(read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof gs1.IdError) return undefined;
    throw error;
  }
}
