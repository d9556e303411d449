// chatd's SDK: one room, live. It runs in pages, workers and Node ≥ 22.
//
//   import {Room} from "https://chat.example/sdk.js";
//   const room = new Room("lobby", {name: "Ana"});
//   room.addEventListener("message", ({detail}) => console.log(detail.message.message));
//   await room.join();
//   const {seq} = await room.send("Hello");
//
// Everything derives from rev and seq: what was missed comes after a reconnect,
// each change once; a repeat is recognised; a text that is not acknowledged yet
// is sent again under the same id until it is.

import { Link } from "./link.js";
import { forget, frameOf, keep, kept, newID } from "./outbox.js";
import { ChatError, Server } from "./rest.js";

export { ChatError, Server, newID };

/** @import {Ack, ErrorFrame, Message, MessageFrame, MessageList, MemberList, Person, PresenceFrame, RoomFrame, RoomInfo, ServerFrame, Welcome, You} from "./protocol.js" */
/** @import {Item} from "./outbox.js" */

/**
 * @typedef {object} Options
 * @property {string} [src] the server's address; default: where the SDK came from
 * @property {string} [name] how a guest wants to be called
 * @property {string} [token] a credential
 * @property {() => string | undefined | Promise<string | undefined>} [getToken] asked before every connect, instead of token
 * @property {number} [history] how many messages to begin with; default 50
 * @property {{epoch: string, rev: number}} [after] resume from here
 * @property {boolean} [inbox] also get what concerns the identity beyond the room
 */

/**
 * The detail of "message": a message as it is now.
 * @typedef {object} Change
 * @property {Message} message
 * @property {MessageFrame["type"]} type what happened to it
 * @property {boolean} live it happened just now; false for history and what was missed
 * @property {boolean} fresh the room did not know it before: not history
 * @property {Person} [by]
 * @property {string} [emoji]
 * @property {boolean} [on]
 */

/** Frames on the way at a time: enough to be quick, few enough to keep their order when one is refused. */
const WINDOW = 16;

/** Refusals that pass: the same text is sent again. */
const PASSING = new Set(["rate_limited", "slow_mode", "unavailable", "shutting_down", "over_capacity"]);

/**
 * Events: "state" (connection), "welcome", "reset" (the history starts anew),
 * "message" (a {@link Change}), "room", "presence", "typing", "outbox",
 * "unread", "rooms", "refused" (a {@link ChatError} that concerns no item) and
 * "closed" ({code, reason}: the server does not want it back).
 */
export class Room extends EventTarget {
  #link;
  #options;
  /** @type {string | undefined} */
  #token;
  /** @type {Map<string, {resolve: (ack: Ack) => void, reject: (err: Error) => void}>} */
  #waiting = new Map();
  /** @type {Promise<void> | undefined} */
  #loading;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #paused;
  #refusals = 0;
  #liveFrom = Infinity;
  #typedAt = 0;

