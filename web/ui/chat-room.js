// <chat-room>: one room to read and write in. It opens no connection: a Room of
// the SDK is given to it by whoever joins the two.

import { number, reason, t } from "../i18n/index.js";
import { Composer } from "./composer.js";
import { h, icon } from "./dom.js";
import { inView, STICKY, Timeline } from "./timeline.js";

/** @import {Change, Room} from "../sdk/room.js" */
/** @import {Message, Person} from "../sdk/protocol.js" */
/** @import {People} from "./people.js" */

/** Timelines that stay in the page when they are left, for a page of several rooms. */
const WARM = 4;

const sheet = new URL("../style/room.css", import.meta.url).href;

/**
 * Events, all composed and bubbling: "chat-name" ({name}: a guest chose one),
 * "chat-command" ({name, rest}: a command for the page; preventDefault says that
 * it was understood), "chat-message" (a Change), "chat-seen" ({seq}), "chat-draft"
 * ({text}), "chat-create" (the room is not there; the user wants it), "chat-signin"
 * (the room wants a credential), "chat-person" ({person, beside}: somebody in the
 * list was chosen; preventDefault says that it was understood, else they are
 * mentioned), "chat-more" ({message, beside, acts}: what else can be done with a
 * message is wanted; acts is what the element itself can do).
 */
export class ChatRoom extends HTMLElement {
  /** @type {Room | undefined} */
  room;
  /** @type {Timeline | undefined} */
  timeline;
  /** @type {AbortController | undefined} */
  #bound;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #bannerTimer;
  /** @type {Map<string, {name: string, until: number}>} */
  #typists = new Map();
  /** @type {{code: number, reason: string} | undefined} */
  #closed;
  /** @type {typeof import("./cards.js") | undefined} */
  #cards;
  /** Who is here, once that was asked for. @type {People | undefined} */
  people;
  /** Texts to be read out, gathered until the voice is free. @type {string[]} */
  #unsaid = [];
  /** Why what was written waits, while the server wants no posts. */
  #tooFast = "";
  /** What stands before the timeline: what the server drew of it, bones, or a card. @type {Element | undefined} */
  #cover;
  /** Timelines that were left last, oldest first: their layout is kept. @type {Timeline[]} */
  #warm = [];
  /** Whether the user must choose a name before writing. */
  nameless = false;
  /** Whether there is a page around it that can sign in and make rooms. */
  whole = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #saying;

  constructor() {
    super();
    // What the server drew. A root that was declared is emptied when it is attached.
    const prerendered = this.shadowRoot?.querySelector(".prerendered");
    const style = this.shadowRoot?.querySelector("style");
    const at = prerendered?.scrollTop ?? 0;
    const root = this.attachShadow({ mode: "open" });
    this.heading = h("h1", { class: "title", dir: "auto" });
    this.topic = h("p", { class: "topic", dir: "auto" });
    this.dot = h("span", { class: "dot", role: "img" });
    this.peopleButton = h("button", { type: "button", class: "icon-button people-button", "aria-expanded": "false", onclick: () => void this.togglePeople() }, icon("people"), h("span", {}, ""));
    this.header = h("header", { class: "header", part: "header" }, h("slot", { name: "start" }), h("div", { class: "names" }, h("div", { class: "title-line" }, this.heading, this.dot), this.topic), this.peopleButton, h("slot", { name: "end" }));
    this.banner = h("div", { class: "banner", role: "status", hidden: true });
    this.stage = h("div", { class: "stage" }, prerendered);
    this.pill = h("button", { type: "button", class: "pill", hidden: true, onclick: () => this.timeline?.toLatest() });
    this.typing = h("div", { class: "typing", "aria-live": "off" });
    this.toasts = h("div", { class: "toasts", role: "status" });
    this.composer = new Composer({
      onsend: (text, replyTo) => this.#send(text, replyTo),
      onedit: (seq, text) => void this.#edit(seq, text),
      oncommand: (line) => this.#command(line),
      ontyping: () => this.room?.typing(),
      lastOwn: () => this.timeline?.lastOwn(),
      ondraft: (text) => this.#tell("chat-draft", { text }),
      people: () => {
        const known = [...(this.timeline?.speakers() ?? []), ...(this.room?.members.values() ?? [])];
        return [...new Map(known.map((p) => [p.name, p])).values()];
      },
      onname: (name) => this.#tell("chat-name", { name }),
      onup: () => this.timeline?.focusRow(/** @type {HTMLElement} */ (this.timeline.list.lastElementChild)),
    });
    this.voice = h("div", { class: "voice", "aria-live": "polite" });
    const shell = h(
      "div",
      { class: "shell", hidden: true },
      this.header,
      (this.middle = h("div", { class: "middle" }, h("div", { class: "column" }, this.banner, this.stage, h("div", { class: "floats" }, this.pill, this.toasts), this.typing, this.composer.element))),
      this.voice,
    );
    const loaded = () => {
      shell.hidden = false;
      this.timeline?.schedule();
      this.#tell("chat-ready", {});
    };
    root.append(style ?? h("link", { rel: "stylesheet", href: sheet, onload: loaded }), shell);
    if (style) loaded();
    if (prerendered) prerendered.scrollTop = at;
    this.#cover = prerendered ?? undefined;
  }

