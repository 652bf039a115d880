// Recalls: of the product, its lots, its class, what it was made from, and what a load holds, each by the holder of that id's company
// prefix; those of others are shown as claims.

import { idText } from "../case.js";
import { declares } from "../epcis.js";
import { inputsOf } from "../subjects.js";
import { byText, classOf, wholeOf } from "../gs1.js";
import { lotOfLabel } from "./label.js";
import { lotsIn } from "../master_data.js";
import { day } from "../days.js";
import { quoted } from "../sentences.js";

const LOTS_MAX = 8;

class Recalls {
  all = new Set();
  #byId = new Map();

  constructor(one) {
    this.one = one;
    for (const at of one.byTime) {
      const event = one.event(at);
      if (!one.stands(at) || !(declares(event, "recalled") || event.unset.includes("recalled"))) continue;
      this.all.add(at);
      for (const [, { text }] of event.ids) {
        if (!this.#byId.has(text)) this.#byId.set(text, []);
        const list = this.#byId.get(text);
        if (list.at(-1) !== at) list.push(at);
      }
    }
  }

  of({ text }) {
    return this.#byId.get(text) ?? [];
  }

  /**
   * What entries say of an id, by the word of who held the prefix of `governing` at each entry's place, and of authorities. A maker's
   * recall outlives the maker: who holds the prefix after it takes nothing of it back.
   */
  word(entries, id, governing) {
    const { one } = this;
    const word = { standing: [], lifted: [], voted: [], claims: [] };
    for (const at of entries) {
      const isStolen = one.compromisedSince(at) !== undefined;
      // The end of an authority's registration takes away what its key said in other hands; that of a maker's does not.
      const mayRecall = one.byHolderOf(governing, at) || (one.isByAuthority(at) && !isStolen);
      if (declares(one.event(at), "recalled")) {
        const [lift] = mayRecall ? one.registry.liftsOf(one.leaf(at), id.text) : [];
        if (lift) word.voted.push([at, lift]);
        else if (mayRecall) word.standing.push(at);
        else word.claims.push(at);
      } else if (!isStolen) {
        // A key in other hands takes nothing back.
        const isOwn = (since) => one.signer(since) === one.signer(at);
        const since = word.standing.find(isOwn);
        if (since !== undefined) word.lifted.push([since, at]);
        word.standing = word.standing.filter((other) => !isOwn(other));
      }
    }
    return word;
  }
}

/** Judges recalls. Each who may recall an id takes back its own recall alone. */
export function checkRecalls(one, findings) {
  const recalls = new Recalls(one);
  const { id } = one.history;
  const journey = one.inOrder(one.told.filter((at) => recalls.all.has(at)));
  recallOf(one, recalls.word(journey, id, id), undefined, findings);
  const broughtForth = one.own.filter((at) => one.bringsForth(at));
  for (const [wider, name] of widerThan(one, id, broughtForth)) {
    recallOf(one, recalls.word(recalls.of(wider), wider, id), name, findings);
  }
  recalledInputs(one, recalls, findings);
  recalledContents(one, recalls, findings);
}

/** The wider ids that `item` is one of: its lots by the entries that bring it forth, the label's, the whole that it is a piece of, its class. */
function widerThan(one, item, among) {
  const lots = new Map();
  for (const at of among) {
    const authority = one.stands(at) && one.byHolderOf(item, at);
    for (const lot of lotsIn(one.event(at), item)) {
      lots.set(lot.text, { lot, authority: authority || (lots.get(lot.text)?.authority ?? false) });
    }
  }
  const first = [...lots.values()].sort((a, b) => byText(a.lot, b.lot)).slice(0, LOTS_MAX);
  const found = new Map(first.filter(({ authority }) => authority).map(({ lot }) => [lot.text, lot]));
  const ofLabel = lotOfLabel(one.history, item);
  if (ofLabel) found.set(ofLabel.text, ofLabel);
  const wider = [...found.values()].sort(byText).map((lot) => [lot, { key: "its-lot", params: { lot: idText(lot) } }]);
  return [...wider, ...wholeAndClass(item)];
}

/** The whole that an id is a piece of and its class, each with how a sentence names it. */
function wholeAndClass(id) {
  const [whole, kind] = [wholeOf(id), classOf(id)];
  const ofWhole = whole ? [[whole, { key: "its-whole", params: { whole: idText(whole) } }]] : [];
  return kind ? [...ofWhole, [kind, { key: "its-kind" }]] : ofWhole;
}

/** Reports what is said about a recall of the product, or of its lot or class by that name. */
function recallOf(one, { standing: [recalled], lifted, voted, claims }, name = { key: "it" }, findings) {
  for (const [since, at] of lifted) {
    const params = { ...one.signed(at), what: name, since: one.day(since) };
    findings.add("recall-lifted", [one.leaf(since), one.leaf(at)], params);
  }
  for (const [at, lift] of voted) {
    const params = { ...one.signed(at), what: name, decided: day(lift.at.time), reason: quoted(lift.reason) };
    findings.add("recall-lifted-by-vote", [one.leaf(at)], params);
  }
  for (const at of claims) {
    const holder = one.prefixHolder(one.leaf(at));
    const params = { ...one.signed(at), what: name, holder: holder ? one.name(holder.id) : { key: "recall-claimed.holder" } };
    findings.add("recall-claimed", [one.leaf(at)], params);
  }
  if (recalled !== undefined) {
    const params = { ...one.signed(recalled), what: name, right: rightOf(one, recalled, "right.number") };
    findings.add("recalled", [one.leaf(recalled)], params);
  }
}

/** With what right an entry's signer recalls: that of the number, if the members did not make it an authority. */
const rightOf = (one, at, ofNumber) => ({ key: one.isByAuthority(at) ? "right.authority" : ofNumber });

/** Reports the recalls of what the product was made from, through any number of transformations. */
function recalledInputs(one, recalls, findings) {
  const makings = new Makings(one);
  for (const [input, made] of makings.inputsOfProduct()) {
    const wider = widerThan(one, input, makings.broughtForth(input));
    for (const [id, what] of [[input, { key: "it" }], ...wider]) {
      const [at] = recalls.word(recalls.of(id), id, input).standing;
      if (at === undefined) continue;
      const params = { ...one.signed(at), input: idText(input), what, right: rightOf(one, at, "right.that-number") };
      findings.add("recalled-input", [one.leaf(at), one.leaf(made)], params);
    }
  }
}

/** Reports the recalls of what a load holds, or of its kind: each recall once. */
function recalledContents(one, recalls, findings) {
  const seen = new Set();
  for (const content of one.contents.inside) {
    for (const [id, what] of [[content, { key: "it" }], ...wholeAndClass(content)]) {
      if (seen.has(id.text)) continue;
      seen.add(id.text);
      const [at] = recalls.word(recalls.of(id), id, content).standing;
      if (at === undefined) continue;
      const params = { ...one.signed(at), content: idText(content), what, right: rightOf(one, at, "right.that-number") };
      findings.add("recalled-content", [one.leaf(at)], params);
    }
  }
}

/** What the history says about how things were made. */
class Makings {
  #byOutput = new Map();
  #byTransformation = new Map();
  #expanded = new Set();

