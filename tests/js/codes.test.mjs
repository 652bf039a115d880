// What is meant of the codes in view.

import assert from "node:assert/strict";
import { test } from "node:test";

import { choose, peopleText, readScanned, uriOf } from "../../web/codes.js";
import { readTyped } from "../../web/verify/typed.js";

const EAN = "9506000134352";
const A1 = "(01)09506000134352(21)A1";
const QR = "https://id.gs1.org/01/09506000134352/21/A1?17=261231";
const chosen = (...texts) => choose(texts).products.map(({ text }) => text);

test("a code with a serial is preferred, in whatever order they are seen", () => {
  assert.deepEqual(chosen(EAN, A1), [A1]);
  assert.deepEqual(chosen(A1, EAN), [A1]);
  assert.deepEqual(chosen("96385074", A1), [A1], "the number of another kind too");
  assert.deepEqual(chosen(EAN, "(01)09506000134352(10)L8"), ["(01)09506000134352(10)L8"]);
  assert.deepEqual(chosen(EAN, "https://win.example/"), [EAN]);
  assert.equal(choose([EAN]).hasSerial, false);
  assert.equal(choose([EAN, A1]).hasSerial, true);
});

test("two products are two, and one number is one", () => {
  assert.deepEqual(chosen(A1, "(01)09506000134352(21)B2"), [A1, "(01)09506000134352(21)B2"]);
  assert.deepEqual(chosen(A1, QR), [QR], "with its label");
  assert.deepEqual(chosen(QR, A1), [QR]);
  assert.deepEqual(chosen("WIFI:S:x;;", "hello"), []);
});

test("what is no product's code is known by its kind", () => {
  for (const [text, rule] of [
    ["WIFI:T:WPA;S:Home;P:secret;;", "kind.wifi"], ["BEGIN:VCARD\nN:Kim\nEND:VCARD", "kind.contact"], ["https://win.example/?token=1", "kind.link"],
    ["geo:37.5,126.9", "kind.place"], ["urn:uuid:8c9a2f4e-5f0b-4a8e-9d7e-2b1f6c3a4d5e", "kind.text"], ["Hello there", "kind.text"], ["맛있는 우유", "kind.text"],
    ["upi://pay?pa=a@b", "kind.payment"], ["otpauth://totp/x?secret=y", "kind.secret"], ["tel:+1", "kind.message"], ["win.example/shop", "kind.text"],
    ["https://id.gs1.org/01/09506000134353/21/A1", "check-digit"], ["(01)09506000134353(21)A1", "check-digit"], ["12345", "digits"],
  ]) {
    const read = readScanned(text);
    assert.equal(read.rule, rule, text);
    assert.equal(read.asked, undefined);
  }
  assert.deepEqual(readScanned("https://me:pass@win.example/x").values, { host: "win.example" });
});

test("only what identifies and its label is asked about", () => {
  const asked = readTyped("https://shop.example/01/09506000134352/21/A%2F1?10=L8&session=secret");
  assert.equal(uriOf(asked), "https://id.gs1.org/01/09506000134352/21/A%2F1?10=L8");
  assert.equal(peopleText(asked), "(01)09506000134352 (21)A/1 (10)L8");
});
