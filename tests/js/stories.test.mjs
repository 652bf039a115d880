// The stories of tests/verdicts, which core's tests are told too.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { INPUT, ITEM, LOT, World, rules } from "./builders/world.mjs";
import { CASE, PALLET } from "./ledger.mjs";

const { stories } = JSON.parse(readFileSync(new URL("../verdicts/stories.json", import.meta.url), "utf8"));
const THINGS = {
  item: ITEM, case: CASE, pallet: PALLET, lot: LOT, input: INPUT,
  crate: "https://id.gs1.org/8003/095060000000221234", coupon: "https://id.gs1.org/255/9506000000022123",
};
const OUTSIDE = "https://id.gs1.org/417/9521999000006";
const STEPS = {
  commissions: ["commissioning", { action: "ADD", disposition: "active" }],
  ships: ["shipping", { disposition: "in_transit" }],
  receives: ["receiving", { disposition: "in_progress" }],
  "takes-back": ["receiving", { disposition: "returned" }],
  "reports-stolen": ["inspecting", { disposition: "stolen" }],
  recalls: ["holding", { disposition: "recalled" }],
  lifts: ["holding", { persistentDisposition: { unset: ["recalled"] } }],
};

/** Those who act in the stories, and what they have said so far. */
class Teller {
  said = [];

  constructor() {
    this.world = new World();
    this.world.quick = this.world.join("Quick Freight", "shipper", [], "952100000004");
    this.world.busan = this.world.join("Busan Medical", "distributor", [], "952100000005");
    this.world.depot = this.world.join("Depot Services", "shipper+distributor", [], "952100000007");
    this.world.agency = this.world.join("Food Agency", "authority", [], "952100000006");
  }

  say(line) {
    const [when, who, verb, ...rest] = line.split(" ");
    const { world, said } = this;
    if (verb === "withdraws") {
      const [actor, hour, members] = said[Number(rest[0]) - 1];
      const declared = { ...members, errorDeclaration: { declarationTime: new Date(Date.UTC(2026, 2, 1) + hourOf(when) * 3600000).toISOString() } };
      world.say(actor, hour, declared, { accepted: hourOf(when) });
      said.push([actor, hour, declared]);
      return;
    }
    if (verb === "upholds") {
      const { statement, position } = world.records[Number(rest[0]) - 1];
      const bizTransactionList = [{ bizTransaction: `ni:///sha-256;${statement}#${position}` }];
      const members = { type: "TransactionEvent", action: "ADD", bizTransactionList, bizStep: "inspecting" };
      world.say(world[who], hourOf(when), members);
      said.push([world[who], hourOf(when), members]);
      return;
    }
    const after = (word) => (rest.includes(word) ? rest[rest.indexOf(word) + 1] : undefined);
    if (who === "members") {
      this.decide(when, verb, world[rest[0]], after("by") ?? after("since"));
      return;
    }
    const of = THINGS[after("of") ?? "item"];
    const [bizStep, more] = verb === "packs" || verb === "unpacks" || verb === "makes" ? packing(verb, rest) : (STEPS[verb] ?? [verb, {}]);
    const named = of === LOT ? { epcList: undefined, quantityList: [{ epcClass: LOT, quantity: 10 }] } : { epcList: [of] };
    // What is withdrawn is named by its eventID.
    const members = { ...named, bizStep, ...more, eventID: `urn:example:${said.length + 1}` };
    const party = (name) => (name === "outside" ? OUTSIDE : world[name].party);
    const to = after("to")?.split(",").map((name) => ({ type: "possessing_party", destination: party(name) }));
    if (to) members.destinationList = to;
    if (verb === "receives" && after("from")) members.sourceList = [{ type: "possessing_party", source: party(after("from")) }];
    const place = rest.includes("nowhere") ? undefined : { id: world[after("at") ?? who].place };
    Object.assign(members, { readPoint: place, bizLocation: place });
    world.say(world[who], hourOf(when), members, after("posted") ? { accepted: hourOf(after("posted")) } : {});
    said.push([world[who], hourOf(when), members]);
  }

  decide(when, verb, about, more) {
    const { world, said } = this;
    if (verb === "authorise") world.resolve(hourOf(when), { type: "authority", registration: about.id });
    else if (verb === "replace") world.resolve(hourOf(when), { type: "succeeds", former: about.id, participant: world[more].id });
    else if (verb === "revoke") world.revoke(about, hourOf(when), more && Date.UTC(2026, 2, 1) + hourOf(more) * 3600000);
    else assert.fail(verb);
    // Lines are counted.
    said.push(said.at(-1));
  }
}

function packing(verb, [children, , container]) {
  const [action, step] = verb === "packs" ? ["ADD", "packing"] : ["DELETE", "unpacking"];
  const childEPCs = children.split(",").map((name) => THINGS[name]);
  if (verb === "makes") {
    const made = { type: "TransformationEvent", action: undefined, epcList: undefined, inputEPCList: [THINGS[container]], outputEPCList: childEPCs };
    return ["creating_class_instance", made];
  }
  return [step, { type: "AggregationEvent", action, epcList: undefined, parentID: THINGS[container], childEPCs }];
}

/** Hours of March 2026 of `MM-DD`, at nine, or with the time that is given. */
function hourOf(text) {
  const [day, time = "09:00"] = text.split("T");
  return (Date.parse(`2026-${day}T${time}${time.length === 5 ? ":00" : ""}Z`) - Date.UTC(2026, 2, 1)) / 3600000;
}

for (const { then = [], ...story } of stories) {
  test(story.name, () => {
    const teller = new Teller();
    for (const part of [story, ...then]) {
      part.events.forEach((line) => teller.say(line));
      const verdict = teller.world.judge(THINGS[part.asks ?? story.asks ?? "item"]);
      const light = part.light ?? verdict.light;
      assert.deepEqual([verdict.verdict, verdict.light, rules(verdict)], [part.word, light, part.rules], JSON.stringify(verdict.reasons, null, 1));
    }
  });
}
