// The messages of a page's language, of which the page's script has those that it needs.

// Made by the node (src/http/assets): there is no such file.
import { MESSAGES } from "./texts.js";

// Every script loads this: from here on the page is not without one (first.js).
if (globalThis.sealane) globalThis.sealane.hasBegun = true;
document.documentElement.classList.remove("unloaded");

/** A message by its key, if there is one. */
export const find = (key) => (Object.hasOwn(MESSAGES, key) ? MESSAGES[key] : undefined);

/** A message by its key. */
export const say = (key) => find(key) ?? "…";

/** A message with its `{name}`s filled in. By function: a "$&" in what is filled in is text. */
export const fill = (key, values) =>
  say(key).replace(/\{([a-z]+)\}/g, (whole, name) => (Object.hasOwn(values, name) ? String(values[name]) : whole));
