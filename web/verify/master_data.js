// What instance and lot master data says of lot and dates, in every standard spelling (docs/FORMATS.md, "Master data").

import { bringsForth } from "./subjects.js";
import { lotOf } from "./gs1.js";
import { isMap, isText, isWhole } from "./json.js";

/** The names of each fact's members, after the last of `/ : #` in them. */
export const FACTS = {
  lot: ["lotNumber", "hasBatchLotNumber"],
  expiry: ["itemExpirationDate", "expirationDate"],
  bestBefore: ["bestBeforeDate"],
  sellBy: ["sellByDate"],
  production: ["productionDate"],
};

/** What an event's master data says of a fact, in its order: each text, and each whole number as its digits. */
export function textsOf({ ilmd }, fact) {
  const named = ([name]) => FACTS[fact].includes(name);
  return membersOf(ilmd).flatMap(([name, value]) => {
    if (named([name])) return plainTexts(value);
    if (name !== "Product" && name !== "product") return [];
    const products = Array.isArray(value) ? value : [value];
    return products.flatMap(membersOf).filter(named).flatMap(([, inner]) => plainTexts(inner));
  });
}

/** The first member of this local name, whatever prefix its document gave it. */
export const masterData = (value, name) => membersOf(value).find(([local]) => local === name)?.[1];

const membersOf = (value) => (isMap(value) ? [...value].map(([name, inner]) => [name.split(/[:/#]/).at(-1), inner]) : []);

function plainTexts(value, inList = false) {
  const one = isMap(value) && value.has("@value") ? value.get("@value") : value;
  if (isText(one)) return [one];
  if (isWhole(one)) return one >= 0 ? [String(one)] : [];
  return Array.isArray(one) && one === value && !inList ? one.flatMap((item) => plainTexts(item, true)) : [];
}

/** The numbers of the lots in an id's own EPCs as they were signed, where the event brings it forth. */
export const lotsBeside = ({ lots = [] }, text) => lots.filter(([of]) => of === text).map(([, number]) => number);

/** The lots that an event, where it brings `item` forth, says it is of. */
export function lotsIn(event, item) {
  if (!bringsForth(event, item.text)) return [];
  const numbers = [...textsOf(event, "lot"), ...lotsBeside(event, item.text)];
  return numbers.map((number) => lotOf(item, number)).filter((lot) => lot);
}
