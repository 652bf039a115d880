// Records without a ledger and without any format's bytes: what `judge` is given, made by hand.

import assert from "node:assert/strict";

import { judge, tell } from "../../../web/verify.js";
import { readEpcis } from "../../../web/verify/epcis.js";
import { checkDigit, parseQuestion } from "../../../web/verify/gs1.js";
import { Registry } from "../../../web/verify/registry.js";
import { ENGLISH } from "./sentences.mjs";

export const ITEM = "https://id.gs1.org/01/09506000134352/21/S1";
export const INPUT = "https://id.gs1.org/01/09521567000018/21/I1";
export const LOT = "https://id.gs1.org/01/09506000134352/10/L7";
const CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";

/** Times are hours of March 2026. */
export const hour = (at) => Date.UTC(2026, 2, 1) + Math.round(at * 3600000);

export const begin = { action: "ADD", bizStep: "commissioning", disposition: "active" };
export const step = (bizStep, members) => ({ bizStep, ...members });
export const to = (actor) => step("shipping", { destinationList: [{ type: "possessing_party", destination: actor.party }] });
export const nowhere = { readPoint: undefined, bizLocation: undefined };
export const at = (actor) => ({ readPoint: { id: actor.place }, bizLocation: { id: actor.place } });
export const lasting = (change) => ({ persistentDisposition: change, bizStep: "holding" });
export const declaredWrong = (eventID) => ({ eventID, errorDeclaration: { declarationTime: "2026-03-09T00:00:00Z" } });

const FAVOUR = /registered$|unbroken|copied|prefix-holder/;

/** The rules of a verdict's reasons, without those that stand with every authentic one. */
export const rules = ({ reasons }) => reasons.map(({ rule }) => rule).filter((rule) => !FAVOUR.test(rule));

/** A few participants and what they recorded: each record stands at a leaf of its own, a second after its event. */
export class World {
  records = [];
  registry = new Registry("ledger.example", []);
  leaf = 1;

  constructor() {
    this.acme = this.join("Acme Pharma", "manufacturer", ["9506000"], "950600099001");
    this.swift = this.join("Swift Freight", "shipper", [], "952100000001");
    this.seoul = this.join("Seoul Medical", "distributor", [], "952100000002");
    this.lisbon = this.join("Lisbon Trade", "distributor", [], "952100000003");
    this.other = this.join("Other Works", "manufacturer", ["9521567"], "952156700001");
  }

  #apply(admin, at) {
    this.registry.apply(admin, { leaf: this.leaf++, time: at }, undefined, (message) => assert.fail(message));
  }

  join(organization, role, gs1CompanyPrefixes, digits) {
    const gln = digits + checkDigit(digits);
    const id = `00000000-0000-4000-8000-${String(this.leaf).padStart(12, "0")}`;
    const certificate = { thumbprint: organization, key: { thumbprint: organization }, notBefore: hour(-9999), notAfter: hour(9999) };
    const claims = { organization, roles: role.split("+"), glns: [gln], gs1CompanyPrefixes, namespaces: [] };
    this.#apply({ type: "registration", participant: id, claims, certificate }, hour(-999));
    return { id, certificate: organization, place: `https://id.gs1.org/414/${gln}`, party: `https://id.gs1.org/417/${gln}` };
  }

  revoke(actor, at, compromisedSince) {
    this.#apply({ type: "revocation", participant: actor.id, reason: "x", compromisedSince }, hour(at));
  }

  /** Lets the members decide a change. */
  resolve(at, change) {
    const proposal = { type: "proposal", id: `proposal-${this.leaf}`, changes: [change] };
    this.#apply(proposal, hour(at));
    this.registry.enact(proposal, { leaf: this.leaf++, time: hour(at) }, (message) => assert.fail(message));
  }

  /** Records an event. `accepted` and `signedAt` are the hours of its block and of its `iat`, if not those of the event. */
  say(actor, at, members, { accepted, signedAt } = {}) {
    const all = {
      "@context": CONTEXT, type: "ObjectEvent", action: "OBSERVE", epcList: [ITEM], eventTimeZoneOffset: "+00:00",
      eventTime: new Date(hour(at)).toISOString(), readPoint: { id: actor.place }, bizLocation: { id: actor.place }, ...members,
    };
    const [event] = readEpcis(Buffer.from(JSON.stringify(all)));
    const place = { leaf: this.leaf++, time: accepted === undefined ? event.time + 1000 : hour(accepted) };
    const signed = signedAt === undefined ? event.time : hour(signedAt);
    this.records.push({ place, statement: `statement-${place.leaf}`, position: 0, signer: actor.id, certificate: actor.certificate, signedAt: signed, event });
    return place.leaf;
  }

  make(actor, at, members) {
    return this.say(actor, at, { type: "TransformationEvent", action: undefined, epcList: undefined, ...members });
  }

  pack(actor, at, parentID, children, action = "ADD") {
    return this.say(actor, at, { type: "AggregationEvent", action, parentID, childEPCs: children, epcList: undefined });
  }

  judge(id = ITEM, { policy, limitReached = false } = {}) {
    const { registry, records, leaf } = this;
    return tell(judge({ ...parseQuestion(id), asOf: hour(2000), treeSize: leaf, records, limitReached, registry }, policy), ENGLISH);
  }
}
