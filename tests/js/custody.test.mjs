// From hand to hand: who may let go of a product, who takes it over, and what a carrier, a receiver and a thief can say.

import assert from "node:assert/strict";
import { test } from "node:test";

import { INPUT, ITEM, World, at, begin, declaredWrong, hour, nowhere, rules, step, to } from "./builders/world.mjs";

const CASE = "https://id.gs1.org/00/095060001343520000";
const OUTPUT = "https://id.gs1.org/01/09506000134352/21/O1";

/** A world in which Acme made the item at hour 0, and what was recorded then. */
function after(records, change = {}) {
  const world = new World();
  world.say(world.acme, 0, begin);
  records(world);
  change.revoke?.(world);
  return world;
}
const judged = (records, change) => {
  const verdict = after(records, change).judge();
  return [verdict.verdict, rules(verdict)];
};
const custodian = (records) => {
  const world = after(records);
  const { state } = world.judge();
  return [["acme", "swift", "seoul", "lisbon", "other"].find((name) => world[name].id === state.custodian?.id), state.inTransit];
};
const carrying = (actor) => step("shipping", { ...at(actor) });
const toBoth = (...actors) => step("shipping", { destinationList: actors.map((actor) => ({ type: "possessing_party", destination: actor.party })) });

// --- A carrier and its accomplice

test("the receiver's word does not stand in for the sender's release", () => {
  // The carrier takes it from Acme, names the accomplice as its destination, and the accomplice receives it: Acme never let go.
  const robbed = (w) => [w.say(w.swift, 2, to(w.lisbon)), w.say(w.lisbon, 3, step("receiving"))];
  assert.deepEqual(judged(robbed), ["incomplete", ["custody-gap"]]);
  for (const taking of ["accepting", "storing", "inspecting"]) {
    assert.deepEqual(judged((w) => [w.say(w.swift, 2, to(w.lisbon)), w.say(w.lisbon, 3, step(taking))]), ["incomplete", ["custody-gap"]], taking);
  }
  // That the accomplice passes it on makes it no better.
  const passed = (w) => [...robbed(w), w.say(w.lisbon, 4, to(w.seoul)), w.say(w.seoul, 5, step("receiving"))];
  assert.deepEqual(judged(passed), ["incomplete", ["custody-gap"]]);
});

test("a carrier that collects before the sender's own record of shipping is no gap once that is there", () => {
  assert.deepEqual(judged((w) => [w.say(w.swift, 2, step("transporting")), w.say(w.acme, 3, to(w.lisbon)), w.say(w.lisbon, 4, step("receiving"))]), ["authentic", ["unnamed-carrier"]]);
});

test("what a carrier took away and nobody released is a gap, whoever it says it brings it to", () => {
  assert.deepEqual(judged((w) => w.say(w.swift, 2, to(w.lisbon))), ["incomplete", ["custody-gap"]]);
  assert.deepEqual(judged((w) => w.say(w.swift, 2, carrying(w.swift))), ["incomplete", ["custody-gap"]]);
  const collected = (w) => w.say(w.swift, 2, { ...step("transporting"), ...at(w.acme) });
  assert.deepEqual(judged(collected), ["authentic", ["unnamed-carrier"]], "at the holder's own place it only handles it");
});

test("the sender's destination stands, whatever a carrier says", () => {
  const redirected = (w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.swift, 2, to(w.lisbon))];
  assert.deepEqual(judged((w) => [...redirected(w), w.say(w.lisbon, 3, step("receiving"))]), ["incomplete", ["custody-gap", "unnamed-carrier"]]);
  assert.deepEqual(judged((w) => [...redirected(w), w.say(w.seoul, 3, step("receiving"))]), ["authentic", ["unnamed-carrier"]]);
  // Where the sender named none, it is anybody's; a carrier that nobody named announces nothing.
  const filled = (w) => [w.say(w.acme, 1, step("shipping")), w.say(w.swift, 2, to(w.lisbon))];
  for (const who of ["lisbon", "seoul"]) {
    assert.deepEqual(judged((w) => [...filled(w), w.say(w[who], 3, step("receiving"))]), ["authentic", ["unnamed-carrier", "unannounced"]], who);
  }
  // A carrier that the sender named names the next, and for whom it is if the sender did not say.
  const named = (w) => [w.say(w.acme, 1, to(w.swift)), w.say(w.swift, 2, to(w.lisbon))];
  assert.deepEqual(judged((w) => [...named(w), w.say(w.lisbon, 3, step("receiving"))]), ["authentic", []]);
  assert.deepEqual(judged((w) => [...named(w), w.say(w.seoul, 3, step("receiving"))]), ["incomplete", ["custody-gap"]]);
});

