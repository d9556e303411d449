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
import { newID, Outbox } from "./outbox.js";
import { ChatError, Server } from "./rest.js";

export { ChatError, Server, newID };

/** @import {Ack, MessageFrame, Message, MessageList, MemberList, Person, PresenceFrame, RoomFrame, RoomInfo, ServerFrame, Welcome, You} from "./protocol.js" */

/**
 * @typedef {object} Options
 * @property {string} [src] the server's address; default: where the SDK came from
 * @property {string} [name] how a guest wants to be called
 * @property {string} [token] a credential
 * @property {() => string | undefined | Promise<string | undefined>} [getToken] asked before every connect, and before the token ends, instead of token
 * @property {number} [history] how many messages to begin with; default 50
 * @property {{epoch: string, rev: number}} [after] resume from here
 * @property {boolean} [inbox] also get what concerns the identity beyond the room
 * @property {boolean} [held] tell nothing before release is called: whoever listens is not there yet
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

/** The id of frames that bring a fresh token. */
const RENEWAL = "auth";

/**
 * Events: "state" (connection), "welcome", "reset" (the history starts anew),
 * "message" (a {@link Change}), "room", "presence", "typing", "outbox",
 * "unread", "rooms", "you" (after a fresh token),
 * "refused" (a {@link ChatError} that concerns no item) and
 * "closed" ({code, reason}: the server does not want it back).
 */
export class Room extends EventTarget {
  #link;
  #outbox;
  #options;
  /** @type {string | undefined} */
  #token;
  /** What happened before anybody could listen. @type {(() => void)[] | undefined} */
  #held;
  /** @type {string | undefined} sent, and not yet taken */
  #fresh;
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
    if (options.held) this.#held = [];
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
    /** Why there is no place for one more connection, "" if there is; it is asked again. */
    this.crowded = "";

