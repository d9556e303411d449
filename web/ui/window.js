// The part of a room's history that the page holds: at most so many messages,
// however long the history. It knows no DOM.

import { dayOf } from "../i18n/index.js";
import { continues } from "./row.js";

/** @import {Message} from "../sdk/protocol.js" */
/** @import {Change, Room} from "../sdk/room.js" */
/** @import {Item} from "../sdk/outbox.js" */

/** What stands in the timeline: a message, a day, the line above what is unread, or a gap before what waits. @typedef {{key: string, day?: string, unread?: boolean, gap?: boolean, view?: import("./row.js").RowView}} Content */

/** Messages that are fetched at a time. */
export const PAGE = 100;

/** Messages that a window keeps. */
export const LIMIT = 300;
/** Live messages beyond the window's end that it remembers while a page is fetched. */
const BEYOND = 200;

export class Window {
  /** @type {Message[]} ascending by seq */
  rows = [];
  /** The room's first message is here. */
  atStart = false;
  /** The room's newest message is here: live ones join it. */
  atEnd = true;
  /** @type {Message[]} live messages that came while the end was elsewhere */
  #beyond = [];
  /** The newest seq that was forgotten from #beyond. */
  #dropped = 0;
  /** @type {"older" | "newer" | "jump" | undefined} */
  fetching;
  /** The newest fetch is the one that counts. */
  #fetches = 0;
  #room;
  #onfetch;

  /**
   * @param {Pick<Room, "you" | "name" | "outbox" | "history">} room
   * @param {(what: string | undefined) => void} onfetch told when a page is fetched, and when it is there
   */
  constructor(room, onfetch) {
    this.#room = room;
    this.#onfetch = onfetch;
  }