test("a carrier that is named has it while it carries it, and one that nobody named does not", () => {
  assert.deepEqual(custodian((w) => [w.say(w.acme, 1, to(w.swift)), w.say(w.swift, 2, step("receiving"))]), ["swift", true]);
  assert.deepEqual(custodian((w) => [w.say(w.acme, 1, toBoth(w.swift, w.seoul)), w.say(w.swift, 2, step("receiving"))]), ["swift", true]);
  assert.deepEqual(custodian((w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.swift, 2, step("receiving"))]), [undefined, true]);
  const taken = (w) => [w.say(w.acme, 1, to(w.swift)), w.say(w.swift, 2, step("receiving"))];
  assert.deepEqual(judged((w) => [...taken(w), w.say(w.lisbon, 3, step("receiving"))]), ["authentic", ["unannounced"]], "for whom it was nobody said");
});

test("no carrier ends what it carries", () => {
  const [, found] = judged((w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.swift, 2, step("retail_selling"))]);
  assert.ok(found.includes("custody-gap"), found);
});

// --- Taking over

test("the announced receiver takes it over by any record of having it, and nobody else does", () => {
  for (const word of ["receiving", "accepting", "storing"]) {
    assert.deepEqual(judged((w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.seoul, 2, step(word))]), ["authentic", []], word);
  }
  assert.deepEqual(judged((w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.lisbon, 2, step("receiving"))]), ["incomplete", ["custody-gap"]]);
  for (const word of ["receiving", "storing", "shipping"]) {
    const taken = (w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.lisbon, 3, step(word))];
    assert.deepEqual(judged(taken), ["incomplete", ["custody-gap"]], word);
    // Once it is where it was sent, a missing hand-over explains that only if it was sent on from there.
    const arrived = judged((w) => [...taken(w), w.say(w.seoul, 6, step("receiving"))]);
    assert.deepEqual(arrived, word === "shipping" ? ["incomplete", ["custody-gap"]] : ["disputed", ["claimed"]], word);
  }
});

test("where nobody was announced the first that says where it has it takes it over", () => {
  const sent = (w) => w.say(w.acme, 1, step("shipping"));
  for (const word of ["receiving", "storing"]) {
    assert.deepEqual(judged((w) => [sent(w), w.say(w.lisbon, 2, step(word))]), ["authentic", ["unannounced"]], word);
    assert.deepEqual(judged((w) => [sent(w), w.say(w.lisbon, 2, { ...step(word), ...nowhere })])[0], "authentic", word);
  }
  assert.deepEqual(judged((w) => [sent(w), w.say(w.lisbon, 2, step("shipping"))]), ["incomplete", ["custody-gap"]]);
  // The carrier that took it without a release had it from nobody.
  const taken = (w) => w.say(w.swift, 1, carrying(w.swift));
  assert.deepEqual(judged((w) => [taken(w), w.say(w.lisbon, 2, step("receiving"))]), ["incomplete", ["custody-gap"]]);
});

test("the sender takes back what could not be delivered, and goes on with what it released by another word only", () => {
  assert.deepEqual(judged((w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.acme, 2, step("receiving")), w.say(w.lisbon, 3, step("storing"))])[1], ["custody-gap"]);
  assert.deepEqual(custodian((w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.acme, 2, step("receiving"))]), ["acme", false]);
  assert.deepEqual(custodian((w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.acme, 2, step("storing"))]), [undefined, true]);
});

