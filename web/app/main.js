// The page: which room, which rooms there are, who one is. It joins the SDK and
// the elements.

import { language, t } from "../i18n/index.js";
import { ChatRoom } from "../ui/chat-room.js";
import { composing, h, iconButton } from "../ui/dom.js";
import { called, makeRoom, myself, named, takeFirst, usual } from "./entrance.js";
import { remember, recall } from "./memory.js";
import { Sidebar } from "./sidebar.js";

/** @import {Change, Room} from "../sdk/room.js" */
/** @import {Timeline} from "../ui/timeline.js" */
/** @import {RoomsFrame, UnreadFrame} from "../sdk/protocol.js" */

/** Rooms whose timeline is kept for coming back. */
const KEPT = 12;
/** Changes missed beyond which a kept room begins anew instead of resuming. */
const FAR = 1000;

export class App {
  /** @type {Map<string, {room: Room, timeline: Timeline}>} newest last */
  kept = new Map();
  /** What is half done in each room. @type {Map<string, ReturnType<ChatRoom["composer"]["leave"]>>} */
  half = new Map();
  /** @type {Room | undefined} */
  room;
  #welcomed = 0;
  /** The room that was entered and has not been told yet what is unread. @type {Room | undefined} */
  #opening;
  #build = document.body.dataset["version"] ?? "";

  constructor() {
    customElements.define("chat-room", ChatRoom);
    const { name, token } = myself();
    this.name = name ?? "";
    this.token = token;
    this.view = /** @type {ChatRoom} */ (document.querySelector("chat-room") ?? document.createElement("chat-room"));
    this.view.whole = true;
    this.sidebar = new Sidebar(this);
    this.view.replaceChildren(
      iconButton("menu", t("rooms"), () => this.toggleDrawer(), { slot: "start", class: "icon-button drawer-button" }),
      iconButton("search", t("search_key"), () => void this.open("palette"), { slot: "end", class: "icon-button search-button" }),
      iconButton("more", t("room_menu"), () => void this.open("menu"), { slot: "end" }),
    );
    this.shade = h("div", { class: "shade", onclick: () => this.toggleDrawer(false) });
    document.documentElement.lang = language;
    document.querySelector(".sidebar")?.replaceWith(this.sidebar.element, this.shade);
    if (!this.view.isConnected) document.querySelector("main")?.append(this.view);
    this.theme(recall("theme") ?? "auto");
    this.#listen();
  }

