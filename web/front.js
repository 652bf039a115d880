// The front page lives: blocks appear as they are made. It asks every few seconds, and not at all while nobody looks.

import { element, number, timeElement } from "./elements.js";
import "./lookup.js";
import { showMembers } from "./members.js";
import { fill } from "./messages.js";

const EVERY_MS = 5000;
const SLOWEST_MS = 60_000;
const SHOWN = 8;

const $ = (id) => document.getElementById(id);
const rows = $("blocks");
const council = $("council");
let wait = EVERY_MS;
let timer;

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) look();
});
if (!document.hidden) timer = setTimeout(look, wait);

async function look() {
  try {
    await add(await block("latest"));
    await showMembers(council, $("quorum"));
    $("pulse").hidden = false;
    wait = EVERY_MS;
  } catch {
    // The node rests or the network does: ask less and less often.
    $("pulse").hidden = true;
    wait = Math.min(wait * 2, SLOWEST_MS);
  }
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(look, wait);
}

async function block(height) {
  const answer = await fetch(`/ledger/blocks/${height}`, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

/** Adds a block, and those between it and the newest that is shown. */
async function add(latest) {
  const newest = Number(rows.firstElementChild?.dataset.height ?? -1);
  const first = Math.max(newest + 1, latest.height - SHOWN + 1);
  for (let height = first; height <= latest.height; height += 1) {
    rows.prepend(row(height === latest.height ? latest : await block(height)));
    while (rows.children.length > SHOWN) rows.lastElementChild.remove();
  }
  if (first <= latest.height) {
    $("size").textContent = number(latest.to);
    $("news").textContent = fill("front.new", { height: latest.height });
  }
}

function row({ height, seal, checkpoint, from, to }) {
  const [, , root] = checkpoint.split("\n");
  return element(
    "tr",
    { "data-height": height, class: "new" },
    element("td", {}, element("a", { href: `/ledger/blocks/${height}` }, String(height))),
    element("td", {}, timeElement(Date.parse(JSON.parse(seal).time))),
    element("td", {}, number(to - from)),
    element("td", { class: "root" }, element("code", {}, root)),
  );
}