  /**
   * Shows a room. A timeline from an earlier visit may be given back.
   * @param {Room} room
   * @param {Timeline} [timeline]
   */
  show(room, timeline) {
    this.#bound?.abort();
    this.#bound = new AbortController();
    if (this.room && this.room.id !== room.id) this.#setCover(undefined);
    this.room = room;
    this.#closed = undefined;
    clearTimeout(this.#bannerTimer);
    this.#bannerTimer = undefined;
    // What was said of another room is not said of this one.
    this.toasts.replaceChildren();
    this.voice.replaceChildren();
    this.#unsaid = [];
    this.#typists.clear();
    this.#drawTyping();
    this.composer.block(room.pausedUntil);
    this.#putAway(timeline);
    const shown = (this.timeline = timeline ?? new Timeline(room));
    shown.hooks = {
      onstatus: () => this.#status(),
      onseen: (seq) => this.#tell("chat-seen", { seq }),
    };
    this.#lendTools(shown, this.#bound.signal);
    // At midnight, today becomes yesterday.
    const minutes = setInterval(() => shown.schedule(), 60_000);
    this.#bound.signal.addEventListener("abort", () => clearInterval(minutes));
    if (!shown.element.isConnected) this.stage.append(shown.element);
    shown.restore();
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ act) =>
      room.addEventListener(type, (e) => act(/** @type {CustomEvent} */ (e).detail), { signal: /** @type {AbortController} */ (this.#bound).signal });
    on("message", (change) => this.#message(change));
    on("welcome", () => {
      this.#closed = undefined;
      if (room.welcome?.rev === 0) shown.settle();
      else setTimeout(() => void this.#settle(room), 500);
      this.composer.setLimit(room.welcome?.limits?.message ?? 4000);
      this.#status();
    });
    on("room", () => this.#status());
    on("you", () => this.#status());
    on("state", () => {
      this.timeline?.schedule();
      this.#status();
    });
    on("outbox", () => {
      shown.schedule();
      this.composer.block(room.pausedUntil);
      this.#status();
    });
    on("presence", () => this.#status());
    on("typing", (frame) => this.#typed(frame.who));
    on("refused", (error) => {
      if (error.code === "unavailable" && room.unstoredSince > 0) return; // the banner says it
      const text = reason(error);
      if (error.code !== "slow_mode" && error.code !== "rate_limited") return void this.toast(text);
      // Beside the countdown, for as long, and over no message.
      this.#tooFast = text;
      this.#status();
    });
    on("closed", (why) => {
      this.#closed = why;
      this.#status();
    });
    this.#status();
  }

  /**
   * The tools for messages are loaded when the first message is pointed at.
   * @param {Timeline} timeline
   * @param {AbortSignal} signal
   */
  #lendTools(timeline, signal) {
    const { list } = timeline;
    const stop = new AbortController();
    signal.addEventListener("abort", () => stop.abort());
    /** @type {Promise<void> | undefined} */
    let loading;
    /** What was clicked before the tools were there. @type {Element | undefined} */
    let clicked;
    const load = async (/** @type {EventTarget | null} */ target) => {
      const { keepTools } = await import("./tools.js");
      stop.abort();
      if (signal.aborted) return;
      keepTools(this, timeline, signal);
      target?.dispatchEvent(new FocusEvent("focusin", { bubbles: true }));
      if (clicked instanceof HTMLElement) clicked.click();
    };
    for (const type of ["pointerover", "focusin", "click"]) {
      list.addEventListener(
        type,
        (e) => {
          if (type === "click" && e.target instanceof Element) clicked = e.target.closest("[data-act]") ?? undefined;
          loading ??= load(e.target).finally(() => (loading = undefined));
        },
        { signal: stop.signal },
      );
    }
  }

  /** Lets go of the room. */
  hide() {
    this.#bound?.abort();
    this.room = undefined;
  }

  disconnectedCallback() {
    clearTimeout(this.#bannerTimer);
  }

  /** @override */
  focus() {
    this.composer.focus();
  }

  /**
   * A short word at the foot of the room, with at most one thing to do.
   * @param {string} text
   * @param {{label: string, act: () => void}} [action]
   * @returns {() => void} takes it away
   */
  toast(text, action, time = 6000) {
    const el = h("div", { class: "toast" }, h("span", {}, text));
    const away = () => el.remove();
    if (action) {
      el.append(
        h("button", {
          type: "button",
          class: "link",
          onclick: () => {
            action.act();
            away();
            this.composer.focus();
          },
        }, action.label),
      );
    }
    this.toasts.replaceChildren(el);
    setTimeout(away, time);
    return away;
  }

  async togglePeople(open = !this.people || this.people.element.hidden) {
    this.peopleButton.setAttribute("aria-expanded", String(open));
    if (open && !this.people) {
      const { People } = await import("./people.js");
      this.people ??= new People({
        onclose: () => {
          void this.togglePeople(false);
          this.peopleButton.focus();
        },
        onperson: (person, beside) => {
          if (!this.ask("chat-person", { person, beside }) && person.id !== this.room?.you?.id) this.mention(person);
        },
      });
      this.middle.append(this.people.element);
    }
    if (!this.people) return;
    this.people.element.hidden = !open;
    this.#drawPeople();
  }

  /** Writes somebody's name where the caret is. @param {Person} person */
  mention({ name }) {
    const { value, selectionStart } = this.composer.text;
    const gap = selectionStart > 0 && !/\s/.test(value[selectionStart - 1] ?? "") ? " " : "";
    this.composer.insert(`${gap}@${name.trim().split(/\s+/).join("_")} `);
  }

  /** @param {string} text @param {number | undefined} replyTo */
  #send(text, replyTo) {
    void this.room?.send(text, { replyTo }).catch(() => {}); // its row tells
    this.timeline?.setUnread(Infinity);
    this.timeline?.toLatest();
  }

  /** @param {number} seq @param {string} text */
  async #edit(seq, text) {
    const { room } = this;
    const before = this.timeline?.message(seq)?.message;
    try {
      await room?.edit(seq, text);
    } catch {
      if (room === this.room) void this.timeline?.jump(seq); // its row tells, wherever the reader is by now
      return;
    }
    if (before && room === this.room) this.toast(t("edited_toast"), { label: t("undo"), act: () => void room?.edit(seq, before).catch(() => {}) });
  }

  /** @param {string} line */
  #command(line) {
    const [, name = "", rest = ""] = /^\/(\S+)\s*([\s\S]*)$/.exec(line) ?? [];
    if (name === "shrug") {
      this.#send(`${rest} ¯\\_(ツ)_/¯`.trim(), undefined);
      return true;
    }
    const taken = this.ask("chat-command", { name, rest: rest.trim() });
    if (!taken) this.toast(t("unknown_command", { name }));
    return taken;
  }

  /** @param {Change} change */
  #message(change) {
    this.#typists.delete(change.message.from.id);
    this.#drawTyping();
    if (change.fresh && change.type === "chat" && change.message.from.id !== this.room?.you?.id) this.#say(change.message);
    this.#tell("chat-message", change);
  }

  /** Reads new messages out, several at a time when they come fast. @param {Message} message */
  #say(message) {
    this.#unsaid.push(`${message.from.name}: ${message.message}`);
    this.#saying ??= setTimeout(() => {
      const said = this.#unsaid.length > 4 ? t("new_messages", { n: this.#unsaid.length }) : this.#unsaid.join(". ");
      this.#unsaid = [];
      this.#saying = undefined;
      this.voice.textContent = said.slice(0, 500);
    }, 1500);
  }

  /** @param {Person | undefined} who */
  #typed(who) {
    if (who?.id === this.room?.you?.id) return;
    this.#typists.set(who?.id ?? "", { name: who?.name ?? "", until: Date.now() + 5000 });
    this.#drawTyping();
    setTimeout(() => this.#drawTyping(), 5100);
  }

  #drawTyping() {
    const now = Date.now();
    for (const [id, who] of this.#typists) if (who.until < now) this.#typists.delete(id);
    const names = [...this.#typists.values()].map((who) => who.name);
    const [a = "", b = ""] = names;
    const text = names.length === 0 ? "" : names.length > 2 || names.includes("") ? t("typing_several") : names.length === 2 ? t("typing_two", { a, b }) : t("typing_one", { name: a });
    if (this.typing.textContent !== text) this.typing.replaceChildren(...(text ? [h("i", { "aria-hidden": "true" }), text] : []));
  }

  #status() {
    const { room, timeline } = this;
    if (!room || !timeline) return;
    const info = room.info;
    this.heading.replaceChildren(info?.visibility === "private" ? icon("lock") : "", info?.name || room.id);
    this.topic.textContent = info?.topic ?? "";
    this.#drawConnection(room);
    this.#drawPill(timeline);
    this.#drawPeople();
    this.#drawComposer(room);
    this.#drawStage(room, timeline);
  }

  /** @param {Room} room */
  #drawConnection(room) {
    const waiting = room.outbox.filter((i) => i.type === "chat" && (i.state === "queued" || i.state === "sent")).length;
    const ok = room.state === "open" && room.welcome !== undefined;
    this.dot.className = `dot ${ok ? "on" : this.#closed ? "off" : "trying"}`;
    this.dot.setAttribute("aria-label", ok ? t("connected") : t("reconnecting"));
    // A loss of a moment is not worth a word.
    const late = 3000;
    const unstored = ok && waiting > 0 && room.unstoredSince > 0 ? Date.now() - room.unstoredSince : -1;
    if (room.pausedUntil === 0) this.#tooFast = "";
    this.composer.note.textContent = waiting > 0 && (!ok || unstored >= late) ? t("waiting", { n: waiting }) : this.#tooFast;
    if (ok || this.#closed) {
      clearTimeout(this.#bannerTimer);
      this.#bannerTimer = undefined;
      if (unstored >= late) this.#announce(t(globalThis.navigator.onLine ? "banner_unstored" : "banner_offline"));
      else this.banner.hidden = true;
      if (unstored >= 0 && unstored < late) {
        this.#bannerTimer = setTimeout(() => {
          this.#bannerTimer = undefined;
          this.#status();
        }, late - unstored);
      }
      return;
    }
    this.#bannerTimer ??= setTimeout(() => {
      this.#announce(
        globalThis.navigator.onLine ? t("banner_reconnecting") : t("banner_offline"),
        h("button", { type: "button", class: "link", onclick: () => this.room?.wake() }, t("try_now")),
      );
    }, late);
  }

  /** Says something in the banner, once. @param {string} text @param {HTMLElement[]} more */
  #announce(text, ...more) {
    if (!this.banner.hidden && this.banner.firstElementChild?.textContent === text) return;
    this.banner.replaceChildren(h("span", {}, text), ...more);
    this.banner.hidden = false;
  }

  /** @param {Timeline} timeline */
  #drawPill(timeline) {
    this.pill.hidden = !timeline.away || timeline.empty;
    if (!this.pill.hidden) this.pill.replaceChildren(icon("down"), timeline.news > 0 ? t("new_pill", { n: timeline.news }) : t("to_latest"));
  }

  #drawPeople() {
    const { room } = this;
    if (!room) return;
    const label = /** @type {HTMLElement} */ (this.peopleButton.lastElementChild);
    label.textContent = room.online > 0 ? number(room.online) : "";
    this.peopleButton.setAttribute("aria-label", t("people_here", { n: room.online }));
    this.peopleButton.title = t("people_here", { n: room.online });
    this.peopleButton.hidden = !room.welcome || this.#closed !== undefined;
    this.people?.draw(room);
  }

  /** @param {Room} room @param {Timeline} timeline */
  #drawStage(room, timeline) {
    const shut = this.#closed ?? (room.crowded && !room.welcome ? { code: 4100, reason: room.crowded } : undefined);
    const stands = shut && this.#card(room, shut);
    const loading = !stands && timeline.empty && (!room.welcome || (room.info?.rev ?? 0) > 0) && !timeline.settled;
    this.stage.dataset["state"] = stands ? "card" : loading ? "loading" : timeline.empty ? "empty" : "";
    const cover = this.#cover;
    if (stands) {
      if (cover?.className !== "card" || cover.textContent !== stands.textContent) this.#setCover(stands);
    } else if (loading) {
      if (!cover || cover.className === "card") this.#setCover(skeleton());
    } else if (cover) {
      // Who reads in what the server drew goes on there.
      const reading = cover.scrollTop < -STICKY ? inView(cover) : undefined;
      this.#setCover(undefined);
      if (reading) timeline.place(reading);
    }
    const intro = timeline.empty ? [h("h2", {}, t("empty_title")), h("p", {}, this.composer.blocked.hidden ? t("empty_text") : "")] : [h("h2", { dir: "auto" }, room.info?.name || room.id), h("p", {}, t("beginning"))];
    if (timeline.intro.textContent !== intro.map((n) => n.textContent).join("")) timeline.intro.replaceChildren(...intro);
  }

  /** A room of which nothing comes may have changed nothing but its settings. @param {Room} room */
  async #settle(room) {
    const { timeline } = this;
    if (room !== this.room || !timeline?.empty) return;
    const { messages } = await room.history({ limit: 1 }).catch(() => ({ messages: [undefined] }));
    if (messages.length === 0) timeline.settle();
  }

  /** @param {Element | undefined} cover */
  #setCover(cover) {
    this.#cover?.remove();
    this.#cover = cover;
    if (cover) this.stage.prepend(cover);
  }

  /** Puts the timeline away, for another. @param {Timeline | undefined} next */
  #putAway(next) {
    const { timeline } = this;
    if (!timeline) return;
    timeline.rest();
    this.#warm = [...this.#warm.filter((t) => t !== next), timeline];
    while (this.#warm.length > (this.whole ? WARM : 0)) this.#warm.shift()?.element.remove();
  }

  /**
   * What stands in the place of the room, once its module is here.
   * @param {Room} room
   * @param {{code: number, reason: string}} shut
   */
  #card(room, shut) {
    if (!this.#cards) void import("./cards.js").then((m) => ((this.#cards = m), this.#status()));
    return this.#cards?.shutCard(room, shut, {
      whole: this.whole,
      again: () => {
        this.#closed = undefined;
        room.wake();
        void room.join().catch(() => {});
      },
      create: () => this.#tell("chat-create", { id: room.id }),
      signIn: () => this.#tell("chat-signin", {}),
    });
  }

  /** @param {Room} room */
  #drawComposer(room) {
    const may = room.you?.may;
    const info = room.info;
    this.composer.element.hidden = this.#closed !== undefined || (room.crowded !== "" && !room.welcome);
    const say = (/** @type {import("./dom.js").IconName} */ name, /** @type {string} */ text) => this.composer.setState("blocked", [icon(name), text]);
    if (info?.archived) return say("archive", t("archived_note"));
    if (may && !may.includes("post")) return say("lock", t("read_only_note"));
    if (info?.mode === "announce" && !may?.includes("moderate")) return say("horn", t("announce_note"));
    this.composer.setState(this.nameless ? "name" : "write");
    this.composer.text.placeholder = t("write_to", { room: info?.name || room.id });
  }

  /** Tells whether somebody takes it. @param {string} type @param {unknown} detail */
  ask(type, detail) {
    return !this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true, cancelable: true }));
  }

  /** @param {string} type @param {unknown} detail */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

/** What stands there until the first messages come. */
function skeleton() {
  return h("div", { class: "skeleton", "aria-hidden": "true" }, Array.from({ length: 5 }, () => h("div", { class: "bone" })));
}