  /** @param {number} seq */
  index(seq) {
    let lo = 0;
    let hi = this.rows.length;
    while (lo < hi) {
      const mid = (lo + hi) >> 1;
      if ((this.rows[mid]?.seq ?? 0) < seq) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }

  /** @param {number} seq */
  get(seq) {
    const row = this.rows[this.index(seq)];
    return row?.seq === seq ? row : undefined;
  }

  clear() {
    this.rows = [];
    this.atStart = false;
    this.atEnd = true;
    this.#beyond = [];
    this.#dropped = 0;
    this.#fetches++;
    this.#fetched();
  }

  /**
   * Takes a change in. Returns whether the window is another now, or, for a new
   * message behind an end that is not here, "beyond".
   * @param {Change} change
   * @param {string | undefined} me the reader's id
   * @returns {boolean | "beyond"}
   */
  apply(change, me) {
    const { message } = change;
    const i = this.index(message.seq);
    const old = this.rows[i];
    if (old?.seq === message.seq) {
      if (old.rev > message.rev) return false;
      this.rows[i] = merged(old, change, me);
      return true;
    }
    if (i === this.rows.length && !this.atEnd) {
      const known = this.#beyond.findIndex((m) => m.seq === message.seq);
      if (known >= 0) {
        this.#beyond[known] = message;
        return false;
      }
      if (change.type !== "chat" || message.seq <= this.#dropped) return false;
      this.#beyond.push(message);
      if (this.#beyond.length > BEYOND) this.#dropped = this.#beyond.shift()?.seq ?? 0;
      return "beyond";
    }
    // A change of something older than what is here. History itself, though,
    // comes before anything is known of its place.
    if (i === 0 && change.fresh && this.rows.length > 0 && !this.atStart) return false;
    this.rows.splice(i, 0, message);
    return true;
  }

  /** Drops what is too much at the beginning, for a reader who is at the end. */
  trimStart(limit = LIMIT) {
    if (this.rows.length <= limit) return;
    this.rows.splice(0, this.rows.length - limit);
    this.atStart = false;
  }

  /**
   * Adds an older page in front and drops what is too much at the end.
   * @param {Message[]} page
   * @param {boolean} first there is nothing before it
   */
  older(page, first) {
    const before = this.rows[0]?.seq ?? Infinity;
    this.rows.unshift(...page.filter((m) => m.seq < before));
    this.atStart = first;
    if (this.rows.length > LIMIT) {
      if (this.atEnd) this.#dropped = this.rows.at(-1)?.seq ?? 0;
      this.rows.length = LIMIT;
      this.atEnd = false;
    }
  }

  /**
   * Adds a newer page behind and drops what is too much at the beginning.
   * @param {Message[]} page
   * @param {boolean} last there was nothing behind it when the server looked
   */
  newer(page, last) {
    const after = this.rows.at(-1)?.seq ?? 0;
    this.rows.push(...page.filter((m) => m.seq > after));
    const end = this.rows.at(-1)?.seq ?? 0;
    this.#beyond = this.#beyond.filter((m) => m.seq > end);
    if (last && end >= this.#dropped) {
      this.rows.push(...this.#beyond);
      this.#beyond = [];
      this.#dropped = 0;
      this.atEnd = true;
    }
    this.trimStart();
  }

  /**
   * Shows another part of the history.
   * @param {Message[]} page
   * @param {{first: boolean, last: boolean}} edges
   */
  replace(page, edges) {
    if (this.atEnd) this.#dropped = Math.max(this.#dropped, this.rows.at(-1)?.seq ?? 0);
    this.rows = [];
    this.atEnd = false;
    this.atStart = edges.first;
    this.newer(page, edges.last);
    this.atStart = edges.first;
  }

  /** Fetches the newest page. */
  latest() {
    return this.#fetch("jump", { limit: PAGE }, (page, more) => this.replace(page, { first: !more && page.length < PAGE, last: true }));
  }

  /** Fetches what is around a message. @param {number} seq */
  around(seq) {
    return this.#fetch("jump", { around: seq, limit: PAGE }, (page) => {
      if (page.length > 0) this.replace(page, { first: (page[0]?.seq ?? 0) <= 1, last: false });
    });
  }

  /** Fetches the first page. */
  first() {
    return this.#fetch("jump", { around: 1, limit: PAGE }, (page) => this.replace(page, { first: true, last: page.length === 0 }));
  }

  fetchOlder() {
    const before = this.rows[0]?.seq ?? 0;
    return this.#fetch("older", { before, limit: PAGE }, (page, more) => {
      // Where live messages have pushed the beginning on, a page would leave a hole.
      if (this.rows[0]?.seq === before) this.older(page, !more || page.length === 0);
    });
  }

