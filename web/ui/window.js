// The part of a room's history that the page holds: at most so many messages,
// however long the history. It knows no DOM.

/** @import {Message} from "../sdk/protocol.js" */
/** @import {Change} from "../sdk/room.js" */

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
  trimStart() {
    if (this.rows.length <= LIMIT) return;
    this.rows.splice(0, this.rows.length - LIMIT);
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
