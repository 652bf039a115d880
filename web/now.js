// What to do now: plain words by the verdict, and whom to tell. The server writes the same (src/http/pages/now.rs).

import { encoded } from "./ask.js";
import { around, element, link } from "./elements.js";
import { quoted } from "./verify/sentences.js";

/** The schemes of a contact. It was checked when it was read; what becomes a link is checked again. */
const SCHEMES = ["https:", "mailto:", "tel:"];

/** The key of what to do; `undefined` if there is nothing to be done. `kind` is that of the id. */
export function whatToDo({ verdict, light, reasons }, kind) {
  const [first] = reasons;
  switch (verdict) {
    case "authentic":
    case "traced":
      return undefined;
    case "ended":
      if (first?.rule === "expired" || first?.rule === "unpacked") return `now.${first.rule}`;
      return light === "red" ? "now.ended-red" : "now.ended";
    case "unknown":
      return ["class", "place", "party"].includes(kind) ? undefined : "now.unknown";
    default:
      return `now.${verdict}`;
  }
}

/** The part of the page, as nodes; none if there is nothing to be done. */
export function nowNodes({ verdict, kind, word, number, checkpoint }, { say, fill }) {
  const key = whatToDo(verdict, kind);
  if (key === undefined) return [];
  const title = element("h2", { id: "now-title" }, say("now.title"));
  const { holder } = verdict;
  if (holder === undefined) return [title, element("p", {}, say(key)), element("p", { class: "quiet" }, say("now.nobody"))];
  const name = element("a", { href: link(`/participants/${holder.id}`) }, quoted(holder.organization));
  const belongs = element("p", {}, ...around(say("now.belongs"), "who", name));
  return [title, element("p", {}, say(key)), belongs, report(holder.contact, { verdict, word, number, checkpoint }, { say, fill })];
}

function report(contact, { verdict, word, number, checkpoint: { origin, size, root } }, { say, fill }) {
  if (contact === undefined || !isContact(contact)) return element("p", { class: "quiet" }, say("now.no-contact"));
  const body = fill("now.body", { id: verdict.id, word, origin, size, root });
  const rel = "noopener noreferrer nofollow";
  const button = element("a", { class: "button second", id: "report", href: reportHref(contact, fill("now.subject", { id: number }), body), rel }, say("now.report"));
  const plain = element("a", { href: contact, rel }, contact.replace(/^(mailto|tel):/, ""));
  return element("p", { class: "report" }, button, " ", element("span", { class: "meta" }, plain));
}

/** Tells whether text may become a link: an absolute URI of one of the schemes that a contact has. */
export function isContact(text) {
  const scheme = /^[a-z]+:/.exec(text)?.[0];
  return SCHEMES.includes(scheme) && URL.canParse(text);
}

/** Where a contact is opened to report something: a mail (RFC 6068) comes with its subject and text. */
export function reportHref(contact, subject, body) {
  if (!contact.startsWith("mailto:")) return contact;
  return `${contact}?subject=${encoded(subject)}&body=${encoded(body.replaceAll("\n", "\r\n"))}`;
}