  fetchNewer() {
    const after = this.rows.at(-1)?.seq ?? 0;
    return this.#fetch("newer", { after, limit: PAGE }, (page, more) => {
      if (this.rows.at(-1)?.seq === after) this.newer(page, !more);
    });
  }

  /**
   * @param {"older" | "newer" | "jump"} what
   * @param {Parameters<Room["history"]>[0]} query
   * @param {(page: Message[], more: boolean) => void} take
   */
  async #fetch(what, query, take) {
    const mine = ++this.#fetches;
    this.fetching = what;
    this.#onfetch(what);
    try {
      const { messages, next } = await this.#room.history(query);
      if (mine === this.#fetches) take(messages, Boolean(next)); // else the window is elsewhere by now
    } catch {
      await new Promise((r) => setTimeout(r, 1000)); // tried again when the reader scrolls on
    }
    if (mine === this.#fetches) this.#fetched();
  }

  #fetched() {
    this.fetching = undefined;
    this.#onfetch(undefined);
  }

  /** Texts under way that are no messages of the window yet. */
  pending() {
    return this.#room.outbox.filter((i) => i.type === "chat" && !(i.seq && this.get(i.seq)));
  }

  /**
   * What stands in the timeline, in order.
   * @param {number} unreadAfter the seq after which messages are unread
   * @param {Set<number>} hidden messages that are not shown
   * @param {boolean} [end] the reader wants to be at the end, also where what is before it is not here
   */
  contents(unreadAfter, hidden, end = false) {
    const { you, outbox } = this.#room;
    /** @type {Content[]} */
    const contents = [];
    /** @type {Message | undefined} */
    let before;
    let day = NaN;
    // The line is where reading ended, not where the window happens to begin.
    let marked = !this.atStart && (this.rows[0]?.seq ?? 0) > unreadAfter;
    const add = (/** @type {Message} */ message, /** @type {string} */ key, /** @type {Item | undefined} */ item) => {
      const today = dayOf(message.at);
      let first = !continues(before, message);
      if (today !== day) {
        contents.push({ key: `day-${today}`, day: message.at });
        day = today;
        first = true;
      }
      const mine = message.from.id === you?.id || item?.type === "chat";
      if (!marked && message.seq > unreadAfter && !mine) {
        contents.push({ key: "unread", unread: true });
        marked = first = true;
      }
      const quoted = message.reply_to ? this.get(message.reply_to) : undefined;
      contents.push({ key, view: { message, first, mine, ...(you ? { me: you.name } : {}), ...(quoted ? { quoted } : {}), ...(item ? { item } : {}) } });
      before = message;
    };
    const under = new Map(outbox.flatMap((i) => (i.seq && i.type !== "chat" && i.type !== "react" ? [[i.seq, i]] : [])));
    for (const m of this.rows) {
      if (!hidden.has(m.seq)) add(optimistic(m, outbox), String(m.seq), under.get(m.seq));
    }
    const pending = this.pending();
    const beyond = end && !this.atEnd ? this.#beyond : [];
    if (!this.atEnd && pending.length + beyond.length > 0) {
      contents.push({ key: "gap", gap: true });
      before = undefined;
    }
    for (const m of beyond) if (!hidden.has(m.seq)) add(m, String(m.seq), undefined);
    for (const i of pending) add(messageOf(i, this.#room), i.id, i);
    return contents;
  }
}

/**
 * A message after a change. Live frames do not say which reactions are the
 * reader's own: that is kept from before, or known from who did it.
 * @param {Message} old
 * @param {Change} change
 * @param {string | undefined} me
 * @returns {Message}
 */
function merged(old, { message, live, by, emoji, on }, me) {
  if (!live || !message.reactions) return message;
  /** @type {NonNullable<Message["reactions"]>} */
  const reactions = {};
  for (const [e, r] of Object.entries(message.reactions)) {
    const mine = e === emoji && by?.id === me ? on !== false : (old.reactions?.[e]?.me ?? false);
    reactions[e] = { count: r.count, ...(mine ? { me: true } : {}) };
  }
  return { ...message, reactions };
}

/** A text that is under way as the message that it will be. @param {Item} i @param {Pick<Room, "you" | "name">} room @returns {Message} */
function messageOf(i, { you, name }) {
  return {
    seq: i.seq ?? Number.MAX_SAFE_INTEGER,
    rev: 0,
    id: i.id,
    kind: "chat",
    from: { id: you?.id ?? "", name },
    message: i.message ?? "",
    at: new Date(i.at).toISOString(),
    ...(i.reply_to ? { reply_to: i.reply_to } : {}),
  };
}

/** A message with the reader's reactions that are still under way. @param {Message} m @param {Item[]} outbox @returns {Message} */
function optimistic(m, outbox) {
  let out = m;
  for (const { type, seq, emoji, on, state } of outbox) {
    if (type !== "react" || seq !== m.seq || !emoji || state === "failed") continue;
    const old = out.reactions?.[emoji];
    if (Boolean(old?.me) === on) continue;
    const count = Math.max(0, (old?.count ?? 0) + (on ? 1 : -1));
    out = { ...out, reactions: { ...out.reactions, [emoji]: { count, me: Boolean(on) } } };
  }
  return out;
}