test("a visitor at the holder's own place takes nothing, and elsewhere it has it", () => {
  const observed = (place) => judged((w) => w.say(w.lisbon, 2, { ...step("inspecting"), ...place(w) }));
  assert.deepEqual(observed((w) => at(w.acme)), ["authentic", []]);
  assert.deepEqual(observed(() => nowhere), ["authentic", []]);
  assert.deepEqual(observed((w) => at(w.lisbon)), ["incomplete", ["custody-gap"]]);
  assert.deepEqual(observed((w) => at(w.seoul)), ["incomplete", ["custody-gap"]]);
  // A sale at the holder's place is no observation.
  assert.deepEqual(judged((w) => w.say(w.lisbon, 2, { ...step("retail_selling"), ...at(w.acme) }))[1], ["custody-gap"]);
});

test("only the holder of the prefix ends from afar what another has", () => {
  const afar = { type: "TransactionEvent", bizTransactionList: [{ bizTransaction: "urn:x:t" }], bizStep: "retail_selling" };
  const received = (w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.seoul, 2, step("receiving"))];
  assert.deepEqual(judged((w) => [...received(w), w.say(w.acme, 3, { ...step("decommissioning") })])[1], ["decommissioned"]);
  assert.deepEqual(judged((w) => [...received(w), w.say(w.lisbon, 3, { ...step("decommissioning") })])[1], ["custody-gap"]);
  assert.deepEqual(judged((w) => [...received(w), w.say(w.seoul, 3, afar)])[1], ["sold"]);
  assert.deepEqual(judged((w) => [...received(w), w.say(w.lisbon, 3, afar)])[1], ["custody-gap"]);
  const passedOn = (w) => [w.say(w.acme, 1, to(w.lisbon)), w.say(w.lisbon, 2, to(w.seoul)), w.say(w.seoul, 3, step("receiving"))];
  assert.deepEqual(judged((w) => [...passedOn(w), w.say(w.lisbon, 6, afar)]), ["incomplete", ["custody-gap"]], "nor who had it before");
});

test("a recall is spoken from afar by the holder of the prefix alone: another that says it has it in hand", () => {
  const received = (w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.seoul, 2, step("receiving"))];
  const recalls = (who) => judged((w) => [...received(w), w.say(w[who], 3, { disposition: "recalled" })]);
  assert.deepEqual(recalls("acme"), ["recalled", ["recalled"]]);
  assert.deepEqual(recalls("lisbon"), ["incomplete", ["custody-gap", "recall-claimed"]]);
});

test("what was sold comes back to its seller or to the prefix's holder", () => {
  const sold = (w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.seoul, 2, step("receiving")), w.say(w.seoul, 3, step("retail_selling"))];
  const back = (who) => judged((w) => [...sold(w), w.say(w[who], 4, { disposition: "returned" })]);
  assert.deepEqual(back("seoul"), ["authentic", []]);
  assert.deepEqual(back("acme"), ["authentic", []]);
  assert.deepEqual(back("lisbon"), ["incomplete", ["returned-elsewhere", "sold"]]);
  // Nor to one that has had it before, and could be part of its account.
  const hadIt = (w) => [w.say(w.acme, 1, to(w.lisbon)), w.say(w.lisbon, 2, to(w.seoul)), w.say(w.seoul, 3, step("retail_selling")), w.say(w.lisbon, 5, { disposition: "returned" })];
  assert.deepEqual(judged(hadIt), ["incomplete", ["returned-elsewhere", "sold"]]);
  assert.deepEqual(judged((w) => [...hadIt(w).slice(0, 3), w.say(w.lisbon, 6, step("destroying"))])[1].at(-1), "sold");
  const destroyed = (w) => [w.say(w.acme, 1, step("destroying")), w.say(w.acme, 2, { disposition: "returned" })];
  assert.deepEqual(judged(destroyed)[1], ["event-after-terminal", "destroyed"]);
});

// --- Shippings taken back

const voids = step("void_shipping");

