// What this device keeps of products that were looked at: the page, what it is made of, and the evidence that held. With it the page opens
// and is checked without a network.

/** The cache. The worker (worker.js) looks into it too. */
const KEPT = "sealane-kept-1";

/** Pages, evidence, scripts and styles that are kept; the oldest go first. */
const ENTRIES_MAX = 120;

/** Bytes of evidence that is kept: of all but loads of thousands of pieces. */
const EVIDENCE_BYTES_MAX = 2_000_000;

/** Keeps the page that is shown, with evidence and trust anchor that were found to hold. Failing to is no fault of the page. */
export async function keep({ id, evidence, anchor }) {
  if (!globalThis.caches || evidence.length > EVIDENCE_BYTES_MAX) return;
  const cache = await caches.open(KEPT);
  const json = (body) => new Response(body, { headers: { "content-type": "application/json", "x-kept-at": String(Date.now()) } });
  await cache.put(pathOf(id), json(JSON.stringify({ anchor, evidence: new TextDecoder().decode(evidence) })));
  const parts = [...document.querySelectorAll("script[src], link[rel=stylesheet], link[rel=icon]")].map((part) => part.src || part.href);
  const here = location.href.split("#")[0];
  await Promise.all([copy(cache, here, [here, linkTo(here)]), ...parts.map((address) => copy(cache, address, [address]))]);
  const entries = await cache.keys();
  await Promise.all(entries.slice(0, Math.max(0, entries.length - ENTRIES_MAX)).map((entry) => cache.delete(entry)));
}

/** What is kept of an id: `{anchor, evidence, at}`, the last in milliseconds since 1970. */
export async function recallEvidence(id) {
  const found = await globalThis.caches?.match(pathOf(id), { cacheName: KEPT }).catch(() => undefined);
  if (found === undefined) return undefined;
  const { anchor, evidence } = await found.json();
  return { anchor, evidence: new TextEncoder().encode(evidence), at: Number(found.headers.get("x-kept-at")) };
}

/** Has the worker answer for the pages that are kept, if there is no network. */
export async function startWorker() {
  await navigator.serviceWorker?.register("/assets/worker.js", { scope: "/" });
}

/** No page has this path: it is the name of what is kept. */
const pathOf = (id) => `/kept?id=${encodeURIComponent(id)}`;

/** The Digital Link that leads to this page by a redirect, at this site: without a network the page opens by it too. */
function linkTo(here) {
  const link = document.querySelector("link[rel=canonical]")?.href;
  if (!link) return here;
  const { pathname, search } = new URL(link);
  return new URL(pathname + search, here).href;
}

async function copy(cache, address, names) {
  // What was loaded a moment ago is not loaded again.
  const answer = await fetch(address, { cache: "force-cache", headers: { accept: "text/html" } });
  if (!answer.ok) return;
  // A browser shows no answer of a worker's that was redirected: it is kept without that mark.
  const kept = answer.redirected ? new Response(await answer.blob(), { headers: answer.headers }) : answer;
  await Promise.all([...new Set(names)].map((name) => cache.put(name, kept.clone())));
}
