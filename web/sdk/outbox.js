// What was sent and is not acknowledged yet. Texts are kept in IndexedDB where
// there is one, so that closing the browser loses none; the same id is used
// every time, so that sending again doubles none.

/**
 * @typedef {object} Item
 * @property {string} id
 * @property {string} place server and room
 * @property {"chat" | "edit" | "delete" | "react"} type
 * @property {number} at milliseconds
 * @property {string} [from] the identity that first sent it
 * @property {string} [message]
 * @property {number} [reply_to]
 * @property {number} [seq]
 * @property {string} [emoji]
 * @property {boolean} [on]
 * @property {"queued" | "sent" | "acked" | "failed"} state
 * @property {{code: string, detail: string}} [error] why it failed
 */

/** An id that orders by time: a UUIDv7 (RFC 9562 section 5.7). */
export function newID(now = Date.now()) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  const time = now.toString(16).padStart(12, "0");
  const variant = "89ab"[(bytes[8] ?? 0) & 3];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** The frame that an item is sent as. @param {Item} item */
export function frameOf({ type, id, message, reply_to, seq, emoji, on }) {
  return { type, id, message, reply_to, seq, emoji, on }; // JSON leaves out what is undefined
}

/** @type {Promise<IDBDatabase | undefined> | undefined} */
let opening;

function database() {
  opening ??= new Promise((resolve) => {
    if (!globalThis.indexedDB) return resolve(undefined);
    const request = indexedDB.open("chatd", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("outbox", { keyPath: "id" }).createIndex("place", "place");
    };
    request.onsuccess = () => resolve(request.result);
    // Without storage (private windows, full disks) the outbox lives as long as the page.
    request.onerror = request.onblocked = () => resolve(undefined);
  });
  return opening;
}

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest<T>} act
 * @returns {Promise<T | undefined>}
 */
async function storage(mode, act) {
  const db = await database();
  if (!db) return undefined;
  return new Promise((resolve) => {
    try {
      const request = act(db.transaction("outbox", mode).objectStore("outbox"));
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(undefined);
    } catch {
      resolve(undefined); // the database is closing
    }
  });
}

/** Keeps an item until it is forgotten. @param {Item} item */
export function keep(item) {
  if (item.type === "react") return Promise.resolve(undefined);
  return storage("readwrite", (store) => store.put({ ...item, state: item.state === "failed" ? "failed" : "queued" }));
}

/** @param {string} id */
export function forget(id) {
  return storage("readwrite", (store) => store.delete(id));
}

/** What earlier pages left behind, oldest first. @param {string} place @returns {Promise<Item[]>} */
export async function kept(place) {
  const items = (await storage("readonly", (store) => store.index("place").getAll(place))) ?? [];
  return items.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
}
