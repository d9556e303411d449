// The service worker: it keeps the page's shell for when there is no network. A
// page always comes from the server when there is one, so that no old code meets
// a new server; assets are named by their content and never change.

const VERSION = "chatd-%VERSION%";
const SHELL = "/ %BASE%style/room.css %MODULES%".trim().split(" ");

const worker = /** @type {any} */ (globalThis);

worker.addEventListener("install", (/** @type {any} */ e) => {
  e.waitUntil(caches.open(VERSION).then((cache) => cache.addAll(SHELL)));
  worker.skipWaiting();
});

worker.addEventListener("activate", (/** @type {any} */ e) => {
  e.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((n) => n.startsWith("chatd-") && n !== VERSION).map((n) => caches.delete(n))))
      .then(() => worker.clients.claim()),
  );
});

worker.addEventListener("fetch", (/** @type {any} */ e) => {
  const url = new URL(e.request.url);
  if (e.request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.startsWith("/assets/")) e.respondWith(asset(e.request));
  else if (e.request.mode === "navigate" && (url.pathname === "/" || url.pathname.startsWith("/r/"))) e.respondWith(page(e.request));
});

/** @param {Request} request */
async function asset(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok && request.url.includes("%BASE%")) (await caches.open(VERSION)).put(request, response.clone());
  return response;
}

/** @param {Request} request */
async function page(request) {
  try {
    return await fetch(request);
  } catch (err) {
    const kept = await caches.match("/");
    if (kept) return kept;
    throw err;
  }
}

