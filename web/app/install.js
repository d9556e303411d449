// Gives the page its service worker.

/** @type {any} */
const trusted = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("chatd", { createScriptURL: () => "/sw.js" });
navigator.serviceWorker.register(trusted ? trusted.createScriptURL("") : "/sw.js").catch(() => {}); // a page without one works as well

export {};
