// Origin: commissioned once, with authority. A lot may be added to.

import { actOf } from "../reading.js";

const verbOf = (one, at) => (one.commissions(at) ? undefined : one.plays(at, "output") ? "made" : "first");
const variantOf = (...words) => words.filter((word) => word).join("-") || undefined;

/** Judges where the product's life begins. */
export function checkOrigin(one, findings) {
  const { origin, origins } = one.account;
  if (origin === undefined) return noOrigin(one, findings);
  // A commissioning may go well with the transformation that counts, and not with another commissioning.
  const sound = [origin];
  const rivals = [];
  for (const at of origins.filter((other) => other !== origin)) {
    (sound.some((other) => one.contradictsAsOrigin(other, at)) ? rivals : sound).push(at);
  }
  if (rivals.length > 0) madeTwice(one, rivals, findings);
  for (const at of origins.filter((other) => !one.byPrefixHolder(other))) withoutAuthority(one, at, findings);
  if (rivals.length === 0 && one.byPrefixHolder(origin)) {
    findings.add("commissioned-by-prefix-holder", "holds", [one.leaf(origin)], one.signed(origin), verbOf(one, origin));
  }
  return undefined;
}

/** A lot may be brought into being in several events, each of them by the one whose number it has. */
export function checkLotOrigin(one, findings) {
  const { origin, origins } = one.account;
  if (origin === undefined) {
    // Who speaks of it from afar, as in a recall, may mean pieces that were each commissioned.
    const first = one.order.find((at) => actOf(one, at) !== "afar");
    const by = first === undefined ? "" : { key: "first-by", params: one.signed(first) };
    findings.add("no-origin", "gap", first === undefined ? [] : [one.leaf(first)], { what: { key: `what.${one.subject}` }, by }, "lot");
    return;
  }
  const strangers = origins.filter((at) => !one.byPrefixHolder(at));
  for (const at of strangers) withoutAuthority(one, at, findings);
  if (strangers.length > 0) return;
  const count = origins.length - 1;
  const again = count === 0 ? "" : { key: count === 1 ? "once-more" : "times-more", params: { count } };
  const variant = variantOf("lot", verbOf(one, origin));
  findings.add("commissioned-by-prefix-holder", "holds", one.leaves(origins), { ...one.signed(origin), again }, variant);
}

function withoutAuthority(one, at, findings) {
  const holder = one.prefixHolder(one.leaf(at));
  const variant = variantOf(verbOf(one, at), holder ? undefined : "nobody");
  const params = { ...one.signed(at), holder: holder && one.name(holder.id) };
  findings.add("commissioned-without-authority", "fails", [one.leaf(at)], params, variant);
}

function noOrigin(one, findings) {
  const [first] = one.order;
  if (first === undefined) findings.add("no-origin", "gap", one.leaves(one.own), {}, "nothing");
  else findings.add("no-origin", "gap", [one.leaf(first)], one.signed(first));
}

function madeTwice(one, rivals, findings) {
  const { origin } = one.account;
  const isEarlier = (at) => one.isBefore(at, origin);
  const all = [...rivals.filter(isEarlier), origin, ...rivals.filter((at) => !isEarlier(at))];
  const told = all.map((at) => ({ key: "by-on", params: one.signed(at) }));
  const variant = variantOf(all.every((at) => one.commissions(at)) ? "" : "made", all.length === 2 ? "" : "many");
  const list = all.length > 4 ? { key: "more", params: { names: told.slice(0, 4), count: all.length - 4 } } : told;
  const params = { first: told[0], second: told[1], count: all.length, told: list };
  findings.add("commissioned-twice", "fails", one.leaves(all), params, variant);
}
