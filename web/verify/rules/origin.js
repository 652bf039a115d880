// Origin: commissioned once, with authority. A lot may be added to.

import { actOf } from "../reading.js";

const verbOf = (one, at) => ({ key: `verb.${one.commissions(at) ? "commissioned" : one.plays(at, "output") ? "made" : "first-recorded"}` });

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
    const times = { key: "times.once", params: { day: one.day(origin) } };
    findings.add("commissioned-by-prefix-holder", [one.leaf(origin)], { verb: verbOf(one, origin), times, who: one.who(origin) });
  }
  return undefined;
}

/** A lot may be brought into being in several events, each of them by the one whose number it has. */
export function checkLotOrigin(one, findings) {
  const { origin, origins } = one.account;
  if (origin === undefined) {
    // Who speaks of it from afar, as in a recall, may mean pieces that were each commissioned.
    const first = one.order.find((at) => actOf(one, at) !== "afar");
    const by = first === undefined ? "" : { key: "no-origin.lot-first", params: one.signed(first) };
    const what = { key: "no-origin.lot", params: { what: { key: `what.${one.subject}` }, by } };
    findings.add("no-origin", first === undefined ? [] : [one.leaf(first)], { what });
    return;
  }
  const strangers = origins.filter((at) => !one.byPrefixHolder(at));
  for (const at of strangers) withoutAuthority(one, at, findings);
  if (strangers.length > 0) return;
  const count = origins.length - 1;
  const again = count === 0 ? "" : { key: count === 1 ? "times.once-more" : "times.more", params: { count } };
  const times = { key: "times.first", params: { day: one.day(origin), again } };
  findings.add("commissioned-by-prefix-holder", one.leaves(origins), { verb: verbOf(one, origin), times, who: one.who(origin) });
}

function withoutAuthority(one, at, findings) {
  const holder = one.prefixHolder(one.leaf(at));
  const belongs = holder ? { key: "belongs.to", params: { holder: one.name(holder.id) } } : { key: "belongs.to-nobody" };
  findings.add("commissioned-without-authority", [one.leaf(at)], { verb: verbOf(one, at), ...one.signed(at), belongs });
}

function noOrigin(one, findings) {
  const [first] = one.order;
  if (first === undefined) findings.add("no-origin", one.leaves(one.own), { what: { key: "no-origin.nothing" } });
  else findings.add("no-origin", [one.leaf(first)], { what: { key: "no-origin.first", params: one.signed(first) } });
}

function madeTwice(one, rivals, findings) {
  const { origin } = one.account;
  const isEarlier = (at) => one.isBefore(at, origin);
  const all = [...rivals.filter(isEarlier), origin, ...rivals.filter((at) => !isEarlier(at))];
  const each = all.map((at) => ({ key: "by-on", params: one.signed(at) }));
  const [first, second] = each;
  const list = all.length > 4 ? { key: "more", params: { names: each.slice(0, 4), count: all.length - 4 } } : each;
  const times = { key: "commissioned-twice.times", params: { count: all.length, told: list } };
  const told = all.length === 2 ? { key: "commissioned-twice.twice", params: { first, second } } : times;
  const verb = { key: all.every((at) => one.commissions(at)) ? "verb.commissioned" : "verb.brought-forth" };
  findings.add("commissioned-twice", one.leaves(all), { verb, told });
}
