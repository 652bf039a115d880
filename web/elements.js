// Making elements. Text is put in as text: nothing here parses HTML.

import { minuteAt, timeText } from "./verify/days.js";

/** Makes an element with attributes and children; children are nodes, texts, or nothing. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== undefined && child !== ""));
  return made;
}

/** A button that does something. */
export function button(text, action) {
  const made = element("button", { type: "button", class: "second" }, text);
  made.addEventListener("click", action);
  return made;
}

/** A time to the minute: where it was recorded, by its offset from UTC, and in UTC. */
export const timeElement = (millis, offset) => element("time", { datetime: timeText(millis) }, minuteAt(millis, offset));

/**
 * A number as both languages write it, with a comma before each three digits and as many digits of its fraction. Asking the browser how
 * would take a phone longer than some signatures.
 */
export function number(value, { fraction = 0 } = {}) {
  const [whole, rest] = Number(value).toFixed(fraction).split(".");
  const grouped = whole.replace(/\B(?=(?:[0-9]{3})+$)/g, ",");
  return rest === undefined ? grouped : `${grouped}.${rest}`;
}

/** A path of this site that keeps the language, if one was chosen. */
export function link(path) {
  const chosen = new URLSearchParams(location.search).get("lang");
  return chosen === document.documentElement.lang ? `${path}?lang=${chosen}` : path;
}

/** The parts of a text with `{name}` in it, with a node in its place. */
export function around(text, name, node) {
  const [before, after = ""] = text.split(`{${name}}`);
  return [before, node, after];
}
