// Answers for pages that this device keeps (kept.js) if there is no network, and never otherwise: what a page shows of today comes from
// the node.

const KEPT = "sealane-kept-1";

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
  try {
    return (await preloadResponse) ?? (await fetch(request));
  } catch (error) {
    const kept = await caches.match(request, { cacheName: KEPT, ignoreVary: true });
    if (kept) return kept;
    throw error;
  }
}

async function part(request) {
  return (await caches.match(request, { cacheName: KEPT, ignoreVary: true })) ?? fetch(request);
}