    this.#outbox = new Outbox(`${this.server.origin}/${id}`, {
      me: () => this.welcome && this.you?.id,
      send: (frame) => this.#link.send(frame),
      onchange: () => this.#emit("outbox", this.outbox),
      onrefused: (error) => this.#emit("refused", error),
    });
    this.#link = new Link({
      target: () => this.#target(),
      onframe: (frame) => this.#heard(() => this.#receive(frame)),
      owed: () => this.unstoredSince,
      onstate: (state, info) => {
        if (state !== "open") this.#outbox.interrupted(info.code);
        if (state === "waiting") this.crowded = info.code === 4100 || info.code === 4101 ? info.reason : "";
        this.#emit("state", { state, ...info });
      },
      onstop: (code, reason) => this.#heard(() => this.#emit("closed", { code, reason })),
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

  /** How one is called here, or wants to be. */
  get name() {
    return this.you?.name ?? this.#options.name ?? "";
  }

  /** What is not acknowledged yet, oldest first. */
  get outbox() {
    return this.#outbox.items;
  }

  /** Milliseconds since the epoch until which the server wants no posts; 0 if it takes them. */
  get pausedUntil() {
    return this.#outbox.pausedUntil;
  }

  /** Milliseconds since the epoch, since when the server has stored nothing of what it was sent; 0 while nothing is on its way. */
  get unstoredSince() {
    return this.#outbox.unstoredSince;
  }

  /** Connects, and stays connected until leave. Resolves with the first welcome. @returns {Promise<Welcome>} */
  join() {
    const joined = new Promise((resolve, reject) => {
      this.addEventListener("welcome", () => resolve(this.welcome), { once: true });
      this.addEventListener("closed", (e) => reject(closeError(/** @type {CustomEvent} */ (e).detail)), { once: true });
    });
    this.#outbox.load();
    this.#link.open();
    return /** @type {Promise<Welcome>} */ (joined);
  }

  leave() {
    this.#outbox.rest();
    this.#link.close();
  }

  /** Tells what a room made with held has kept back: there are listeners now. */
  release() {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const tell of held) tell();
  }

  /** Reconnects now if it waits to. */
  wake() {
    this.#link.wake();
  }

  /** Joins again under another name or token, and misses nothing. @param {{name?: string | undefined, token?: string | undefined}} as */
  rejoin(as) {
    const name = as.name || this.#options.name;
    const token = "token" in as ? as.token : this.#token;
    if (name === this.#options.name && token === this.#token && this.state !== "stopped") return;
    this.#options = { ...this.#options, name };
    this.#token = token;
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
    this.#typedAt = 0; // the post ends it
    return this.#outbox.submit({ type: "chat", message, ...(options.replyTo ? { reply_to: options.replyTo } : {}) }, options.id);
  }

  /** @param {number} seq @param {string} message */
  edit(seq, message) {
    return this.#outbox.submit({ type: "edit", seq, message });
  }

  /** @param {number} seq */
  remove(seq) {
    return this.#outbox.submit({ type: "delete", seq });
  }

  /** @param {number} seq @param {string} emoji @param {boolean} [on] */
  react(seq, emoji, on = true) {
    return this.#outbox.submit({ type: "react", seq, emoji, on });
  }

  /** Sends a failed item again. @param {string} id */
  retry(id) {
    this.#outbox.retry(id);
  }

  /** Gives an item up. @param {string} id */
  discard(id) {
    this.#outbox.discard(id);
  }

  /** Tells that the user types; at most once every three seconds. */
  typing() {
    const now = Date.now();
    if (now - this.#typedAt < 3000) return;
    if (this.#link.send({ type: "typing" })) this.#typedAt = now;
  }

  /** Marks all up to seq as read. @param {number} seq */
  read(seq) {
    return this.#link.send({ type: "read", seq });
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

  /** @param {() => void} tell */
  #heard(tell) {
    if (this.#held) this.#held.push(tell);
    else tell();
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
        return this.#outbox.acked(frame, this.cursor?.rev ?? 0);
      case "error":
        if (frame.id === RENEWAL) return; // asked again when the old one ends
        return this.#outbox.refused(frame);
      case "presence":
        return this.#presence(frame);
      case "expiring":
        return void this.#renew();
      case "auth":
        this.#token = this.#fresh;
        this.you = frame.you;
        return this.#emit("you", frame.you);
      case "typing":
      case "unread":
      case "rooms":
        return this.#emit(frame.type, frame);
    }
  }

  /** Goes on with a fresh token, if there is one. */
  async #renew() {
    if (!this.#options.getToken) return;
    let token;
    try {
      token = await this.#options.getToken();
    } catch {
      return; // asked again for the next connection
    }
    if (token && token !== this.#token && this.#link.send({ type: "auth", token, id: RENEWAL })) this.#fresh = token;
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    const again = this.cursor?.epoch === welcome.epoch && welcome.recovered;
    this.welcome = welcome;
    this.crowded = "";
    this.info = welcome.room;
    this.you = welcome.you;
    if (welcome.you.token && !this.#options.getToken) this.#token = welcome.you.token;
    this.members = new Map(welcome.members.map((p) => [p.id, p]));
    this.online = welcome.online;
    this.#liveFrom = welcome.rev;
    if (!again) {
      this.cursor = { epoch: welcome.epoch, rev: welcome.rev };
      this.#outbox.reset();
      this.#emit("reset", welcome);
    }
    this.#link.heartbeat(welcome.heartbeat || 25);
    this.#emit("welcome", welcome);
    this.#emit("room", welcome.room);
    this.#emit("presence", { joined: [], left: [] });
    this.#outbox.flush();
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
    this.#outbox.seen(message);
    this.#emit("message", { message, type, live, fresh, by, emoji, on });
  }

  /** @param {PresenceFrame} frame */
  #presence(frame) {
    for (const person of frame.left ?? []) this.members.delete(person.id);
    for (const person of frame.joined ?? []) this.members.set(person.id, person);
    this.online = frame.count;
    if (this.info) this.info.online = frame.count;
    this.#emit("presence", { joined: frame.joined ?? [], left: frame.left ?? [] });
  }

  /** @param {string} type @param {unknown} detail */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** The reason of a close by the server is "code: detail". @param {{reason: string}} close */
function closeError({ reason }) {
  const [, code, detail] = /^([a-z_]+): (.*)$/s.exec(reason) ?? [];
  return new ChatError(code ?? "closed", detail ?? (reason || "The server closed the connection."));
}
