// What an event says about having the product and about its end, by the CBV 2.0 business steps and dispositions.

import { declares } from "./epcis.js";

/** What a business step says about having the product. */
export const STEP_ACTS = new Map([
  ["shipping", "ships"], ["consigning", "ships"], ["departing", "ships"], ["receiving", "receives"],
  ["accepting", "receives"], ["void_shipping", "voids"], ["sensor_reporting", "afar"], ["reserving", "afar"],
]);

/** What an entry says about who has the product: `ships`, `receives`, `voids`, `handles` or `afar`. */
export function actOf(records, at) {
  const event = records.event(at);
  if (STEP_ACTS.has(event.step)) return STEP_ACTS.get(event.step);
  if (declares(event, "stolen")) return "afar";
  const holders = event.step === "decommissioning" || declares(event, "recalled");
  if (holders && records.byPrefixHolder(at)) return "afar";
  return event.type === "TransactionEvent" ? "afar" : "handles";
}

/** How a product's life ends, the more final the later. */
export const ENDS = ["sold", "dispensed", "decommissioned", "destroyed"];
const AFTER_SALE = `collecting decommissioning destroying disassembling inspecting installing killing removing repairing
replacing sampling`.split(/\s+/);
const MAY_FOLLOW = [AFTER_SALE, AFTER_SALE, ["collecting", "destroying", "disassembling"], []];

export const permits = (end, step) => MAY_FOLLOW[end].includes(step);
export const mayBeReturned = (end) => end <= 1;

/** The end that an event puts to what it names, as a number into `ENDS`. */
export function endIn(event) {
  if (event.step === "destroying" || declares(event, "destroyed") || declares(event, "disposed")) return 3;
  if (event.step === "retail_selling" || declares(event, "retail_sold")) return 0;
  if (declares(event, "partially_dispensed")) return undefined;
  if (event.step === "dispensing" || declares(event, "dispensed")) return 1;
  const deleted = event.type === "ObjectEvent" && event.action === "DELETE";
  return event.step === "decommissioning" || declares(event, "inactive") || deleted ? 2 : undefined;
}

/** The end that an entry puts to the product: a container's decommissioning ends nothing that was in it. */
export function endOf(records, at) {
  const end = endIn(records.event(at));
  return end === 2 && !records.namesIt(at) ? undefined : end;
}

/** True where an entry's signer is one to whom what `seller` sold comes back with nothing missing on record. */
export const takesBack = (records, at, seller) => records.isBy(at, seller) || records.byPrefixHolder(at);

/** Where the product is after the event, or else where the event took place. */
export const locationOf = (event) => event.bizLocation ?? event.readPoint;
