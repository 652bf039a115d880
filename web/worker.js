// Leads a Digital Link to its page as the node would, asks for what a page will check while the page itself comes, and answers for pages that
// this device keeps (kept.js) if there is no network, and never otherwise: what a page shows of today comes from the node.

const KEPT = "sealane-kept-1";

/** How long a node may take, in milliseconds, before a page that is kept is shown in its place. */
const PATIENCE_MS = 8_000;

/** How long an answer waits for its page to ask for it, in milliseconds. */
const HELD_MS_MAX = 30_000;

/**
 * The path of a Digital Link of a class, a lot, a piece or a load that can be written in one way alone, and the name and value of what may
 * stand in its query. All others are left to the node.
 */
const LINK = /^\/(?:01\/[0-9]{14}(?:\/(?:10|21)\/[\w.~-]{1,20})?|00\/[0-9]{18})$/;
const BESIDE = /^(?:lang=[a-z]{2}|(?:10|11|15|16|17|22|235|7003)=[A-Za-z0-9]{1,20})$/;

/** Answers that a page is going to ask for, by its client and the path. Each is taken once. */
const held = new Map();

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(Promise.all([clients.claim(), registration.navigationPreload?.enable()])));

addEventListener("fetch", (event) => {
  const { request, clientId } = event;
  const { origin, pathname, search } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  const name = `${clientId} ${pathname}${search}`;
  if (request.mode === "navigate") event.respondWith(navigated(event, pathname, search));
  else if (isHashed(pathname)) event.respondWith(part(request));
  else if (held.has(name)) event.respondWith(taken(name));
});

/** A file whose name has its hash never changes. */
const isHashed = (pathname) => /^\/assets\/.*\.[0-9a-f]{16}\.(?:js|css)$/.test(pathname);

function navigated(event, pathname, search) {
  const beside = besides(search);
  if (LINK.test(pathname) && beside) {
    // What the browser asked the node for meanwhile says the same.
    event.waitUntil(Promise.resolve(event.preloadResponse).catch(() => {}));
    return Response.redirect([`/verify?id=${encodeURIComponent(uriOf(pathname))}`, ...beside.language, ...beside.label].join("&"), 307);
  }
  if (pathname !== "/verify") return page(event);
  askEarly(event, search);
  // The page keeps a copy of itself (kept.js), which the node need not write again.
  return page(event, (answer) => hold(`${event.resultingClientId} ${pathname}${search}`, answer.clone()));
}

const uriOf = (pathname) => `https://id.gs1.org${pathname}`;

/** What stands beside an id, in the order in which the node writes it: `{language, label}`; `undefined` if there is anything else. */
function besides(query) {
  const pairs = query.replace(/^\?/, "").split("&").filter((pair) => pair !== "");
  const names = new Set(pairs.map((pair) => pair.split("=")[0]));
  if (names.size < pairs.length || !pairs.every((pair) => BESIDE.test(pair))) return undefined;
  const isLanguage = (pair) => pair.startsWith("lang=");
  return { language: pairs.filter(isLanguage), label: pairs.filter((pair) => !isLanguage(pair)).sort() };
}

/** Asks for what the page will ask for (first.js), if its question can be told from its address: on a slow line both come at once. */
function askEarly(event, search) {
  const { resultingClientId } = event;
  const [, encoded, rest] = /^\?id=([^&]+)(.*)$/.exec(search) ?? [];
  const [, pathname] = /^https%3A%2F%2Fid\.gs1\.org(%2F[\w.~%-]+)$/.exec(encoded ?? "") ?? [];
  const path = pathname?.replaceAll("%2F", "/");
  const beside = besides(rest ?? "");
  if (!resultingClientId || !path || !LINK.test(path) || !beside) return;
  const id = [uriOf(path), beside.label.join("&")].filter((part) => part !== "").join("?");
  for (const asked of ["/trust", `/evidence?id=${encodeURIComponent(id)}`]) {
    const stop = new AbortController();
    const answer = fetch(asked, { headers: { accept: "application/json" }, cache: "no-store", credentials: "omit", signal: stop.signal });
    // The page that takes it hears of it.
    event.waitUntil(answer.catch(() => {}));
    hold(`${resultingClientId} ${asked}`, answer, () => stop.abort());
  }
}

function hold(name, answer, drop = () => {}) {
  held.set(name, answer);
  setTimeout(() => {
    if (held.delete(name)) drop();
  }, HELD_MS_MAX);
}

function taken(name) {
  const answer = held.get(name);
  held.delete(name);
  return answer;
}

async function page({ request, preloadResponse }, heard = () => {}) {
  const answer = (async () => {
    const found = (await preloadResponse) ?? (await fetch(request));
    heard(found);
    return found;
  })();
  const kept = await caches.match(request, { cacheName: KEPT, ignoreVary: true });
  if (kept === undefined) return answer;
  const late = new Promise((done) => setTimeout(() => done(kept), PATIENCE_MS));
  return Promise.race([answer.catch(() => kept), late]);
}

async function part(request) {
  return (await caches.match(request, { cacheName: KEPT, ignoreVary: true })) ?? fetch(request);
}
