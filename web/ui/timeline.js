// The timeline: a window of the room's history that scrolls both ways without
// the row that you look at moving.

import { dayName, t } from "../i18n/index.js";
import { h } from "./dom.js";
import { fillRow, signature } from "./row.js";
import { LIMIT, PAGE, Window } from "./window.js";

/** @import {Change, Room} from "../sdk/room.js" */
/** @import {Content} from "./window.js" */

/** Milliseconds for which the line above what is unread keeps its place. */
const HOLD = 700;
/** Milliseconds after which a timeline that was put away makes itself small. */
const REST = 1_000;
/** Milliseconds from one drawing to the next, at least, while messages pour in: the frames between are for who types. */
const PACE = 33;
/** Milliseconds without a drawing after which what was asked for has come. */
const COMING = 150;
/** Pixels from an edge at which the next page is fetched. */
const NEAR = 900;
/** The goal of who wants to be at the end of the room, which is not here. */
const END = "end";
/** Whom a timeline tells that nobody looks at. */
const deaf = { onstatus: () => {}, onseen: (/** @type {number} */ _) => {} };
/** Pixels from the end that still count as being there. */
export const STICKY = 24;

export class Timeline {
  /** @type {Map<string, HTMLElement>} */
  #elements = new Map();
  /** @type {Map<HTMLElement, string>} */
  #drawn = new Map();
  #window;
  /** Takes the next drawing back, where there is to be one. @type {(() => void) | undefined} */
  #due;
  #drawnAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #filling;
  /** The reader is at the end and stays there. */
  #stuck = true;
  /** New messages that the reader has not come to. */
  #news = 0;
  /** What to scroll to once it is there. @type {string | undefined} */
  #goal;
  /** Keeps the goal while what is around it comes. @type {ReturnType<typeof setTimeout> | undefined} */
  #holding;
  /** The first message that is unread has a seq beyond it. */
  #unreadAfter = Infinity;
  /** Deleted, as long as that can be undone. @type {Set<number>} */
  #hidden = new Set();
  /** The heights at the last move to the end. */
  #heights = 0;
  /** The row that the reader looked at when the timeline was put away. @type {ReturnType<typeof inView>} */
  #left;
  #room;
  #settled = false;
  /** The row before the reader's eyes at the last scroll, and where it was. @type {ReturnType<typeof inView>} */
  #reading;
  #width = 0;
  #away = false;
  /** The reader was reading before there was this timeline. */
  #placed = false;