test("a shipping is taken back by its own signer, the latest one before", () => {
  assert.deepEqual(judged((w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.acme, 2, voids), w.say(w.acme, 3, to(w.lisbon))]), ["authentic", []]);
  assert.deepEqual(judged((w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.lisbon, 2, voids), w.say(w.acme, 3, to(w.lisbon))]), [
    "suspect", ["shipped-twice", "void-without-shipping"],
  ]);
  assert.deepEqual(judged((w) => [w.say(w.acme, 1, voids), w.say(w.acme, 2, to(w.seoul)), w.say(w.acme, 3, to(w.lisbon))]), [
    "suspect", ["shipped-twice", "void-without-shipping"],
  ]);
  const twice = (w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.acme, 2, voids), w.say(w.acme, 3, voids), w.say(w.acme, 4, to(w.lisbon))];
  assert.deepEqual(judged(twice), ["authentic", ["void-without-shipping"]]);
});

test("a stolen key takes no shipping back", () => {
  // Acme sent it to Seoul; with Acme's key a thief takes that back, so that Seoul's receiving would look like a robbery.
  const world = new World();
  world.say(world.acme, 0, begin);
  world.say(world.acme, 1, to(world.seoul));
  world.say(world.acme, 6, voids);
  world.say(world.seoul, 7, step("receiving"));
  world.revoke(world.acme, 9, hour(5));
  const verdict = world.judge();
  assert.deepEqual(rules(verdict), ["signed-after-compromise", "void-without-shipping"]);
  assert.equal(verdict.state.custodian.id, world.seoul.id);
});

test("a stolen key's own shipping is not taken back either, and what the owner voided before stays void", () => {
  const world = new World();
  world.say(world.acme, 0, begin);
  world.say(world.acme, 1, to(world.seoul));
  world.say(world.acme, 2, voids);
  world.say(world.acme, 3, to(world.lisbon));
  world.say(world.lisbon, 4, step("receiving"));
  world.revoke(world.acme, 9, hour(5));
  assert.deepEqual([world.judge().verdict, rules(world.judge())], ["authentic", []]);
});

test("a container's shipping is taken back for what is in it", () => {
  const world = new World();
  world.say(world.acme, 0, begin);
  world.pack(world.acme, 1, CASE, ["https://id.gs1.org/01/09506000134352/21/S1"]);
  world.say(world.acme, 2, { ...to(world.seoul), epcList: [CASE] });
  world.say(world.acme, 3, { ...voids, epcList: [CASE] });
  world.say(world.acme, 4, { ...to(world.lisbon), epcList: [CASE] });
  world.say(world.lisbon, 5, { ...step("receiving"), epcList: [CASE] });
  assert.deepEqual([world.judge().verdict, rules(world.judge())], ["authentic", []]);
});

// --- Keys in other hands

test("a thief with the key of one who had nothing to do with it is disregarded, and noted", () => {
  const lisbon = { revoke: (w) => w.revoke(w.lisbon, 9, hour(1)) };
  assert.deepEqual(judged((w) => w.say(w.lisbon, 3, step("receiving")), lisbon), ["authentic", ["compromised-stranger"]]);
  // Where it had to do with it, by any account, its word stands and is doubted.
  const concerned = [
    (w) => [w.say(w.acme, 1, to(w.lisbon)), w.say(w.lisbon, 3, step("receiving"))],
    (w) => [w.say(w.acme, 1, step("shipping")), w.say(w.lisbon, 2, step("receiving"), { signedAt: 0, accepted: 0.5 }), w.say(w.lisbon, 3, step("storing"))],
  ];
  for (const records of concerned) {
    const [word, [first]] = judged(records, lisbon);
    assert.deepEqual([word, first], ["suspect", "signed-after-compromise"]);
  }
  const swift = { revoke: (w) => w.revoke(w.swift, 9, hour(3)) };
  const carried = (w) => [w.say(w.acme, 1, toBoth(w.swift, w.seoul)), w.say(w.swift, 2, step("transporting")), w.say(w.swift, 4, step("transporting"))];
  assert.deepEqual(judged(carried, swift), ["suspect", ["signed-after-compromise"]]);
});