  #listen() {
    const on = (/** @type {string} */ type, /** @type {(detail: any, e: Event) => void} */ act) => this.view.addEventListener(type, (e) => act(/** @type {CustomEvent} */ (e).detail, e));
    on("chat-name", ({ name }) => this.rename(name));
    on("chat-draft", ({ text }) => remember(`draft:${this.room?.id}`, text));
    on("chat-seen", ({ seq }) => this.#opening || this.sidebar.seen(this.room?.id ?? "", seq));
    on("chat-signin", () => void this.open("settings"));
    on("chat-create", ({ id }) => void this.open("create", { id }));
    const opens = (/** @type {any} */ detail, /** @type {Event} */ e) => {
      e.preventDefault();
      void this.open("person", detail);
    };
    on("chat-more", ({ message, ...more }, e) => opens({ person: message.from, message, ...more }, e));
    on("chat-person", opens);
    on("chat-message", (/** @type {Change} */ change) => this.#notice(change));
    on("chat-command", (command, e) => {
      if (!commandNames.has(command.name)) return;
      e.preventDefault();
      void import("./commands.js").then((m) => m.run(this, command));
    });
    addEventListener("popstate", () => this.#route());
    addEventListener("hashchange", () => this.#route());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.room?.wake();
      void this.sidebar.refresh();
    });
    addEventListener("online", () => void this.sidebar.refresh());
    addEventListener("pagehide", () => {
      this.sidebar.tell();
      const { draft } = this.view.composer;
      if (draft) remember(`draft:${this.room?.id}`, draft); // another tab may have written over it
    });
    addEventListener("storage", (e) => void import("./tabs.js").then((m) => m.follow(this, e)));
    // A page that is put aside, to be shown again by Back, is not here meanwhile.
    document.addEventListener("freeze", () => this.room?.state !== "stopped" && this.room?.leave());
    document.addEventListener("resume", () => this.room?.state === "idle" && void this.room.join().catch(() => {}));
    addEventListener("blur", () => this.view.timeline?.leave());
    addEventListener("focus", () => {
      this.view.timeline?.schedule();
      this.sidebar.select(this.room?.id ?? "");
    });
    document.addEventListener("keydown", (e) => this.#key(e));
    addEventListener("unhandledrejection", (e) => {
      if (!(e.reason instanceof TypeError) || !/import|module/i.test(e.reason.message)) return;
      e.preventDefault(); // a part is no longer there: another version is served, or there is no network
      void this.#compareVersion();
    });
    document.addEventListener("click", (e) => {
      const link = e.composedPath().find((n) => n instanceof HTMLAnchorElement);
      if (!link || e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return;
      const url = new URL(link.href);
      if (url.origin !== location.origin || !url.pathname.startsWith("/r/")) return;
      e.preventDefault();
      this.go(url.pathname + url.hash);
    });
  }

  start() {
    this.#route();
    void this.sidebar.refresh();
    // Later: nothing that the reader waits for needs it.
    if ("serviceWorker" in navigator) setTimeout(() => void import("./install.js"), 2500);
  }

  /** @param {string} path */
  go(path) {
    history.pushState(null, "", path);
    this.#route();
    this.toggleDrawer(false);
  }

  /** Shows what the address names. @returns {void} */
  #route() {
    const id = named();
    if (!id) {
      history.replaceState(null, "", `/r/${usual()}`);
      return this.#route();
    }
    const seq = Number(/^#(\d+)$/.exec(location.hash)?.[1] ?? 0);
    if (this.room?.id !== id) this.#enter(id);
    else if (this.room.state === "stopped") void this.room.join().catch(() => {}); // it may be open again
    if (seq) {
      this.#opening = undefined;
      void this.#jump(seq);
    }
  }

  /** @param {number} seq */
  async #jump(seq) {
    const room = this.room;
    if (!room?.welcome) await new Promise((done) => room?.addEventListener("welcome", done, { once: true }));
    if (room === this.room && !(await this.view.timeline?.jump(seq)) && room === this.room) this.view.toast(t("message_gone"));
  }

  /** @param {string} id */
  #enter(id) {
    const former = this.room;
    if (former) this.half.set(former.id, this.view.composer.leave());
    if (former && this.view.timeline) {
      this.sidebar.tell();
      this.kept.set(former.id, { room: former, timeline: this.view.timeline });
      for (const oldest of [...this.kept.keys()].slice(0, -KEPT)) this.kept.delete(oldest);
    }
    let kept = this.kept.get(id);
    this.kept.delete(id);
    kept?.room.leave(); // it may still be there, and what is unread is told to who comes
    const head = this.sidebar.head(id);
    if (kept?.room.cursor && head - kept.room.cursor.rev > FAR) kept = undefined;
    this.room = kept?.room ?? this.#make(id);
    this.#opening = this.room;
    remember("room", id);
    this.view.nameless = !this.name && !this.token;
    this.view.show(this.room, kept?.timeline);
    if (former) this.#leave(former);
    const half = this.half.get(id);
    this.view.composer.enter(half?.draft || recall(`draft:${id}`) || "", half);
    this.room.rejoin({ name: this.name || undefined, token: this.token });
    void this.room.join().catch(() => {}); // the room tells
    this.room.release();
    this.sidebar.select(id);
    this.#title();
    if (matchMedia("(min-width: 48rem) and (pointer: fine)").matches) this.view.focus();
  }

  /** Leaves a room, as soon as all that was written there has arrived. @param {Room} room */
  #leave(room) {
    if (room === this.room) return; // it was come back to
    if (room.outbox.some((i) => i.state === "queued" || i.state === "sent")) room.addEventListener("outbox", () => this.#leave(room), { once: true });
    else room.leave();
  }

  /** @param {string} id */
  #make(id) {
    const room = takeFirst(id) ?? makeRoom(id);
    const on = (/** @type {string} */ type, /** @type {(detail: any) => void} */ act) => room.addEventListener(type, (e) => act(/** @type {CustomEvent} */ (e).detail));
    on("presence", () => this.sidebar.online(room.id, room.online));
    on("room", (info) => {
      this.sidebar.update(info);
      this.#title();
    });
    on("unread", (/** @type {UnreadFrame} */ frame) => {
      // The first word about the room that one has come to: where reading ended.
      if (frame.room === room.id && this.#opening === room && frame.read > 0 && frame.count > 0) void this.view.timeline?.openUnread(frame.read);
      if (frame.room === room.id) this.#opening = undefined;
      this.sidebar.unread(frame);
    });
    on("message", (/** @type {Change} */ change) => {
      if (change.live) this.#opening = undefined;
    });
    on("rooms", (/** @type {RoomsFrame} */ frame) => this.sidebar.merge(frame));
    on("welcome", () => {
      if (room.you?.token && !recall("credential")) {
        this.token = room.you.token;
        remember("token", room.you.token);
      }
      if (room === this.room) this.sidebar.drawMe();
      // No word about it means that nothing is unread.
      setTimeout(() => {
        if (this.#opening === room) this.#opening = undefined;
        this.view.timeline?.schedule();
      }, 1000);
      if (this.#welcomed++ > 0) void this.#compareVersion();
    });
    on("closed", ({ code }) => {
      if (code === 4004) this.sidebar.merge({ type: "rooms", removed: [room.id] });
      // A guest's token that the server no longer knows is worth nothing: come as somebody new.
      if (code !== 4001 || !this.token || recall("credential")) return;
      remember("token", undefined);
      this.token = undefined;
      room.rejoin({ token: undefined });
    });
    on("state", () => room === this.room && this.sidebar.select(room.id));
    return room;
  }

  /** @param {string} name */
  rename(name) {
    this.name = called(name);
    remember("name", this.name);
    this.become();
    this.view.focus();
  }

  /** Is here under the name and the token that it has now. */
  become() {
    const { name, token } = this;
    this.view.nameless = !name && !token;
    this.room?.rejoin({ name, token });
    this.sidebar.drawMe();
    void this.sidebar.refresh();
  }

  /** @param {string} theme */
  theme(theme) {
    remember("theme", theme);
    document.documentElement.dataset["theme"] = theme;
    // The server draws the next page in it.
    document.cookie = `theme=${theme}; path=/; samesite=lax; max-age=${theme === "auto" ? 0 : 31536000}`;
  }

  toggleDrawer(open = !document.body.classList.contains("drawer")) {
    const was = document.body.classList.contains("drawer");
    document.body.classList.toggle("drawer", open);
    if (open) this.sidebar.focus();
    else if (was) /** @type {HTMLElement | null} */ (this.view.querySelector(".drawer-button"))?.focus();
  }

  /**
   * Opens what is seldom needed, and loaded only then.
   * @param {"palette" | "create" | "menu" | "settings" | "search" | "room" | "announce" | "keys" | "embed" | "person" | "sanction" | "moderation" | "webhooks" | "figures" | "date"} what
   * @param {Record<string, unknown>} [params]
   */
  async open(what, params = {}) {
    const { open } = await import("./dialogs.js");
    await open(this, what, params);
  }

  /** @param {KeyboardEvent} e */
  #key(e) {
    if (composing(e)) return;
    const mod = e.ctrlKey || e.metaKey;
    const asked = document.querySelector("dialog[open]"); // about this room, by what is before it
    const typing = e.composedPath().some((n) => n instanceof HTMLElement && n.matches("input, textarea, select, [contenteditable]"));
    if (mod && e.key.toLowerCase() === "k") {
      e.preventDefault();
      if (!asked) void this.open("palette");
    } else if (asked) return;
    else if (e.altKey && !mod && (e.key === "ArrowUp" || e.key === "ArrowDown")) {
      e.preventDefault();
      this.sidebar.step(e.key === "ArrowUp" ? -1 : 1);
    } else if (e.key === "?" && !typing && !mod) {
      e.preventDefault();
      void this.open("keys");
    } else if (e.key === "Escape" && document.body.classList.contains("drawer")) {
      this.toggleDrawer(false);
    } else if (!typing && !mod && !e.altKey && e.key.length === 1 && e.key !== " " && e.composedPath()[0] === document.body) {
      this.view.focus(); // whoever types means the room
    }
  }

  #title() {
    const unread = this.sidebar.total();
    const name = this.room?.info?.name || this.room?.id || "";
    document.title = (unread > 0 ? `(${unread > 99 ? "99+" : unread}) ` : "") + (name ? `${name} · chatd` : "chatd");
    const badge = /** @type {any} */ (navigator);
    if (unread > 0) badge.setAppBadge?.(unread)?.catch(() => {});
    else badge.clearAppBadge?.()?.catch(() => {});
  }

  counted() {
    this.#title();
  }

  /** @param {Change} change */
  #notice({ message, live, type }) {
    if (!live || type !== "chat" || message.from.id === this.room?.you?.id) return;
    if (document.hasFocus() || globalThis.Notification?.permission !== "granted" || recall("notify") !== "on") return;
    void import("./notice.js").then((m) => m.notify(this, message));
  }

  /** After a reconnect the server may be another version: the page offers to load it. */
  async #compareVersion() {
    const response = await fetch("/", { method: "HEAD", cache: "no-store" }).catch(() => undefined);
    const served = response?.headers.get("ETag")?.match(/[0-9a-f]{16}/)?.[0];
    if (!served || served === this.#build) return;
    this.view.toast(t("new_version"), { label: t("reload"), act: () => location.reload() }, 2 ** 31 - 1);
  }
}

const commandNames = new Set(["nick", "topic", "announce", "search", "invite", "kick", "ban", "unban", "mute", "unmute", "clear", "lock", "unlock", "archive", "help"]);

new App().start();
