// `names` (docs/FORMATS.md): under which subjects a leaf is indexed, and what ties one id to another in the words of an event.

import { byBytes } from "./bytes.js";
import { declares, plays } from "./epcis.js";
import { claimDigits, classOf, parseUri } from "./gs1.js";
import { broughtIntoBeing, namespaceCandidates, plainHttp } from "./registry.js";
import { kindByte } from "./tree.js";

/** A subject as one text, by which maps are keyed: its kind, a space, and its own text. */
export const subject = (kind, text) => `${kind} ${text}`;
export const kindOf = (key) => key.slice(0, key.indexOf(" "));
export const textOf = (key) => key.slice(key.indexOf(" ") + 1);
export const bySubject = (a, b) => kindByte(kindOf(a)) - kindByte(kindOf(b)) || byBytes(textOf(a), textOf(b));
export const holdsCaptures = (kind) => ["id", "transformation", "recall", "transaction"].includes(kind);

/** The subjects of one event by its signer. */
export function namesOfEvent(event, signer) {
  const subjects = new Set();
  const ids = event.ids.map(([, id]) => id);
  for (const id of ids) subjects.add(subject("id", id.text));
  if (event.transformationId) subjects.add(subject("transformation", event.transformationId.text));
  for (const transaction of event.transactions) subjects.add(subject("transaction", transaction));
  if (declares(event, "recalled")) {
    for (const id of ids) if (classOf(id)) subjects.add(subject("id", classOf(id).text));
  }
  if (speaksOfRecall(event)) {
    for (const id of ids) subjects.add(subject("recall", id.text)).add(subject("recall", `${signer} ${id.text}`));
  }
  return subjects;
}

export const speaksOfRecall = (event) => declares(event, "recalled") || event.unset.includes("recalled");

/** The subjects of an admin statement; of a proposal those that evidence can have. It has its statement's `id`. */
export function namesOfAdmin(admin) {
  if (admin.type === "genesis") return new Set(admin.members.map(({ kid }) => subject("party", kid)));
  if (admin.type === "proposal") return new Set([subject("proposal", admin.id), ...admin.names.map(([kind, text]) => subject(kind, text))]);
  const subjects = new Set([subject("party", admin.participant)]);
  if (admin.type === "registration") {
    const { gs1CompanyPrefixes, gs1Keys = [], glns, namespaces } = admin.claims;
    const keys = gs1Keys.map((key) => claimDigits(parseUri(key)).at(-1));
    for (const text of [...gs1CompanyPrefixes, ...keys, ...glns, ...namespaces.map(plainHttp)]) subjects.add(subject("prefix", text));
  }
  return subjects;
}

/** The container that an event puts `child` into (EPCIS 2.0 §7.4.3). */
export function containerIn(event, child) {
  const packs = event.type === "AggregationEvent" && event.action === "ADD" && event.parent;
  return packs && plays(event, child, "child") ? event.parent : undefined;
}

export const inputsOf = (event) => event.ids.filter(([part]) => part === "input").map(([, id]) => id);

/** True where an event brings the id into being. */
export const bringsForth = (event, text) => broughtIntoBeing(event).some((id) => id.text === text);

/** Every prefix that could cover an id, held or not. */
export function prefixesOf(id) {
  return id.key ? claimDigits(id) : namespaceCandidates(id.text);
}