test("a thief with the maker's or the seller's key is never a stranger", () => {
  const acme = { revoke: (w) => w.revoke(w.acme, 9, hour(5)) };
  const gone = (w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.seoul, 2, step("receiving"))];
  assert.deepEqual(judged((w) => [...gone(w), w.say(w.acme, 6, { ...step("inspecting"), ...nowhere })], acme), ["suspect", ["signed-after-compromise"]]);
  const seoul = { revoke: (w) => w.revoke(w.seoul, 9, hour(5)) };
  const sold = (w) => [...gone(w), w.say(w.seoul, 3, step("retail_selling")), w.say(w.seoul, 6, { disposition: "returned" })];
  assert.deepEqual(judged(sold, seoul), ["suspect", ["signed-after-compromise"]]);
});

// --- The account, and what stands beside it

test("a claim is told with who had it and where, moves nothing, and is no part of the journey", () => {
  const world = after((w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.seoul, 5, step("receiving")), w.say(w.lisbon, 9, step("receiving")), w.say(w.seoul, 30, step("storing"))]);
  const { verdict, light, summary, state, timeline } = world.judge();
  assert.deepEqual([verdict, light, state.custodian.id], ["disputed", "amber", world.seoul.id]);
  const place = (actor) => `GLN ${actor.place.slice(-13)}`;
  assert.equal(
    summary,
    `By its own records it was with “Seoul Medical” at ${place(world.seoul)} on 2026-03-02 UTC. “Lisbon Trade” says it had a product with this number at ` +
      `${place(world.lisbon)} on 2026-03-01 UTC, and has no part in its journey. If yours did not come from “Seoul Medical”, do not trust it.`,
  );
  assert.deepEqual(timeline.map(({ note }) => note), [undefined, undefined, undefined, "It does not fit the journey, and is no part of it.", undefined]);
});

test("what its holder sold on and sells again is a contradiction, and a claim once others went on", () => {
  const gone = (w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.seoul, 5, step("receiving"))];
  assert.deepEqual(judged((w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.acme, 2, step("dispensing"))])[0], "suspect");
  // By its own clock Acme ended it before Seoul received it; but Seoul's record was on the ledger first.
  assert.deepEqual(judged((w) => [...gone(w), w.say(w.acme, 2, step("destroying"))])[0], "disputed");
});

test("clocks an hour apart contradict nothing, nor does a day that is given alone", () => {
  const received = (sent, taken) => judged((w) => [w.say(w.seoul, taken, step("receiving")), w.say(w.acme, sent, to(w.seoul))]);
  assert.deepEqual(received(10, 9), ["authentic", ["late"]]);
  assert.deepEqual(received(10, 8), ["disputed", ["claimed"]]);
  assert.deepEqual(received(34, 24), ["authentic", ["late"]], "midnight stands for the day");
  const zoned = (offset, hours) => judged((w) => [
    w.say(w.seoul, hours, { ...step("receiving"), eventTimeZoneOffset: offset }), w.say(w.acme, 34, to(w.seoul)),
  ])[0];
  assert.deepEqual([zoned("+09:00", 15), zoned("-09:00", 15), zoned("-05:00", 29)], ["authentic", "disputed", "authentic"]);
});

test("a claim that names who has it as its source is a gap", () => {
  const of = (source) => judged((w) => [
    w.say(w.lisbon, 3, { ...step("receiving"), sourceList: [{ type: "possessing_party", source: w[source].party }] }),
    w.say(w.acme, 9, step("storing")),
  ]);
  assert.deepEqual(of("acme"), ["incomplete", ["custody-gap"]]);
  assert.deepEqual(of("seoul"), ["disputed", ["claimed"]]);
});

