// What one can do with a message: a small bar on the row that is pointed at, and
// a key for each.

import { t } from "../i18n/index.js";
import { composing, h, iconButton } from "./dom.js";

/** @import {ChatRoom} from "./chat-room.js" */
/** @import {Timeline} from "./timeline.js" */
/** @import {Message} from "../sdk/protocol.js" */

/** How long a deletion can be undone. */
const GRACE = 5000;

/**
 * Puts the bar on the timeline's rows, and the keys and buttons of rows to work,
 * until the signal ends it.
 * @param {ChatRoom} host
 * @param {Timeline} timeline
 * @param {AbortSignal} signal
 */
export function keepTools(host, timeline, signal) {
  const act = actions(host, timeline, signal);
  const bar = h("div", { class: "tools", role: "toolbar", "aria-label": t("message_tools") });
  signal.addEventListener("abort", () => bar.remove());
  /** @type {HTMLElement | undefined} */
  let on;

  const place = (/** @type {EventTarget | null} */ target) => {
    const row = target instanceof Element ? target.closest(".row") : null;
    if (!(row instanceof HTMLElement)) return;
    const message = messageAt(timeline, row);
    if (row === on && bar.isConnected) return;
    on = row;
    if (!message || message.deleted) return bar.remove();
    const mine = message.from.id === host.room?.you?.id;
    const may = host.room?.you?.may ?? [];
    const can = may.includes("post") && !host.room?.info?.archived;
    bar.replaceChildren(
      ...(can ? [iconButton("smile", t("react_key"), () => void act.react(row)), iconButton("reply", t("reply_key"), () => act.reply(row))] : []),
      ...(can && mine && message.kind === "chat" ? [iconButton("edit", t("edit_key"), () => act.edit(row))] : []),
      ...((can && mine) || (!host.whole && may.includes("moderate")) ? [iconButton("trash", t("delete_key"), () => act.remove(row))] : []),
      host.whole ? iconButton("more", t("more_key"), () => act.more(row), { "aria-haspopup": "menu" }) : iconButton("link", t("link_key"), () => void act.link(row)),
    );
    row.append(bar);
  };

  const { list } = timeline;
  list.addEventListener("pointerover", (e) => e.pointerType !== "touch" && place(e.target), { signal });
  list.addEventListener("focusin", (e) => place(e.target), { signal });
  list.addEventListener("pointerup", (e) => e.pointerType === "touch" && place(e.target), { signal });
  list.addEventListener(
    "click",
    (e) => {
      const button = e.target instanceof Element ? e.target.closest("[data-act]") : null;
      const row = button?.closest(".row");
      if (!(button instanceof HTMLElement) || !(row instanceof HTMLElement)) return;
      const { act: what, to, emoji } = button.dataset;
      if (what === "jump") void timeline.jump(Number(to), { focus: true });
      else if (what === "react") act.toggle(row, emoji ?? "");
      else act.item(row, what ?? "");
    },
    { signal },
  );
  list.addEventListener(
    "keydown",
    (e) => {
      const row = e.target instanceof HTMLElement ? e.target.closest(".row") : null;
      if (!(row instanceof HTMLElement) || composing(e) || e.ctrlKey || e.metaKey || e.altKey) return;
      if (e.key === "Escape") {
        e.preventDefault();
        return host.composer.focus();
      }
      if (e.target !== row) return;
      /** @type {Record<string, () => void>} */
      const keys = {
        ArrowUp: () => timeline.focusRow(neighbour(row, -1)),
        ArrowDown: () => (neighbour(row, 1) === row ? host.composer.focus() : timeline.focusRow(neighbour(row, 1))),
        PageUp: () => timeline.focusRow(neighbour(row, -10)),
        PageDown: () => timeline.focusRow(neighbour(row, 10)),
        End: () => {
          timeline.toLatest();
          host.composer.focus();
        },
        Enter: () => {
          const to = messageAt(timeline, row)?.reply_to;
          if (to) void timeline.jump(to, { focus: true });
        },
        r: () => act.reply(row),
        e: () => act.edit(row),
        "+": () => void act.react(row),
        c: () => void act.copy(row),
        m: () => act.more(row),
        l: () => void act.link(row),
        Delete: () => act.remove(row),
        d: () => act.remove(row),
      };
      const run = keys[e.key];
      if (!run) return;
      e.preventDefault();
      e.stopPropagation();
      run();
    },
    { signal },
  );
}

/** @param {Timeline} timeline @param {HTMLElement} row */
const messageAt = (timeline, row) => timeline.message(Number(row.dataset["key"])); // a text under way has a key that is no number

