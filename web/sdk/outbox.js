// What was sent and is not acknowledged yet, kept in IndexedDB where there is one.
// The same id is used every time, so that sending again doubles nothing.

import { ChatError } from "./rest.js";

/** @import {Ack, ErrorFrame, Message} from "./protocol.js" */

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
  const hex = Array.from(crypto.getRandomValues(new Uint8Array(9)), (b) => b.toString(16).padStart(2, "0")).join("");
  const time = now.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-8${hex.slice(3, 6)}-${hex.slice(6)}`;
}

/** The frame that an item is sent as. @param {Item} item */
function frameOf({ type, id, message, reply_to, seq, emoji, on }) {
  return { type, id, message, reply_to, seq, emoji, on }; // JSON leaves out what is undefined
}

/** Frames on the way at a time: enough to be quick, few enough to keep their order when one is refused. */
const WINDOW = 16;

/** Refusals that pass: the same text is sent again. */
const PASSING = new Set(["rate_limited", "slow_mode", "unavailable", "shutting_down", "over_capacity"]);

/**
 * What an outbox asks of its room.
 * @typedef {object} OutboxHooks
 * @property {() => string | undefined} me who one is, once the server has said it
 * @property {(frame: object) => boolean} send whether it could be sent
 * @property {() => void} onchange
 * @property {(error: ChatError) => void} onrefused what is refused beyond an item that can tell by itself
 */

export class Outbox {
  /** @type {Item[]} oldest first */
  items = [];
  /** Milliseconds since the epoch until which the server wants no posts. */
  pausedUntil = 0;
  /** @type {Map<string, {resolve: (ack: Ack) => void, reject: (err: Error) => void}>} */
  #waiting = new Map();
  /** @type {Promise<void> | undefined} */
  #loading;
  #loaded = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #paused;
  #refusals = 0;
  /** Milliseconds since the epoch, since when the server has stored nothing of what it was sent; 0 while nothing is on its way. */
  unstoredSince = 0;
  #place;
  #hooks;

  /** @param {string} place server and room @param {OutboxHooks} hooks */
  constructor(place, hooks) {
    this.#place = place;
    this.#hooks = hooks;
  }

  /** Finds what earlier pages left behind. Nothing is sent before. */
  load() {
    this.#loading ??= kept(this.#place).then((items) => {
      this.items = [...items.filter((i) => this.items.every((known) => known.id !== i.id)), ...this.items];
      this.#loaded = true;
      if (items.length > 0) this.#hooks.onchange();
      this.flush();
    });
  }

  /**
   * @param {Omit<Item, "id" | "place" | "at" | "state">} what
   * @returns {Promise<Ack>}
   */
  submit(what, id = newID()) {
    /** @type {Item} */
    const item = { ...what, id, place: this.#place, at: Date.now(), state: "queued" };
    this.items = [...this.items, item];
    void keep(item);
    const done = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#hooks.onchange();
    this.flush();
    return /** @type {Promise<Ack>} */ (done);
  }

  /** @param {string} id */
  retry(id) {
    const item = this.items.find((i) => i.id === id);
    if (item?.state !== "failed") return;
    item.state = "queued";
    delete item.error;
    delete item.from;
    void keep(item);
    this.#hooks.onchange();
    this.flush();
  }

  /** @param {string} id */
  discard(id) {
    this.items = this.items.filter((i) => i.id !== id);
    this.#waiting.get(id)?.reject(new ChatError("discarded", "The message was discarded."));
    this.#waiting.delete(id);
    void forget(id);
    this.#progress();
    this.#hooks.onchange();
  }

  /** Sends what waits. */
  flush() {
    const me = this.#hooks.me();
    if (me === undefined || !this.#loaded || this.#paused !== undefined) return;
    const before = this.unstoredSince;
    let underway = this.items.filter((i) => i.state === "sent").length;
    for (const item of this.items) {
      if (underway >= WINDOW) break;
      if (item.state !== "queued") continue;
      if (item.from && item.from !== me) {
        this.#fail(item, new ChatError("other_identity", "It was written under another name."));
        continue;
      }
      if (!this.#hooks.send(frameOf(item))) break;
      if (!item.from) {
        item.from = me;
        void keep(item);
      }
      item.state = "sent";
      this.unstoredSince ||= Date.now();
      underway++;
    }
    if (this.unstoredSince !== before) this.#hooks.onchange();
  }

  /** Forgets that the server wanted no posts: it will say so again. */
  rest() {
    clearTimeout(this.#paused);
    this.#paused = undefined;
    this.pausedUntil = 0;
  }

  /** What was on the way goes again, unless it is why the connection ended. @param {number} code */
  interrupted(code) {
    for (const item of this.items.filter((i) => i.state === "sent")) {
      if (code === 1007 || code === 1009) this.#fail(item, new ChatError("too_large", "The server does not take this message."));
      else item.state = "queued";
    }
    this.unstoredSince = 0;
  }

  /** The history begins anew: no change will come for what is acknowledged. */
  reset() {
    this.items = this.items.filter((i) => i.state !== "acked");
  }

  /** The server has answered something. */
  #progress() {
    this.unstoredSince = this.items.some((i) => i.state === "sent") ? Date.now() : 0;
  }

  /** A change that was seen needs no acknowledgement any more. @param {Message} message */
  seen(message) {
    const me = this.#hooks.me();
    const mine = (/** @type {Item} */ i) => (i.state === "acked" && i.seq === message.seq) || (i.type === "chat" && i.id === message.id && message.from.id === me);
    const item = this.items.find(mine);
    if (!item) return;
    if (item.state !== "acked") return this.acked({ type: "ack", id: item.id, seq: message.seq, rev: message.rev }, message.rev);
    this.items = this.items.filter((i) => i !== item);
    this.#hooks.onchange();
  }

  /** @param {Ack} ack @param {number} cursor the newest rev that has come */
  acked(ack, cursor) {
    const item = this.items.find((i) => i.id === ack.id);
    this.#refusals = 0;
    this.#waiting.get(ack.id)?.resolve(ack);
    this.#waiting.delete(ack.id);
    void forget(ack.id);
    if (!item || item.state === "acked") return;
    // The change itself may still be under way: until it comes, the item stands for it.
    item.state = "acked";
    item.seq = ack.seq;
    this.#progress();
    if (ack.rev <= cursor) this.items = this.items.filter((i) => i !== item);
    this.#hooks.onchange();
    this.flush();
  }

  /** @param {ErrorFrame} frame */
  refused(frame) {
    const error = new ChatError(frame.code, frame.detail, { retryAfter: frame.retry_after, errors: frame.errors });
    const item = this.items.find((i) => i.id === frame.id);
    if (!item) return this.#hooks.onrefused(error);
    if (!PASSING.has(frame.code)) return this.#fail(item, error);
    const wait = error.retryAfter > 0 ? error.retryAfter * 1000 : Math.min(1000 * 2 ** this.#refusals, 30_000);
    this.#refusals++;
    item.state = "queued";
    if (frame.code !== "unavailable") this.unstoredSince = 0;
    this.pausedUntil = Date.now() + wait;
    clearTimeout(this.#paused);
    this.#paused = setTimeout(() => {
      this.#paused = undefined;
      this.pausedUntil = 0;
      this.flush();
      this.#hooks.onchange();
    }, wait);
    this.#hooks.onchange();
    this.#hooks.onrefused(error);
  }

  /** @param {Item} item @param {ChatError} error */
  #fail(item, error) {
    item.state = "failed";
    item.error = { code: error.code, detail: error.message };
    if (item.type === "chat" || item.type === "edit") void keep(item);
    else {
      this.items = this.items.filter((i) => i !== item);
      void forget(item.id);
      this.#hooks.onrefused(error);
    }
    this.#waiting.get(item.id)?.reject(error);
    this.#waiting.delete(item.id);
    this.#progress();
    this.#hooks.onchange();
    this.flush();
  }
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
      const transaction = db.transaction("outbox", mode);
      const request = act(transaction.objectStore("outbox"));
      transaction.commit?.(); // at once: a page that closes now would take it along
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(undefined);
    } catch {
      resolve(undefined); // the database is closing
    }
  });
}

/** Keeps an item until it is forgotten. @param {Item} item */
function keep(item) {
  if (item.type === "react") return Promise.resolve(undefined);
  return storage("readwrite", (store) => store.put({ ...item, state: item.state === "failed" ? "failed" : "queued" }));
}

/** @param {string} id */
function forget(id) {
  return storage("readwrite", (store) => store.delete(id));
}

/** What earlier pages left behind, oldest first. @param {string} place @returns {Promise<Item[]>} */
async function kept(place) {
  const items = (await storage("readonly", (store) => store.index("place").getAll(place))) ?? [];
  return items.sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
}
