// What a code says, decided on this device: a product's number, or some other thing, of which nothing is sent anywhere.

import { classOf, isClassLevel } from "./verify/gs1.js";
import { Refusal, readTyped } from "./verify/typed.js";

/**
 * Reads the text of a code: `{asked, text}` where it is a product's, else `{rule, values}` of the message `refused.` and the
 * rule, with `uri` where it may be the id of something that has no number of GS1's, and `isMistyped` where it is nearly a
 * number.
 */
export function readCode(text) {
  let asked;
  try {
    asked = readTyped(text);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { rule: error.rule, values: error.values, isMistyped: !error.rule.startsWith("kind.") };
  }
  if (asked.id.key) return { asked, text: text.trim() };
  const host = /^https?:\/\/(?:[^/?#]*@)?([^/?#]+)/i.exec(asked.id.text)?.[1];
  if (host) return { rule: "kind.link", values: { host }, uri: asked.id.text };
  const kind = /^geo:/i.test(asked.id.text) ? "place" : "text";
  return { rule: `kind.${kind}`, values: {}, uri: /^urn:/i.test(asked.id.text) ? asked.id.text : undefined };
}

/** The same of what a camera or a scanner has read: text that is nothing like a number is some other text. */
export function readScanned(text) {
  const read = readCode(text);
  if (!read.isMistyped || /^[\x1d(\][{0-9]/.test(text.trim())) return read;
  const host = /^https?:\/\/(?:[^/?#]*@)?([^/?#]+)/i.exec(text.trim())?.[1];
  if (read.rule === "check-digit" && host) return read;
  return host ? { rule: "kind.link", values: { host } } : { rule: "kind.text", values: {} };
}

/**
 * What is meant of the texts in view: `{products, others, hasSerial}`. A product's own number counts before the number of a kind,
 * which many share, whichever product that is of.
 */
export function choose(texts) {
  const read = texts.map(readScanned);
  const byId = new Map();
  for (const product of read.filter(({ asked }) => asked)) {
    const { id, label } = product.asked;
    // Of two codes with one number, that with a label says more.
    if (!byId.has(id.text) || (byId.get(id.text).asked.label.size === 0 && label.size > 0)) byId.set(id.text, product);
  }
  const all = [...byId.values()];
  const own = all.filter(({ asked }) => !isClassLevel(asked.id));
  const classes = new Set(all.map(({ asked }) => classOf(asked.id)?.text));
  const products = own.length > 0 ? own : all.filter(({ asked }) => !classes.has(asked.id.text));
  return { products, hasSerial: own.length > 0, others: read.filter(({ asked }) => !asked) };
}

/** The id with its label as a Digital Link, which is all of a code that is asked about. */
export const uriOf = ({ id, label }) =>
  [...label].reduce((uri, [ai, value], at) => `${uri}${at === 0 ? "?" : "&"}${ai}=${encodeURIComponent(value)}`, id.text);

/** The element string for people, such as `(01)09506000134352 (21)A1`. */
export function peopleText({ id, label }) {
  const pairs = [[id.key.ai, id.value], ...(id.qualifier ? [id.qualifier] : []), ...label];
  return pairs.map(([ai, value]) => `(${ai})${value}`).join(" ");
}

/** The address of the page about what a code says: by its own text where that is a link, so that the page can say where it leads. */
export function pageOf(id) {
  const chosen = new URLSearchParams(location.search).get("lang");
  const language = chosen ? `&lang=${encodeURIComponent(chosen)}` : "";
  return `/verify?id=${encodeURIComponent(id)}${language}`;
}
