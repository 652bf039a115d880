// Keeps the members of the front page up to date, by what the node says at /members.

import { element, number, timeElement } from "./elements.js";
import { fill, say } from "./messages.js";
import { minute } from "./verify/days.js";

/** Shows the members anew, and says so aloud only if the line about their quorum has changed. */
export async function showMembers(rows, line) {
  const answer = await fetch("/members", { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  const told = await answer.json();
  rows.replaceChildren(...told.members.map((member) => row(member)));
  const text = told.following ? standing(told.following) : agreement(told);
  if (line.textContent !== text) line.textContent = text;
}

function row(member) {
  const shown = (value) => (value === undefined ? "–" : number(value));
  return element(
    "tr",
    { "data-kid": member.kid },
    element("th", { scope: "row" }, member.name),
    element("td", {}, shown(member.height)),
    element("td", {}, shown(member.lag)),
    element("td", {}, ...state(member), ...caught(member)),
  );
}

function state(member) {
  if (member.self) return [say("members.self")];
  // An observer knows nothing of the members' nodes.
  if (member.reachable === undefined) return ["–"];
  if (member.reachable) return [say("members.reachable")];
  if (member.heard === undefined) return [say("members.unheard")];
  const [before, after] = say("members.missing").split("{time}");
  return [before, timeElement(Date.parse(member.heard)), after];
}

/** How an observer stands to the node that it follows. */
function standing({ url, height, behind, heard, stopped, unknownRules }) {
  if (unknownRules !== undefined) return fill("observer.rules", { url, height, number: unknownRules });
  if (stopped !== undefined) return fill("observer.forked", { url, height });
  return heard === undefined ? fill("observer.unheard", { url, height }) : fill("observer.heard", { url, height, behind, time: minute(Date.parse(heard)) });
}

/** Says of a member that it was caught, and where the proofs are. */
function caught({ faults }) {
  if (!faults) return [];
  return [" ", element("a", { class: "caught", href: "/ledger/faults" }, say("members.caught"))];
}

function agreement({ members, quorum, reachable }) {
  if (members.length === 1) return say("members.one");
  const values = { members: members.length, needed: quorum, reachable, spare: reachable - quorum };
  if (reachable < quorum) return fill("members.lost", values);
  return reachable === quorum ? fill("members.exact", values) : fill("members.spare", values);
}