  /**
   * @param {string} id
   * @param {Options} [options]
   */
  constructor(id, options = {}) {
    super();
    this.id = id;
    this.#options = options;
    this.#token = options.token;
    this.server = new Server(options.src, () => ({ token: this.#token, name: this.#options.name }));
    /** @type {{epoch: string, rev: number} | undefined} */
    this.cursor = options.after;
    /** @type {Welcome | undefined} the last one */
    this.welcome = undefined;
    /** @type {RoomInfo | undefined} */
    this.info = undefined;
    /** @type {You | undefined} */
    this.you = undefined;
    /** @type {Map<string, Person>} who is here, as far as told */
    this.members = new Map();
    this.online = 0;
    /** @type {Item[]} what is not acknowledged yet, oldest first */
    this.outbox = [];
    /** Seconds since the epoch in ms, until which the server wants no posts. */
    this.pausedUntil = 0;
    /** Whether the server has no place for one more connection; it is asked again. */
    this.crowded = false;

    this.#link = new Link({
      target: () => this.#target(),
      onframe: (frame) => this.#receive(frame),
      onstate: (state, info) => {
        if (state !== "open") this.#interrupted(info.code);
        if (state === "waiting") this.crowded = info.code === 4100 || info.code === 4101;
        this.#emit("state", { state, ...info });
      },
      onstop: (code, reason) => {
        this.#emit("closed", { code, reason });
      },
      why: async () => {
        try {
          await this.server.call("GET", this.#path());
        } catch (err) {
          return err instanceof ChatError ? err : undefined;
        }
        return undefined;
      },
    });
    globalThis.addEventListener?.("online", () => this.wake());
  }

  get state() {
    return this.#link.state;
  }

  /** Connects, and stays connected until leave. Resolves with the first welcome. @returns {Promise<Welcome>} */
  join() {
    const joined = new Promise((resolve, reject) => {
      this.addEventListener("welcome", () => resolve(this.welcome), { once: true });
      this.addEventListener("closed", (e) => reject(closeError(/** @type {CustomEvent} */ (e).detail)), { once: true });
    });
    this.#loading ??= this.#load();
    this.#link.open();
    return /** @type {Promise<Welcome>} */ (joined);
  }

  leave() {
    clearTimeout(this.#paused);
    this.#link.close();
  }

  /** Reconnects now if it waits to. */
  wake() {
    this.#link.wake();
  }

  /** Joins again under another name or token, and misses nothing. @param {{name?: string | undefined, token?: string | undefined}} as */
  rejoin(as) {
    if (as.name) this.#options = { ...this.#options, name: as.name };
    if ("token" in as) this.#token = as.token;
    if (this.state !== "idle") this.#link.restart();
  }

  /**
   * Posts. Resolves once the message is durable; rejects with a ChatError if the
   * server refuses it for good. Until then it is kept and sent again.
   * @param {string} message
   * @param {{replyTo?: number | undefined, id?: string}} [options]
   * @returns {Promise<Ack>}
   */
  send(message, options = {}) {
    return this.#submit({ type: "chat", message, ...(options.replyTo ? { reply_to: options.replyTo } : {}) }, options.id);
  }

  /** @param {number} seq @param {string} message */
  edit(seq, message) {
    return this.#submit({ type: "edit", seq, message });
  }

  /** @param {number} seq */
  remove(seq) {
    return this.#submit({ type: "delete", seq });
  }

  /** @param {number} seq @param {string} emoji @param {boolean} [on] */
  react(seq, emoji, on = true) {
    return this.#submit({ type: "react", seq, emoji, on });
  }

  /** Sends a failed item again. @param {string} id */
  retry(id) {
    const item = this.outbox.find((i) => i.id === id);
    if (item?.state !== "failed") return;
    item.state = "queued";
    delete item.error;
    delete item.from;
    void keep(item);
    this.#changed();
    this.#flush();
  }

  /** Gives an item up. @param {string} id */
  discard(id) {
    this.outbox = this.outbox.filter((i) => i.id !== id);
    this.#waiting.get(id)?.reject(new ChatError("discarded", "The message was discarded."));
    this.#waiting.delete(id);
    void forget(id);
    this.#changed();
  }

  /** Tells that the user types; at most once every three seconds. */
  typing() {
    const now = Date.now();
    if (now - this.#typedAt < 3000) return;
    if (this.#link.tell({ type: "typing" })) this.#typedAt = now;
  }

  /** Marks all up to seq as read. @param {number} seq */
  read(seq) {
    return this.#link.tell({ type: "read", seq });
  }

  /**
   * A page of messages, ascending. The bounds are exclusive.
   * @param {{before?: number, after?: number, around?: number, limit?: number}} [query]
   * @returns {Promise<MessageList>}
   */
  history(query = {}) {
    return this.server.call("GET", this.#path("/messages"), { query });
  }

  /** @param {string} q @param {Record<string, string | number | undefined>} [query] @returns {Promise<MessageList>} */
  search(q, query = {}) {
    return this.server.call("GET", "/search", { query: { q, room: this.id, ...query } });
  }

  /** @param {Record<string, string | number | undefined>} [query] @returns {Promise<MemberList>} */
  list(query = {}) {
    return this.server.call("GET", this.#path("/members"), { query });
  }

  #path(rest = "") {
    return `/rooms/${encodeURIComponent(this.id)}${rest}`;
  }

  async #target() {
    if (this.#options.getToken) this.#token = await this.#options.getToken();
    await this.#loading;
    const { name, history = 50, inbox } = this.#options;
    return {
      url: this.server.socketURL(this.id, {
        name,
        history,
        after: this.cursor && `${this.cursor.epoch}:${this.cursor.rev}`,
        inbox: inbox ? 1 : undefined,
        refusal: "close", // else a browser would hide why
      }),
      protocols: this.#token ? ["chatd.v1", `bearer.${this.#token}`] : ["chatd.v1"],
    };
  }

  async #load() {
    const items = await kept(this.#place());
    const known = new Set(this.outbox.map((i) => i.id));
    this.outbox = [...items.filter((i) => !known.has(i.id)), ...this.outbox];
    if (items.length > 0) this.#changed();
  }

  #place() {
    return `${this.server.origin}/${this.id}`;
  }

  /**
   * @param {Omit<Item, "id" | "place" | "at" | "state">} what
   * @returns {Promise<Ack>}
   */
  #submit(what, id = newID()) {
    /** @type {Item} */
    const item = { ...what, id, place: this.#place(), at: Date.now(), state: "queued" };
    this.outbox = [...this.outbox, item];
    void keep(item);
    const done = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#changed();
    this.#flush();
    return /** @type {Promise<Ack>} */ (done);
  }

  #flush() {
    if (!this.welcome || this.#paused !== undefined) return;
    let underway = this.outbox.filter((i) => i.state === "sent").length;
    for (const item of this.outbox) {
      if (underway >= WINDOW) break;
      if (item.state !== "queued") continue;
      if (item.from && item.from !== this.you?.id) {
        this.#fail(item, new ChatError("other_identity", "It was written under another name."));
        continue;
      }
      if (!this.#link.send(frameOf(item))) break;
      if (!item.from) {
        item.from = this.you?.id ?? "";
        void keep(item);
      }
      item.state = "sent";
      underway++;
    }
  }

  /** What was on the way goes again, unless it is why the connection ended. @param {number} code */
  #interrupted(code) {
    for (const item of this.outbox.filter((i) => i.state === "sent")) {
      if (code === 1007 || code === 1009) this.#fail(item, new ChatError("too_large", "The server does not take this message."));
      else item.state = "queued";
    }
  }

  /** @param {ServerFrame} frame */
  #receive(frame) {
    switch (frame.type) {
      case "welcome":
        return this.#welcomed(frame);
      case "chat":
      case "edit":
      case "delete":
      case "reactions":
      case "room":
        return this.#change(frame);
      case "ack":
        return this.#acked(frame);
      case "error":
        return this.#refuse(frame);
      case "presence":
        return this.#presence(frame);
      case "typing":
      case "unread":
      case "rooms":
        return this.#emit(frame.type, frame);
    }
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    const again = this.cursor?.epoch === welcome.epoch && welcome.recovered;
    this.welcome = welcome;
    this.crowded = false;
    this.info = welcome.room;
    this.you = welcome.you;
    if (welcome.you.token && !this.#options.getToken) this.#token = welcome.you.token;
    this.members = new Map(welcome.members.map((p) => [p.id, p]));
    this.online = welcome.online;
    this.#liveFrom = welcome.rev;
    if (!again) {
      this.cursor = { epoch: welcome.epoch, rev: welcome.rev };
      this.outbox = this.outbox.filter((i) => i.state !== "acked");
      this.#emit("reset", welcome);
    }
    this.#link.heartbeat(welcome.heartbeat || 25);
    this.#emit("welcome", welcome);
    this.#emit("room", welcome.room);
    this.#emit("presence", { joined: [], left: [] });
    this.#flush();
  }

  /** @param {MessageFrame | RoomFrame} frame */
  #change(frame) {
    const cursor = this.cursor;
    if (!cursor) return;
    const fresh = frame.rev > cursor.rev;
    if (fresh) {
      if ((frame.prev ?? frame.rev - 1) > cursor.rev) return this.#link.resume(); // a hole
      cursor.rev = frame.rev;
    }
    const live = frame.rev > this.#liveFrom;
    if (frame.type === "room") {
      this.info = { ...frame.room, online: this.online };
      return this.#emit("room", this.info);
    }
    const { type, prev: _, by, emoji, on, ...message } = frame;
    this.#settle(message, frame);
    this.#emit("message", { message, type, live, fresh, by, emoji, on });
  }

  /** A change that was seen needs no acknowledgement any more. @param {Message} message @param {MessageFrame} frame */
  #settle(message, frame) {
    const mine = (/** @type {Item} */ i) =>
      (i.state === "acked" && i.seq === message.seq) || (i.type === "chat" && i.id === message.id && message.from.id === this.you?.id);
    const item = this.outbox.find(mine);
    if (!item) return;
    if (item.state !== "acked") this.#acked({ type: "ack", id: item.id, seq: message.seq, rev: frame.rev });
    this.outbox = this.outbox.filter((i) => i !== item);
    this.#changed();
  }

  /** @param {Ack} ack */
  #acked(ack) {
    const item = this.outbox.find((i) => i.id === ack.id);
    this.#refusals = 0;
    this.#waiting.get(ack.id)?.resolve(ack);
    this.#waiting.delete(ack.id);
    void forget(ack.id);
    if (!item || item.state === "acked") return;
    // The change itself may still be under way: until it comes, the item stands for it.
    item.state = "acked";
    item.seq = ack.seq;
    if (ack.rev <= (this.cursor?.rev ?? 0)) this.outbox = this.outbox.filter((i) => i !== item);
    this.#changed();
    this.#flush();
  }

  /** @param {ErrorFrame} frame */
  #refuse(frame) {
    const error = new ChatError(frame.code, frame.detail, {
      retryAfter: frame.retry_after ?? 0,
      errors: frame.errors ?? [],
    });
    const item = this.outbox.find((i) => i.id === frame.id);
    if (!item) return this.#emit("refused", error);
    if (!PASSING.has(frame.code)) return this.#fail(item, error);
    const wait = error.retryAfter > 0 ? error.retryAfter * 1000 : Math.min(1000 * 2 ** this.#refusals, 30_000);
    this.#refusals++;
    item.state = "queued";
    this.pausedUntil = Date.now() + wait;
    clearTimeout(this.#paused);
    this.#paused = setTimeout(() => {
      this.#paused = undefined;
      this.pausedUntil = 0;
      this.#flush();
      this.#changed();
    }, wait);
    this.#changed();
    this.#emit("refused", error);
  }

  /** @param {Item} item @param {ChatError} error */
  #fail(item, error) {
    item.state = "failed";
    item.error = { code: error.code, detail: error.message };
    if (item.type === "chat" || item.type === "edit") void keep(item);
    else {
      this.outbox = this.outbox.filter((i) => i !== item);
      void forget(item.id);
      this.#emit("refused", error);
    }
    this.#waiting.get(item.id)?.reject(error);
    this.#waiting.delete(item.id);
    this.#changed();
    this.#flush();
  }

  /** @param {PresenceFrame} frame */
  #presence(frame) {
    for (const person of frame.left ?? []) this.members.delete(person.id);
    for (const person of frame.joined ?? []) this.members.set(person.id, person);
    this.online = frame.count;
    if (this.info) this.info.online = frame.count;
    this.#emit("presence", { joined: frame.joined ?? [], left: frame.left ?? [] });
  }

  #changed() {
    this.#emit("outbox", this.outbox);
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** @param {{code: number, reason: string}} close */
function closeError({ code, reason }) {
  const codes = /** @type {Record<number, string>} */ ({ 4001: "unauthorized", 4003: "forbidden", 4004: "room_not_found", 4009: "kicked" });
  return new ChatError(codes[code] ?? "closed", reason || "The server closed the connection.");
}