  constructor(one) {
    this.one = one;
    const push = (map, key, at) => (map.has(key) ? map.get(key).push(at) : map.set(key, [at]));
    for (const at of one.entries.keys()) {
      const event = one.event(at);
      const commissions = event.type === "ObjectEvent" && event.action === "ADD";
      for (const [part, { text }] of event.ids) if (part === "output" || commissions) push(this.#byOutput, text, at);
      const tie = this.#tie(at);
      if (tie !== undefined && one.stands(at)) push(this.#byTransformation, tie, at);
    }
  }

  #tie(at) {
    const { transformationId } = this.one.event(at);
    return transformationId && `${this.one.signer(at)} ${transformationId.text}`;
  }

  broughtForth({ text }) {
    return this.#byOutput.get(text) ?? [];
  }

  /** Everything that the product was made from, each with the entry that says so: the nearest first, each once. */
  inputsOfProduct() {
    const { one } = this;
    const found = [];
    const seen = new Set([one.history.id.text]);
    const told = new Set();
    for (let next = -1; next < found.length; next++) {
      for (const at of this.#makingsOf(next < 0 ? one.history.id : found[next][0])) {
        if (told.has(at)) continue;
        told.add(at);
        for (const input of inputsOf(one.event(at))) {
          if (seen.has(input.text)) continue;
          seen.add(input.text);
          found.push([input, at]);
        }
      }
    }
    return found;
  }

  /** The entries that say what `output` was made from, by one who may bring it forth. */
  *#makingsOf(output) {
    const { one } = this;
    for (const at of this.broughtForth(output)) {
      const nobodys = output.text !== one.history.id.text && !one.holderOf(output, one.leaf(at));
      if (!one.stands(at) || !(nobodys || one.byHolderOf(output, at))) continue;
      yield at;
      const tie = this.#tie(at);
      if (tie === undefined || this.#expanded.has(tie)) continue;
      this.#expanded.add(tie);
      yield* this.#byTransformation.get(tie) ?? [];
    }
  }
}
