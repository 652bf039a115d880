// What verdicts say, in templates: `{who}` stands for a parameter, `{Who}` for the same with a capital at its beginning.
//
// A parameter is text, or itself `{key, params}`, or a list of either. To translate, give `say` another table; what a
// table lacks is said in English.

import { timeText } from "./bytes.js";

export const SENTENCES = {
  en: {
    // Pieces
    unregistered: "an unregistered organisation",
    outsider: "somebody who is not registered here",
    comma: ", ",
    and: " and ",
    more: "{names} and {count} more",
    "in-container": "{day} in the container {id}",
    "at-place": " at {place}",
    "end.sold": "sold",
    "end.dispensed": "dispensed",
    "end.decommissioned": "decommissioned",
    "end.destroyed": "destroyed",

    // Summaries
    "summary.unknown": "Nobody has recorded this number here: nothing says that it is genuine.",
    "summary.recalled": "Do not use it. {first}",
    "summary.suspect": "Do not trust it. {first}",
    "summary.ended": "{first}",
    "summary.disputed": "{first}",
    "summary.incomplete": "Not enough is on record to call it genuine. {first}",
    "summary.traced": "Traced by the records: many pieces share this code.",
    "summary.authentic": "Genuine by the records.",
    "summary.genuine":
      "Genuine by the records: it comes from {who}, of {day}, and every hand-over since is known; {whereabouts}.",
    "summary.genuine-paper": "Genuine by the records: it comes from {who}, of {day}.",
    "summary.traced-load":
      "Traced: it comes from {who}, of {day}, and every hand-over since is known; {whereabouts}. What is in it has codes of its own.",
    "summary.traced-from":
      "Traced: it comes from {who}, of {day}. Many pieces share this code: it cannot single out the one in your hand.",
    "where.ended": "it was {end} on {day}",
    "where.held": "{who} has it",
    "where.moving": "it is on its way from {who}",
    "where.moving-to": "it is on its way from {who} to {to}",
    "where.held-inside": "{who} has it, in the container {container}",
    "where.moving-inside": "it is on its way from {who}, in the container {container}",
    "where.moving-to-inside": "it is on its way from {who} to {to}, in the container {container}",
    "where.unknown": "nobody is recorded as having it now",

    // Who had it, as a clause
    "holder.held": "{who} had it and recorded no hand-over",
    "holder.held-since": "{who} had it, last seen there on {day}, and recorded no hand-over",
    "holder.sent-to": "{who} had sent it to {to} on {day}",
    "holder.sent": "{who} had sent it off on {day}",
    "holder.ended": "{who} had recorded it as {end} on {day}",
    "holder.nobody": "nobody is known to have had it",

    // Recalled
    recalled: "{Who}, to which its number belongs, recalled {what} on {day}.",
    "recalled-input": "It was made from {input}, and {who}, to which that number belongs, recalled {what} on {day}.",
    it: "it",
    "its-lot": "its lot {lot}",
    "its-kind": "all of its kind",

    // Suspect
    "commissioned-twice": "Commissioned twice: {first} and again {second}.",
    "commissioned-twice.made": "Brought into being twice: {first} and again {second}.",
    "commissioned-twice.many": "Commissioned {count} times: {told}.",
    "commissioned-twice.made-many": "Brought into being {count} times: {told}.",
    "by-on": "by {who} on {day}",
    "commissioned-without-authority": "Commissioned by {who} on {day}, though its number belongs to {holder}.",
    "commissioned-without-authority.made": "Made by {who} on {day}, though its number belongs to {holder}.",
    "commissioned-without-authority.first": "First recorded by {who} on {day}, though its number belongs to {holder}.",
    "commissioned-without-authority.nobody":
      "Commissioned by {who} on {day}, though its number belonged to nobody registered here.",
    "commissioned-without-authority.made-nobody":
      "Made by {who} on {day}, though its number belonged to nobody registered here.",
    "commissioned-without-authority.first-nobody":
      "First recorded by {who} on {day}, though its number belonged to nobody registered here.",
    "signer-not-in-force": "{Who} signed a record of {day} without the right to: {why}.",
    "not-in-force.other": "the certificate belongs to {other}",
    "not-in-force.unknown": "its certificate was not registered then",
    "not-in-force.revoked": "its registration was ended on {since}",
    "not-in-force.expired": "its certificate ran out on {since}",
    "not-in-force.not-yet-valid": "its certificate begins on {since}",
    "signer-outside-rights": "{Who} recorded on {day} what is not its to record: {why}.",
    "rights.step": "the step {step} is not for a {roles}",
    "rights.end": "the disposition {by} ends its life, as {step} does, which is not for its role",
    "rights.end-action": "action DELETE of an ObjectEvent ends its life, as {step} does, which is not for its role",
    "rights.commission": "only a manufacturer brings products into being",
    "rights.claim": "it brings into being what has another's number",
    "signed-after-compromise":
      "The key that signed the record of {day} was in other hands since {since}: it may not be {who} that speaks.",
    "event-id-reused": "{Who} recorded two different things as one event, on {day} and on {again}.",
    "shipped-twice": "{Who} sent it off again on {day}, to another destination: {holder}.",
    "contradicts-itself": "{Who} recorded on {day} what it could no longer do: {holder}.",
    "event-after-terminal": "{Who} recorded it on {day}, after it was {end} on {ended} by {by}.",
    "label-differs": "The label says ({ai}) {name} {value}, and {who} recorded {recorded} on {day}.",
    "label.lot": "lot",
    "label.expiry": "expiry date",
    "label.bestBefore": "best-before date",
    "label.sellBy": "sell-by date",
    "label.production": "production date",
    "reported-stolen": "{Who} reported it stolen on {day}.",
    "impossible-travel":
      "It cannot have travelled {km} km in {minutes} minutes: {who} recorded it on {day}, and {other} on {again}.",
    "impossible-travel.speed":
      "It cannot have travelled {km} km in {minutes} minutes, at {speed} km/h: {who} recorded it on {day}, and {other} on " +
      "{again}.",

    // Ended
    decommissioned: "{Who} took it out of use on {day}.",
    destroyed: "{Who} recorded on {day} that it was destroyed.",
    dispensed:
      "{Who} dispensed it on {day}. If you were given it by them around then, this is that product; if it is offered to you as " +
      "new, it is not.",
    sold:
      "{Who} sold it on {day}. If you bought it from them around then, this is that product; if it is offered to you as new, it " +
      "is not.",
    expired: "Its date of expiry, {expiry}, has passed.",
    unpacked: "{Who} took out of it on {day} all that was in it.",
    "used-up": "{Who} made something else of it on {day}.",

    // Disputed
    claimed: "{own}{says}{warning}",
    "claimed.own": "By its own records it was with {who}{place} on {day}. ",
    "claimed.by-party": "{Who} also says it had it{place} on {day}, which does not fit its journey.",
    "claimed.by-stranger": "{Who} says it had a product with this number{place} on {day}, and has no part in its journey.",
    "claimed.unopened":
      "{Who} says {told} that it had a product with this number, and has no part in its journey; that was not opened.",
    "at-leaf": "in its record at leaf {leaf}",
    "at-leaves": "in {count} records, the first at leaf {leaf},",
    "claimed.warning": " If yours did not come from {who}, do not trust it.",

    // Incomplete
    "no-origin": "Nobody recorded making it: the first to record it was {who} on {day}.",
    "no-origin.lot": "No record of this {what} says where it comes from{by}.",
    "what.lot": "lot",
    "what.kind": "kind of product",
    "first-by": ": the first to record it was {who} on {day}",
    "no-origin.nothing":
      "Nothing that counts is on record: what was recorded was withdrawn, or signed with a stolen key.",
    "custody-gap": "No record says how it came to {who}, where it was on {day}: {holder}.",
    "inside-container":
      "{Who} recorded it on {day} outside of {container}, into which it was packed, and nobody recorded taking it out: " +
      "{holder}.",
    "container-cycle":
      "{Who} recorded on {day} that it was packed into {container}, which is itself inside it: where it was cannot be " +
      "followed.",
    "not-serialised": "This code names a place or an organisation, not a product.",
    "end-withdrawn":
      "{Who} recorded on {day} that it was {end}, and took that back on {again}: the one who made it has not confirmed that.",
    "returned-elsewhere": "{Who} recorded on {day} that it was brought back, though {holder}.",
    "limit-reached":
      "More is recorded of it than is followed for one code: what was recorded last was not looked at.",
    "limit-reached.account": "More records are against the account of it than are compared with it.",
    "answer-too-old":
      "This answer is from {asOf}, and the time now is {now}: something may have been recorded that it does not show.",

    // Worth knowing
    "recall-claimed": "{Who} marked {what} as recalled on {day}; only {holder} could recall it.",
    "recall-claimed.nobody":
      "{Who} marked {what} as recalled on {day}; only the organisation to which its number belongs could recall it.",
    "recall-lifted": "{Who} recalled {what} on {since} and took the recall back on {day}.",
    "recall-lifted-by-vote":
      "{Who} recalled {what} on {day}, and the members of this ledger lifted that on {decided}: {reason}",
    dismissed:
      "{Who} says it had it on {day}. The members of this ledger decided on {decided} that this counts for nothing: {reason}",
    "dismissed.unopened":
      "{Who} says {told} that it had it; that was not opened. The members of this ledger decided on {decided} that this counts " +
      "for nothing: {reason}",
    "stolen-claimed": "{Who} said on {day} that it was stolen; by the records it did not have it then.",
    "compromised-stranger":
      "A record of {day} is not counted: the key of {who}, which did not have it then, was in other hands since {since}.",
    corrected: "{Who} withdrew on {declared} its record of {day}.",
    "correction-without-effect":
      "{Who} declared a record wrong on {declared} that it had not made, or not like this: this changes nothing.",
    "void-without-shipping":
      "{Who} took back a shipment on {day} that it had not recorded: this changes nothing.",
    "withdrawn-too-late":
      "{Who} would take back on {day} what it had recorded before; others have gone on from that since, so this changes nothing.",
    "left-consortium":
      "{Who} sent it on {day} to somebody who is not registered here: what happened since is not recorded.",
    "packed-elsewhere":
      "{Who} packed it into something else on {day}, and no record says that it was taken out of {container}.",
    "unpacked-without-packing":
      "{Who} took it out of {container} on {day}, into which nobody who had it is recorded to have packed it.",
    "container-disputed":
      "{Who} says it had {container} on {day}, in which this was then, and has no part in its journey.",
    late: "{Who} recorded what was on {day} only after others had recorded what came later.",
    "lot-claimed": "{Who} says it had some of it on {day}; nobody that had it recorded sending it there.",
    "lot-claimed.unopened": "{Who} says {told} that it had some of it; that was not opened.",
    unannounced: "{Who} recorded taking it over on {day}; {from}, which had let it go, had named nobody.",
    "unnamed-carrier": "{Who} carried it on {day}; whoever sent it off did not name it as a carrier.",
    load: "This code names a load, not what is in it: scan the pieces.",
    "shared-number.lot":
      "This code names a lot, which many pieces share: it cannot single out the one in your hand.",
    "shared-number":
      "This code names a kind of product, which many pieces share: it cannot single out the one in your hand.",
    "label-unconfirmed": "The label says ({ai}) {name} {value}, and no record confirms it.",
    "label-incomplete": "The label does not say its {name}, which is on record as {value}.",
    "expiry-unreadable": "The {name} that {who} recorded on {day} cannot be read as a day: {text}.",
    "date-passed": "Its {name}, {date}, has passed.",
    "code-can-be-copied":
      "A printed code can be copied: this is the journey of the product with this number, and only what you see yourself " +
      "says that it is the one in your hand.",

    // In its favour
    "commissioned-by-prefix-holder": "Commissioned once, on {day}, by {who}, to which its number belongs.",
    "commissioned-by-prefix-holder.made": "Made once, on {day}, by {who}, to which its number belongs.",
    "commissioned-by-prefix-holder.first": "First recorded once, on {day}, by {who}, to which its number belongs.",
    "commissioned-by-prefix-holder.lot": "Commissioned on {day}{again} by {who}, to which its number belongs.",
    "commissioned-by-prefix-holder.lot-made": "Made on {day}{again} by {who}, to which its number belongs.",
    "commissioned-by-prefix-holder.lot-first": "First recorded on {day}{again} by {who}, to which its number belongs.",
    "once-more": " and once more since",
    "times-more": " and {count} times more since",
    "custody-unbroken": "Every hand-over since is on record; {whereabouts}.",
    "signers-registered":
      "Every record that counts was signed by an organisation registered here at the time: {names}.",

    // Notes in the timeline
    "note.disregarded":
      "Signed with a key that was in other hands; its owner did not have the product: not counted.",
    "note.taken-back": "Taken back: it was never made.",
    "note.contradicts": "Contradicts the journey.",
    "note.claim": "It does not fit the journey, and is no part of it.",
    "note.withdrawn": "Withdrawn by the organisation that recorded it.",
    "note.withdraws": "Declares an earlier record wrong.",
    "note.withdraws-for": "Declares an earlier record wrong: {reason}.",
    "note.withdraws-nothing": "Declares wrong what its signer never recorded; changes nothing.",
  },
};