test("a sale by mistake leaves no trace, and any other end that is withdrawn leaves a gap until the maker records it again", () => {
  const withdrawn = (bizStep, hours, more) => judged((w) => {
    w.say(w.acme, 1, to(w.seoul));
    w.say(w.seoul, 2, step("receiving"));
    w.say(w.seoul, 3, { ...step(bizStep), eventID: "urn:x:1" });
    w.say(w.seoul, 3, { ...step(bizStep), ...declaredWrong("urn:x:1") }, { accepted: 3 + hours });
    more?.(w);
  });
  assert.deepEqual(withdrawn("retail_selling", 20), ["authentic", ["corrected"]]);
  assert.deepEqual(withdrawn("retail_selling", 30), ["incomplete", ["end-withdrawn", "corrected"]]);
  assert.deepEqual(withdrawn("destroying", 1), ["incomplete", ["end-withdrawn", "corrected"]]);
  assert.deepEqual(withdrawn("destroying", 1, (w) => w.say(w.seoul, 40, step("inspecting"))), ["incomplete", ["end-withdrawn", "corrected"]]);
  assert.deepEqual(withdrawn("destroying", 1, (w) => w.say(w.acme, 40, { ...step("inspecting"), ...nowhere })), ["authentic", ["corrected"]]);
});

test("a logistic unit is a load, traced from its maker's packing until it is empty", () => {
  const of = (records) => {
    const world = new World();
    records(world);
    const verdict = world.judge(CASE);
    return [verdict.verdict, verdict.light, rules(verdict)];
  };
  const packed = (w) => w.pack(w.acme, 1, CASE, [ITEM, INPUT]);
  const taken = (w, ...children) => w.pack(w.acme, 2, CASE, children.length > 0 ? children : undefined, "DELETE");
  assert.deepEqual(of(packed), ["traced", "grey", ["load"]]);
  assert.deepEqual(of((w) => [packed(w), taken(w, ITEM)]), ["traced", "grey", ["load"]]);
  for (const all of [[ITEM, INPUT], []]) assert.deepEqual(of((w) => [packed(w), taken(w, ...all)]), ["ended", "amber", ["unpacked", "load"]]);
  assert.deepEqual(of((w) => w.pack(w.seoul, 1, CASE, [ITEM])), ["incomplete", "amber", ["no-origin", "load"]]);
});

test("of a document nobody asks who has it, and a returnable asset is a load", () => {
  const world = new World();
  const [paper, crate] = ["https://id.gs1.org/253/9506000134352D1", "https://id.gs1.org/8003/09506000134352X1"];
  world.say(world.acme, 1, { ...begin, epcList: [paper, crate] });
  world.say(world.lisbon, 30, { ...step("storing"), ...nowhere, epcList: [paper] });
  assert.deepEqual([world.judge(paper).verdict, world.judge(paper).summary], ["authentic", "Genuine by the records: it comes from “Acme Pharma”, of 2026-03-01 UTC."]);
  assert.deepEqual([world.judge(crate).verdict, rules(world.judge(crate))], ["traced", ["load"]]);
});

test("what goes into something else is used up, unless it is stored again", () => {
  const used = (w) => w.make(w.acme, 2, { inputEPCList: [ITEM], outputEPCList: [OUTPUT] });
  assert.deepEqual(judged(used), ["ended", ["used-up"]]);
  assert.deepEqual(judged((w) => [used(w), w.say(w.acme, 3, step("storing"))]), ["authentic", []]);
});

test("a claim about a container disputes the container, and is noted of what is in it", () => {
  const records = (w) => [
    w.pack(w.acme, 1, CASE, [ITEM]), w.say(w.lisbon, 9, { ...step("receiving"), epcList: [CASE] }), w.say(w.acme, 30, { ...step("storing"), epcList: [CASE] }),
  ];
  assert.deepEqual(judged(records), ["authentic", ["container-disputed"]]);
  assert.equal(after(records).judge(CASE).verdict, "disputed");
});

test("more records against the account than are compared with it are a gap, told in time", () => {
  const world = after((w) => [w.say(w.acme, 1, to(w.seoul)), w.say(w.acme, 2, step("receiving"))]);
  for (let at = 0; at < 1000; at++) {
    world.say(world.acme, 3 + at * 2, step("storing"));
    world.say(world.seoul, 4 + at * 2, step("storing"));
  }
  const { verdict, reasons } = world.judge();
  const limit = reasons.find(({ rule }) => rule === "limit-reached");
  assert.deepEqual([verdict, limit.text], ["disputed", "More records are against the account of it than are compared with it."]);
});