/** The row some rows further than this one. @param {HTMLElement} el @param {number} by */
function neighbour(el, by) {
  const rows = /** @type {HTMLElement[]} */ ([...(el.parentElement?.querySelectorAll(":scope > .row") ?? [])]);
  return rows[Math.max(0, Math.min(rows.length - 1, rows.indexOf(el) + by))];
}

/** @param {ChatRoom} host @param {Timeline} timeline @param {AbortSignal} signal */
function actions(host, timeline, signal) {
  // A menu may be open still when another room is here.
  const at = (/** @type {HTMLElement} */ row) => (signal.aborted ? undefined : messageAt(timeline, row));
  const mine = (/** @type {Message} */ m) => m.from.id === host.room?.you?.id;
  const can = () => Boolean(host.room?.you?.may.includes("post") && !host.room.info?.archived && !host.nameless);
  const self = {
    reply(/** @type {HTMLElement} */ row) {
      const m = at(row);
      if (m && !m.deleted && can()) host.composer.reply(m);
    },
    edit(/** @type {HTMLElement} */ row) {
      const m = at(row);
      if (m && !m.deleted && mine(m) && can()) host.composer.edit(m);
    },
    async react(/** @type {HTMLElement} */ row) {
      const m = at(row);
      if (!m || m.deleted || !can()) return;
      const { pickEmoji } = await import("./picker.js");
      const emoji = await pickEmoji(row);
      if (emoji) self.toggle(row, emoji);
      timeline.focusRow(row);
    },
    toggle(/** @type {HTMLElement} */ row, /** @type {string} */ emoji) {
      const m = at(row);
      if (m && can()) void host.room?.react(m.seq, emoji, !m.reactions?.[emoji]?.me).catch(() => {});
    },
    /** Takes the message away at once, and for good when the time to undo is over or the room is left. */
    remove(/** @type {HTMLElement} */ row) {
      const m = at(row);
      const room = host.room;
      if (!m || !room || m.deleted || !(mine(m) ? can() : room.you?.may.includes("moderate"))) return;
      const next = neighbour(row, 1);
      timeline.hide(m.seq, true);
      const stop = () => {
        clearTimeout(timer);
        removeEventListener("pagehide", end);
        signal.removeEventListener("abort", end);
      };
      const end = () => {
        stop();
        void room.remove(m.seq).catch(() => timeline.hide(m.seq, false));
      };
      const timer = setTimeout(end, GRACE);
      addEventListener("pagehide", end);
      signal.addEventListener("abort", end);
      host.toast(t("deleted_toast"), {
        label: t("undo"),
        act: () => {
          stop();
          timeline.hide(m.seq, false);
        },
      }, GRACE);
      if (row.matches(":focus-within")) timeline.focusRow(next);
    },
    async copy(/** @type {HTMLElement} */ row) {
      const m = at(row);
      if (m) await write(m.message, t("copied"));
    },
    async link(/** @type {HTMLElement} */ row) {
      const m = at(row);
      if (m && host.room) await write(`${host.room.server.origin}/r/${host.room.id}#${m.seq}`, t("link_copied"));
    },
    /** Lets the page show all that can be done with a message. */
    more(/** @type {HTMLElement} */ row) {
      const m = at(row);
      if (!m || m.deleted) return;
      const acts = {
        copy: () => void self.copy(row),
        link: () => void self.link(row),
        ...(can() && { reply: () => self.reply(row) }),
        ...((mine(m) ? can() : host.room?.you?.may.includes("moderate")) && { remove: () => self.remove(row) }),
      };
      host.ask("chat-more", { message: m, beside: row.querySelector(".tools button:last-child") ?? row, acts });
    },
    /** What a message that failed offers. */
    item(/** @type {HTMLElement} */ row, /** @type {string} */ what) {
      const key = row.dataset["key"];
      const item = host.room?.outbox.find((i) => i.id === key || (i.type === "edit" && i.seq === Number(key)));
      if (!item || !host.room) return;
      if (what === "retry") host.room.retry(item.id);
      else if (what === "discard") host.room.discard(item.id);
      else if (what === "copy") void write(item.message ?? "", t("copied"));
      host.composer.focus();
    },
  };
  const write = async (/** @type {string} */ text, /** @type {string} */ done) => {
    try {
      await navigator.clipboard.writeText(text);
      host.toast(done, undefined, 2500);
    } catch {
      host.toast(text, undefined, 20_000); // no clipboard here: at least it can be selected
    }
  };
  return self;
}
