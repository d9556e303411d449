// The list of rooms, and who one is.

import { number, t } from "../i18n/index.js";
import { Server } from "../sdk/room.js";
import { h, hue, icon, iconButton, initial } from "../ui/dom.js";

/** @import {App} from "./main.js" */
/** @import {RoomInfo, RoomsFrame, UnreadFrame} from "../sdk/protocol.js" */

/** How often the counts of people are asked for. */
const REFRESH = 30_000;
/** How long read marks are gathered. */
const TELL = 500;

export class Sidebar {
  /** @type {Map<string, RoomInfo>} */
  rooms = new Map();
  #app;
  #selected = "";
  #drawing = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #telling;

  /** @param {App} app */
  constructor(app) {
    this.#app = app;
    this.server = new Server(undefined, () => ({ name: app.name || undefined, token: app.token }));
    this.list = h("ul", { class: "room-list" });
    this.me = h("button", { type: "button", class: "me", onclick: () => void app.open("settings") });
    this.element = h(
      "nav",
      { class: "sidebar", "aria-label": t("rooms") },
      h("div", { class: "brand" }, h("span", { class: "wordmark" }, "chatd")),
      h("button", { type: "button", class: "jump", title: t("search_key"), onclick: () => void app.open("palette") }, icon("search"), h("span", {}, t("jump")), h("kbd", { dir: "ltr" }, /Mac|iP/.test(navigator.platform) ? "⌘K" : "Ctrl K")),
      h("div", { class: "list-head" }, h("h2", {}, t("rooms")), iconButton("plus", t("create_room"), () => void app.open("create"))),
      this.list,
      this.me,
    );
    this.drawMe();
    setInterval(() => !document.hidden && void this.refresh(), REFRESH);
  }

  async refresh() {
    /** @type {Map<string, RoomInfo>} */
    const found = new Map();
    try {
      for (let cursor; ; ) {
        const page = await this.server.call("GET", "/rooms", { query: { limit: 200, cursor, inbox: 1 } });
        for (const room of page.rooms) found.set(room.id, { ...room, ...this.#marks(room) });
        cursor = page.next;
        if (!cursor || found.size >= 1000) break;
      }
    } catch {
      return; // what is known stays
    }
    this.rooms = found;
    this.#draw();
  }

  /** What the inbox told of a room, which the list does not. @param {RoomInfo} room */
  #marks(room) {
    const { unread, mentions, read } = this.rooms.get(room.id) ?? {};
    return { ...(unread !== undefined && { unread }), ...(mentions !== undefined && { mentions }), ...(read !== undefined && { read }) };
  }

  /** What is worth a number: rooms never visited are all unread, and call only by name. @param {RoomInfo} room */
  #count(room) {
    if (room.id === this.#selected && document.hasFocus()) return 0;
    return room.read ? (room.unread ?? 0) : (room.mentions ?? 0);
  }

  /** The newest change known of a room. @param {string} id */
  head(id) {
    return this.rooms.get(id)?.rev ?? 0;
  }

  total() {
    let n = 0;
    for (const room of this.rooms.values()) n += this.#count(room);
    return n;
  }

  /** @param {string} id */
  select(id) {
    this.#selected = id;
    this.#draw();
  }

  /** @param {number} by */
  step(by) {
    const ids = this.#sorted().map((r) => r.id);
    const next = ids[(ids.indexOf(this.#selected) + by + ids.length) % ids.length];
    if (next) this.#app.go(`/r/${next}`);
  }

  /** @param {string} id @param {number} online */
  online(id, online) {
    const room = this.rooms.get(id);
    if (room) this.update({ ...room, online });
  }

  /** @param {RoomInfo} room */
  update(room) {
    const old = this.rooms.get(room.id);
    this.rooms.set(room.id, { ...old, ...room, online: room.online ?? old?.online ?? 0 });
    this.#draw();
  }

  /** @param {RoomsFrame} frame */
  merge(frame) {
    for (const room of [...(frame.created ?? []), ...(frame.changed ?? [])]) this.update(room);
    for (const id of frame.removed ?? []) this.rooms.delete(id);
    this.#draw();
  }

  /** @param {UnreadFrame} frame */
  unread({ room: id, count, mentions, read }) {
    const room = this.rooms.get(id);
    if (room) this.update({ ...room, unread: count, mentions, read: Math.max(read, room.read ?? 0) });
    this.#app.counted();
  }

  /** The reader has come to a message. @param {string} id @param {number} seq */
  seen(id, seq) {
    const room = this.rooms.get(id);
    if (!room || (room.read ?? 0) >= seq) return;
    this.update({ ...room, read: seq, unread: 0, mentions: 0 });
    this.#app.counted();
    // One mark for all that is read in a while.
    this.#telling ??= setTimeout(() => this.tell(), TELL);
  }

  /** Tells the server how far the reader has come in the room that is open. */
  tell() {
    if (this.#telling === undefined) return;
    clearTimeout(this.#telling);
    this.#telling = undefined;
    const { room } = this.#app;
    const read = room && this.rooms.get(room.id)?.read;
    if (read) room.read(read);
  }

  focus() {
    /** @type {HTMLElement | null} */ (this.list.querySelector('[aria-current="page"]') ?? this.list.querySelector("a"))?.focus();
  }

  drawMe() {
    const { name, room } = this.#app;
    this.me.replaceChildren(
      h("span", { class: "avatar small", "data-hue": hue(room?.you?.id ?? name), "aria-hidden": "true" }, name ? initial(name) : "?"),
      h("span", { class: "name", dir: "auto" }, name || t("no_name")),
      icon("gear"),
    );
    this.me.title = t("settings");
  }

  #sorted() {
    return [...this.rooms.values()].sort((a, b) => Number(a.archived) - Number(b.archived) || Number(b.id === "lobby") - Number(a.id === "lobby") || (a.name || a.id).localeCompare(b.name || b.id));
  }

  #draw() {
    if (this.#drawing) return;
    this.#drawing = true;
    queueMicrotask(() => {
      this.#drawing = false;
      this.list.replaceChildren(...this.#sorted().slice(0, 200).map((room) => this.#item(room)));
    });
  }

  /** @param {RoomInfo} room */
  #item(room) {
    const here = room.id === this.#selected;
    const unread = this.#count(room);
    const sign = room.archived ? icon("archive") : room.visibility === "private" ? icon("lock") : room.mode === "announce" ? icon("horn") : h("span", { class: "hash", "aria-hidden": "true" }, "#");
    return h(
      "li",
      {},
      h(
        "a",
        { href: `/r/${encodeURIComponent(room.id)}`, "aria-current": here && "page", class: unread > 0 ? "unread" : "" },
        sign,
        h("span", { class: "name", dir: "auto" }, room.name || room.id),
        unread > 0
          ? h("span", { class: room.mentions ? "badge mention" : "badge", "aria-label": t("unread_count", { n: unread }), role: "img" }, unread > 99 ? "99+" : number(unread))
          : room.online > 0 && h("span", { class: "online", title: t("people_here", { n: room.online }), "aria-label": t("people_here", { n: room.online }), role: "img" }, number(room.online)),
      ),
    );
  }
}