/** Says `{key, params}` by a table. */
export function say(sentence, table = SENTENCES.en) {
  if (Array.isArray(sentence)) return sentence.map((item) => say(item, table)).join(say({ key: "comma" }, table));
  if (typeof sentence !== "object" || sentence === null) return String(sentence);
  const { key, params = {} } = sentence;
  if (key === "and-list") return params.items.map((item) => say(item, table)).join(say({ key: "and" }, table));
  const template = table[key] ?? SENTENCES.en[key] ?? key;
  return template.replace(/\{(\w+)\}/g, (_, name) => {
    const small = name[0].toLowerCase() + name.slice(1);
    const text = say(params[small] ?? "", table);
    return small === name ? text : capital(text);
  });
}

function capital(text) {
  const [first = ""] = text;
  return first.toUpperCase() + text.slice(first.length);
}

export const day = (time) => timeText(time).slice(0, 10);
export const minute = (time) => `${timeText(time).slice(0, 16).replace("T", " ")} UTC`;

const SHOWN_CHARS_MAX = 80;

/** A text with a full stop at its end. */
export const stop = (text) => (/[.!?…]$/.test(text) ? text : `${text}.`);

/** Text cut to a length that a sentence bears, without characters that would turn or hide what stands beside them. */
export function shown(text) {
  const kept = [...text.replace(/[\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, "")];
  return kept.length > SHOWN_CHARS_MAX ? `${kept.slice(0, SHOWN_CHARS_MAX).join("")}…` : kept.join("");
}
