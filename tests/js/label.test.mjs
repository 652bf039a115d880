// The label that a question has: how it is read, and each attribute equal, different and absent.

import assert from "node:assert/strict";
import { test } from "node:test";

import { parseQuestion } from "../../web/verify/gs1.js";
import { INPUT, ITEM, World, begin, rules } from "./builders/world.mjs";

const read = (text, more) => {
  const { id, label } = parseQuestion(text, more);
  return `${id.text} ${[...label].map(([ai, value]) => `(${ai})${value}`).join("")}`;
};

test("one label whatever the carrier", () => {
  const wanted = "https://id.gs1.org/01/09506000134352/21/S8 (10)L8(17)261231";
  for (const text of [
    "(01)09506000134352(10)L8(17)261231(21)S8",
    "]d201095060001343521726123110L8\x1d21S8",
    "https://shop.example/01/09506000134352/10/L8/21/S8?17=261231&lang=ko",
    "https://id.gs1.org/gtin/9506000134352/lot/L8/ser/S8?linkType=all&17=261231",
    "https://id.gs1.org/01/09506000134352/21/S8?10=L8&17=261231#x",
    "https://id.gs1.org/01/09506000134352/10/%4C8/21/S8?1%37=%3261231&10=L8",
  ]) {
    assert.equal(read(text), wanted, text);
  }
  assert.equal(read("(01)09506000134352(21)S8", { 10: "L8", 17: "261231" }), wanted);
});

test("what belongs to the id or to no label is left out", () => {
  assert.equal(read("(01)09506000134352(21)S8(3103)000195"), "https://id.gs1.org/01/09506000134352/21/S8 ");
  assert.equal(read("(01)09506000134352(10)L8(17)261231"), "https://id.gs1.org/01/09506000134352/10/L8 (17)261231");
  assert.equal(read("https://a.example/01/09506000134352?10=L8"), "https://id.gs1.org/01/09506000134352/10/L8 ");
  assert.equal(read("(01)09506000134352(235)T1"), "https://id.gs1.org/01/09506000134352/235/T1 ");
  assert.equal(read("(00)195060001343500016(10)L8(17)261231"), "https://id.gs1.org/00/195060001343500016 ");
  assert.equal(read("https://a.example/x?17=9"), "https://a.example/x?17=9 ");
});

test("a wrong attribute is named", () => {
  for (const [text, ai] of [
    ["(01)09506000134352(21)S8(17)261331", "17"],
    ["https://a.example/01/09506000134352/21/S8?17=261331", "17"],
    ["https://a.example/01/09506000134352/21/S8?7003=2612312460", "7003"],
    ["https://a.example/01/09506000134352/21/S8?10=", "10"],
    ["https://a.example/01/09506000134352/21/S8?02=09506000134353", "02"],
    ["https://a.example/01/09506000134352/10/L8/21/S8?10=L9", "10"],
    ["https://a.example/01/09506000134352/21/S8?17=261231&17=270101", "17"],
  ]) {
    assert.throws(() => parseQuestion(text), new RegExp(`\\(${ai}\\)`), text);
  }
});

const judged = (members, label, records) => {
  const world = new World();
  world.say(world.acme, 0, { ...begin, ...members });
  records?.(world);
  return world.judge(label ? `${ITEM}?${label}` : ITEM);
};
const WHOLE = {
  ilmd: {
    "cbvmda:lotNumber": "L7", "cbvmda:itemExpirationDate": "2027-12-31", "cbvmda:bestBeforeDate": "2027-06-30",
    "cbvmda:sellByDate": "2027-05-31", "gs1:productionDate": "2026-03-01T08:00:00Z",
  },
};

test("a label that says what is recorded changes nothing, and another is not to be trusted", () => {
  const equal = "10=L7&11=260301&15=270600&16=270531&17=271231";
  for (const label of ["", equal, `${equal}&22=2A&235=T`, "10=L7&11=260301&15=270630&16=270500&7003=2712311200"]) {
    assert.deepEqual(rules(judged(WHOLE, label)), [], label);
  }
  for (const [label, told] of [
    ["10=FAKE", "(10) lot “FAKE”, and “Acme Pharma” recorded “L7” on 2026-03-01 UTC."],
    ["17=291231", "(17) expiry date 2029-12-31, and “Acme Pharma” recorded 2027-12-31 on 2026-03-01 UTC."],
    ["7003=2912311200", "(7003) expiry date 2029-12-31, and “Acme Pharma” recorded 2027-12-31"],
    ["15=290630", "(15) best-before date 2029-06-30, and “Acme Pharma” recorded 2027-06-30"],
    ["16=290531", "(16) sell-by date 2029-05-31, and “Acme Pharma” recorded 2027-05-31"],
    ["11=260302", "(11) production date 2026-03-02, and “Acme Pharma” recorded 2026-03-01"],
  ]) {
    const verdict = judged(WHOLE, label);
    assert.deepEqual([verdict.verdict, verdict.reasons[0].rule], ["suspect", "label-differs"], label);
    assert.ok(verdict.reasons[0].text.startsWith(`The label says ${told}`), verdict.reasons[0].text);
  }
  assert.deepEqual(judged(WHOLE, equal).label, { 10: "L7", 11: "260301", 15: "270600", 16: "270531", 17: "271231" });
  assert.equal(judged(WHOLE, "").label, undefined);
});

