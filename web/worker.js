// Answers for pages that this device keeps (kept.js) if there is no network, and never otherwise: what a page shows of today comes from
// the node.

const KEPT = "sealane-kept-1";

/** How long a node may take, in milliseconds, before a page that is kept is shown in its place. */
const PATIENCE_MS = 8_000;

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(Promise.all([clients.claim(), registration.navigationPreload?.enable()])));

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (isHashed(pathname)) event.respondWith(part(request));
});

/** A file whose name has its hash never changes. */
const isHashed = (pathname) => /^\/assets\/.*\.[0-9a-f]{16}\.(?:js|css)$/.test(pathname);

async function page({ request, preloadResponse }) {
  const answer = (async () => (await preloadResponse) ?? fetch(request))();
  const kept = await caches.match(request, { cacheName: KEPT, ignoreVary: true });
  if (kept === undefined) return answer;
  const late = new Promise((done) => setTimeout(() => done(kept), PATIENCE_MS));
  return Promise.race([answer.catch(() => kept), late]);
}

async function part(request) {
  return (await caches.match(request, { cacheName: KEPT, ignoreVary: true })) ?? fetch(request);
}