  /** @param {Room} room */
  constructor(room) {
    this.#room = room;
    this.#window = new Window(room, (what) => {
      if (what) this.element.dataset["fetching"] = what;
      else delete this.element.dataset["fetching"];
      this.schedule();
    });
    this.hooks = deaf;
    this.list = h("div", { class: "rows", role: "log", "aria-live": "off", "aria-label": t("messages") });
    this.intro = h("div", { class: "intro" });
    this.element = h("div", { class: "timeline", part: "timeline", tabindex: "-1" }, this.intro, this.list);
    this.element.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    for (const type of ["wheel", "touchmove", "pointerdown", "keydown"]) this.element.addEventListener(type, () => this.#letGo(), { passive: true, capture: true });
    const resized = new ResizeObserver(() => {
      if (this.#away) return;
      const rewrapped = this.#width > 0 && this.element.clientWidth !== this.#width;
      this.#width = this.element.clientWidth;
      if (this.#stuck) this.#toEnd();
      else if (rewrapped && this.#reading?.el.isConnected) this.#hold(this.#reading.el, this.#reading.top);
    });
    resized.observe(this.element);
    resized.observe(this.list);
    // Also while it is away: the room may stay a while, until all that was written there is sent.
    room.addEventListener("message", (e) => this.#apply(/** @type {CustomEvent} */ (e).detail));
    room.addEventListener("reset", () => this.reset());
  }

  get news() {
    return this.#news;
  }

  get away() {
    return !this.#stuck || !this.#window.atEnd;
  }

  /** Whether it is known to have no messages. */
  get settled() {
    return this.#settled;
  }

  get empty() {
    return this.#window.rows.length === 0 && this.#window.pending().length === 0;
  }

  /** @param {number} seq */
  message(seq) {
    return this.#window.get(seq);
  }

  /** The reader's own newest message that can be edited. */
  lastOwn() {
    return this.#window.rows.findLast((m) => m.from.id === this.#room.you?.id && !m.deleted && !this.#hidden.has(m.seq) && m.kind === "chat");
  }

  /** Who spoke lately, newest first. */
  speakers() {
    return this.#window.rows.map((m) => m.from).reverse();
  }

  reset() {
    this.#window.clear();
    this.#goal = undefined;
    this.#news = 0;
    this.#stuck = true;
    this.#settled = false;
    this.schedule();
  }

  /** The room has no messages. */
  settle() {
    this.#settled = true;
    this.#window.atStart = true;
    this.schedule();
  }

  /** Hides a message, or shows it again. @param {number} seq @param {boolean} hidden */
  hide(seq, hidden) {
    if (hidden) this.#hidden.add(seq);
    else this.#hidden.delete(seq);
    this.schedule();
  }

  /** Comes back, with the reader where they were. */
  restore() {
    this.#away = false;
    this.element.classList.remove("away");
    this.#draw();
  }

  /** It is put away, and soon drops what is far above a reader at the end. */
  rest() {
    this.#placed = false;
    this.#left = this.#stuck ? undefined : inView(this.element);
    this.#away = true;
    this.hooks = deaf;
    this.element.classList.add("away");
    setTimeout(() => {
      if (!this.#away || !this.#stuck || !this.#window.atEnd) return;
      this.#window.trimStart(PAGE);
      this.#draw();
    }, REST);
  }

  /** Draws the line below what was read up to here, or none. @param {number} seq */
  setUnread(seq) {
    this.#unreadAfter = seq;
    this.schedule();
  }

  /** The reader looks away: if all is read, what comes now is below a line. */
  leave() {
    const last = this.#window.rows.at(-1);
    if (last && this.#stuck) this.#unreadAfter = last.seq;
  }

  /** Opens where reading ended last time. @param {number} seq */
  openUnread(seq) {
    this.#unreadAfter = seq;
    if (this.#placed) return this.schedule();
    this.#goal = "unread";
    // What is below the line is still coming: without a hold, the first of it
    // would be the end, and the reader would be taken along to the next ends.
    clearTimeout(this.#holding);
    this.#holding = setTimeout(() => {
      this.#holding = undefined;
      this.schedule();
    }, HOLD);
    this.schedule();
  }

  /**
   * Goes on where a reader was in another drawing of the room.
   * @param {{el: Element, top: number}} reading the row that they looked at, and where
   */
  place({ el, top }) {
    const row = this.#elements.get(/** @type {HTMLElement} */ (el).dataset["key"] ?? "");
    if (!row) return;
    this.#letGo();
    this.#goal = undefined;
    this.#stuck = false;
    this.#placed = true;
    this.#hold(row, top);
  }

  /** Moves a row to where it is before the reader's eyes. @param {Element} row @param {number} top */
  #hold(row, top) {
    const moved = row.getBoundingClientRect().top - top;
    if (moved !== 0) this.element.scrollTop += moved;
  }

  #letGo() {
    if (this.#holding === undefined && this.#goal !== END) return;
    clearTimeout(this.#holding);
    this.#holding = this.#goal = undefined;
  }

  /** @param {Change} change */
  #apply(change) {
    const me = this.#room.you?.id;
    const took = this.#window.apply(change, me);
    const isNew = change.fresh && change.type === "chat" && change.message.from.id !== me;
    if (isNew && took && !this.#stuck) this.#news++;
    if (this.#stuck && this.#window.rows.length > LIMIT + 60) this.#window.trimStart();
    if (took) this.schedule();
  }

  schedule() {
    if (this.#due) return;
    // No frames come to a hidden page; a timer does, and keeps it small.
    const wait = document.hidden ? 500 : this.#drawnAt + PACE - performance.now();
    if (wait > 0) {
      const timer = setTimeout(() => this.#draw(), wait);
      this.#due = () => clearTimeout(timer);
    } else {
      const frame = requestAnimationFrame(() => this.#draw());
      this.#due = () => cancelAnimationFrame(frame);
    }
  }

  /** Scrolls to the newest message, wherever the reader is, as soon as it can be had. */
  toLatest() {
    this.#news = 0;
    this.#letGo();
    this.#goal = this.#window.atEnd ? undefined : END;
    this.#stuck = true;
    this.#draw();
  }

  /**
   * Shows a message, from wherever in the history. Returns whether it is there.
   * @param {number} seq
   * @param {{focus?: boolean}} [options]
   */
  async jump(seq, options = {}) {
    if (!this.#window.get(seq)) await this.#window.around(seq);
    const row = this.#window.get(seq) ?? this.#window.rows[Math.min(this.#window.index(seq), this.#window.rows.length - 1)];
    if (!row) return false;
    this.#letGo();
    this.#stuck = false;
    this.#goal = String(row.seq);
    this.#draw();
    const el = this.#elements.get(String(row.seq));
    if (el) {
      el.classList.add("flash");
      el.addEventListener("animationend", () => el.classList.remove("flash"), { once: true });
      if (options.focus) this.focusRow(el);
    }
    return row.seq === seq;
  }

  /** To the room's first message. */
  async toFirst() {
    if (!this.#window.atStart) await this.#window.first();
    this.#stuck = false;
    this.#draw();
    this.element.scrollTop = 0;
  }

  /** Moves the keyboard to a row. @param {HTMLElement | undefined} el */
  focusRow(el) {
    if (!el) return;
    for (const other of this.list.querySelectorAll('[tabindex="0"].row')) other.setAttribute("tabindex", "-1");
    el.setAttribute("tabindex", "0");
    el.focus({ preventScroll: false });
  }

  #draw() {
    this.#due?.();
    this.#due = undefined;
    this.#drawnAt = performance.now();
    // A message that was under way keeps its element when it gets its seq.
    for (const m of this.#window.rows.slice(-60)) {
      const el = this.#elements.get(m.id);
      if (!el || m.from.id !== this.#room.you?.id) continue;
      this.#elements.delete(m.id);
      this.#elements.set(String(m.seq), el);
      el.dataset["key"] = String(m.seq);
    }
    const anchor = this.#stuck || this.#away ? undefined : (this.#left ?? inView(this.element));
    const held = this.list.contains(activeElement(this.list)) ? activeElement(this.list) : undefined;
    const contents = this.#window.contents(this.#unreadAfter, this.#hidden, this.#goal === END);
    const keep = new Set(contents.map((c) => c.key));
    for (const [key, el] of this.#elements) {
      if (keep.has(key)) continue;
      el.remove();
      this.#elements.delete(key);
      this.#drawn.delete(el);
    }
    let next = this.list.firstElementChild;
    for (const c of contents) {
      const el = this.#element(c);
      if (el === next) next = next.nextElementSibling;
      else this.list.insertBefore(el, next);
    }
    this.list.dataset["count"] = String(contents.length);
    this.intro.hidden = !this.#window.atStart && !this.empty;
    if (this.#away) return;
    this.#left = undefined;
    if (this.#goal === END && this.#window.atEnd) this.#goal = undefined;
    else if (this.#goal === END && !this.#window.fetching && this.#room.state === "open") void this.#window.latest();
    const goal = this.#goal && this.element.clientHeight > 0 ? this.#elements.get(this.#goal) : undefined;
    if (this.#goal === "unread" && !goal && this.element.clientHeight > 0) this.#toUnread();
    if (goal) {
      this.#stuck = false;
      goal.scrollIntoView({ block: "center" });
      if (this.#holding === undefined) this.#goal = undefined;
      this.#scrolled();
    } else if (this.#stuck) {
      if (this.#window.atEnd ? contents.length > 0 : contents.some((c) => c.gap)) this.#toEnd();
    } else if (anchor?.el.isConnected) {
      this.#hold(anchor.el, anchor.top);
    }
    if (held instanceof HTMLElement && held.isConnected && held !== activeElement(this.list)) held.focus({ preventScroll: true });
    if (!this.list.querySelector('.row[tabindex="0"]')) this.list.querySelector(":scope > .row:last-child")?.setAttribute("tabindex", "0");
    this.hooks.onstatus();
    this.#seen();
    this.#fill();
  }

  /** @param {Content} c */
  #element(c) {
    let el = this.#elements.get(c.key);
    if (!el) {
      el = c.view ? h("div", { tabindex: "-1", "data-key": c.key }) : h("div", { class: c.unread ? "unread-line" : "day", role: "separator" }, h("span", {}, c.unread ? t("new_line") : c.gap ? "⋯" : ""));
      this.#elements.set(c.key, el);
    }
    if (c.view) {
      const sign = signature(c.view);
      if (this.#drawn.get(el) !== sign) {
        const tools = el.querySelector(":scope > .tools");
        fillRow(el, c.view);
        if (tools) el.append(tools);
        this.#drawn.set(el, sign);
      }
    } else if (c.day && this.#drawn.get(el) !== dayName(c.day)) {
      this.#drawn.set(el, dayName(c.day));
      el.firstElementChild?.replaceChildren(dayName(c.day));
    }
    return el;
  }

  /** Fetches where reading ended, if that is before all that is here. */
  #toUnread() {
    const first = this.#window.rows[0];
    if (!first || this.#window.fetching || this.#window.atStart || first.seq <= this.#unreadAfter) return;
    void this.#window.around(this.#unreadAfter);
  }

  #toEnd() {
    this.element.scrollTop = this.element.scrollHeight;
    this.#heights = this.element.scrollHeight + this.element.clientHeight;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    if (this.#away || clientHeight === 0 || this.#goal === END) return;
    const stuck = this.#window.atEnd && scrollHeight - scrollTop - clientHeight <= STICKY;
    // Only the reader leaves the end. When the heights have changed, it was the page.
    const moved = scrollHeight + clientHeight !== this.#heights;
    if (this.#stuck && !stuck && moved && this.#window.atEnd) return this.#toEnd();
    this.#reading = stuck ? undefined : inView(this.element);
    if (stuck && !this.#stuck) this.#news = 0;
    if (stuck !== this.#stuck) {
      this.#stuck = stuck;
      this.hooks.onstatus();
    }
    this.#seen();
    this.#fill();
  }

  /** Tells how far the reader has come. */
  #seen() {
    const last = this.#window.rows.at(-1);
    if (this.#stuck && !this.#goal && last && !document.hidden && document.hasFocus()) this.hooks.onseen(last.seq);
  }

  /** Fetches the next page where the reader comes near an edge. @param {boolean} [settled] nothing was drawn for a while */
  #fill(settled) {
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const w = this.#window;
    if (w.fetching || w.rows.length === 0 || this.#room.state !== "open") return;
    if ((w.rows[0]?.seq ?? 0) <= 1) w.atStart = true;
    if (scrollTop < NEAR && !w.atStart) {
      clearTimeout(this.#filling);
      // At the end, what seems short may be longer in a moment.
      if (this.#stuck && !settled) this.#filling = setTimeout(() => this.#fill(true), COMING);
      else void w.fetchOlder();
    } else if (scrollHeight - scrollTop - clientHeight < NEAR && !w.atEnd) void w.fetchNewer();
  }
}

/** The first row in view, and where it is. @param {Element} scroller */
export function inView(scroller) {
  const { top } = scroller.getBoundingClientRect();
  for (const el of scroller.querySelectorAll(".row")) {
    const box = el.getBoundingClientRect();
    if (box.bottom > top) return { el, top: box.top };
  }
  return undefined;
}

/** @param {Node} node */
const activeElement = (node) => /** @type {Document | ShadowRoot} */ (node.getRootNode()).activeElement ?? null;