test("what only one of them says is a note", () => {
  assert.deepEqual(rules(judged({}, "10=L7&17=271231&22=2A")), ["label-unconfirmed", "label-unconfirmed"]);
  const short = judged({ ilmd: { "cbvmda:lotNumber": "L7" } }, "22=2A");
  assert.deepEqual([short.verdict, rules(short)], ["authentic", ["label-incomplete"]]);
  assert.match(short.reasons.find(({ rule }) => rule === "label-incomplete").text, /does not say its lot, which is on record as “L7”\./);
});

test("a recalled lot is recalled in every recording", () => {
  const recall = (w) => w.say(w.acme, 9, { epcList: undefined, quantityList: [{ epcClass: "https://id.gs1.org/01/09506000134352/10/L8" }], disposition: "recalled" });
  for (const members of [
    { ilmd: { "cbvmda:lotNumber": "L8" } },
    { ilmd: { "gs1:Product": { "gs1:hasBatchLotNumber": "L8" } } },
    { ilmd: { "https://ref.gs1.org/voc/hasBatchLotNumber": [{ "@value": "L8" }] } },
    { epcList: ["https://shop.example/01/09506000134352/10/L8/21/S1"] },
    {},
  ]) {
    assert.equal(judged(members, "10=L8").verdict, "authentic");
    assert.equal(judged(members, "10=L8", recall).verdict, "recalled", JSON.stringify(members));
    assert.equal(judged(members, "", recall).verdict === "recalled", Object.keys(members).length > 0, JSON.stringify(members));
  }
});

test("dates that have passed are told, and those that cannot be read", () => {
  // The last seal is of 2026-05-23 UTC.
  const dated = (ilmd, label) => rules(judged({ ilmd }, label)).filter((rule) => !rule.startsWith("label-"));
  assert.deepEqual(dated({ "cbvmda:itemExpirationDate": "2026-05-22", "cbvmda:sellByDate": "2026-05-01" }), ["expired", "date-passed"]);
  assert.deepEqual(dated({ "cbvmda:itemExpirationDate": "2026-05-23" }), []);
  for (const [label, rule] of [["17=260522", "expired"], ["7003=2605222359", "expired"], ["17=260500"], ["15=260522", "date-passed"], ["11=260522"], ["17=760101", "expired"], ["17=750101"]]) {
    assert.deepEqual(dated({}, label), rule ? [rule] : [], label);
  }
  for (const date of ["31/12/2027", "2027-02-29", "2027", 20271231]) {
    assert.deepEqual(dated({ "cbvmda:itemExpirationDate": date }), ["expiry-unreadable"], String(date));
  }
});

test("whole numbers are their digits and other values are nothing", () => {
  const lot = (value) => rules(judged({ ilmd: { "cbvmda:lotNumber": value } }, "10=7"));
  for (const same of [7, "7", [8, "7"], { "@value": 7 }]) assert.deepEqual(lot(same), [], JSON.stringify(same));
  for (const nothing of [1.5, true, { x: "7" }, [["7"]], { "@value": ["7"] }]) assert.deepEqual(lot(nothing), ["label-unconfirmed"], JSON.stringify(nothing));
  assert.deepEqual(lot("07"), ["label-differs"]);
});

test("only whose number it is says what it is, and the label is its own alone", () => {
  const world = new World();
  world.say(world.other, 0, { ...begin, ilmd: { "cbvmda:lotNumber": "L7" } });
  assert.ok(!rules(world.judge(`${ITEM}?10=L8`)).includes("label-differs"));
  // A lot of the input's kind with the label's number is another lot.
  const made = new World();
  made.say(made.other, 0, { ...begin, epcList: [INPUT] });
  made.make(made.acme, 1, { inputEPCList: [INPUT], outputEPCList: [ITEM] });
  made.say(made.other, 2, { epcList: undefined, quantityList: [{ epcClass: "https://id.gs1.org/01/09521567000018/10/L8" }], disposition: "recalled" });
  assert.equal(made.judge(`${ITEM}?10=L8`).verdict, "authentic");
});
