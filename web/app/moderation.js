// Who is banned and who is muted in a room, and what moderators did there.

import { brief, t } from "../i18n/dialogs.js";
import { reason } from "../i18n/index.js";
import { ChatError } from "../sdk/room.js";
import { h, hue, icon, initial } from "../ui/dom.js";
import { attempt } from "./attempt.js";
import { Log } from "./audit.js";
import { dialog, whileOpen } from "./dialog.js";
import { lift } from "./moderate.js";
import { Pages } from "./pages.js";

/** @import {App} from "./main.js" */
/** @import {Person} from "../sdk/protocol.js" */
/** @typedef {{id: number, who?: Person, by_address?: boolean, addresses?: string[], reason?: string, by: Person, at: string, until?: string}} Sanction */
/** @typedef {{element: HTMLElement, refresh: () => Promise<void>}} Panel */

/** How often an open list is looked at again. */
const REFRESH = 4000;

/** @param {App} app @param {string} [tab] */
export function openModeration(app, tab = "bans") {
  const room = app.room?.id ?? "";
  const may = app.room?.you?.may ?? [];
  /** @type {Record<string, () => Panel>} */
  const panels = {
    bans: () => sanctions(app, room, "bans"),
    mutes: () => sanctions(app, room, "mutes"),
    ...(may.includes("manage") && { log: () => new Log(app, room) }),
  };
  /** @type {Panel | undefined} */
  let shown;
  const names = Object.keys(panels);
  const tabs = names.map((name) => h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "panel", onclick: () => show(name) }, t(/** @type {"tab_bans"} */ (`tab_${name}`))));
  const bar = h("div", { class: "tabs", role: "tablist", onkeydown: (/** @type {KeyboardEvent} */ e) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
    const at = tabs.findIndex((b) => b.getAttribute("aria-selected") === "true");
    if (!step) return;
    e.preventDefault();
    const forward = getComputedStyle(bar).direction === "rtl" ? -step : step;
    const next = (at + forward + tabs.length) % tabs.length;
    show(names[next] ?? "bans");
    tabs[next]?.focus();
  } }, tabs);
  const trouble = h("p", { class: "trouble", role: "alert" });
  const stage = h("div", { class: "panel", role: "tabpanel", id: "panel", tabindex: "0" });
  const refresh = async () => {
    try {
      await shown?.refresh();
      trouble.textContent = "";
    } catch (err) {
      if (!(err instanceof ChatError)) throw err;
      trouble.textContent = reason(err);
    }
  };
  const show = (/** @type {string} */ name) => {
    tabs.forEach((b, i) => {
      b.setAttribute("aria-selected", String(names[i] === name));
      b.setAttribute("tabindex", names[i] === name ? "0" : "-1");
    });
    shown = panels[name]?.();
    stage.setAttribute("aria-labelledby", `tab-${name}`);
    stage.replaceChildren(...(shown ? [shown.element] : []));
    void refresh();
  };
  const el = dialog(t("moderation_title", { room: app.room?.info?.name || room }), [bar, trouble, stage], { class: "wide" });
  whileOpen(el, REFRESH, refresh);
  show(tab);
}

/**
 * The bans or the mutes of a room.
 * @param {App} app @param {string} room @param {"bans" | "mutes"} kind
 * @returns {Panel}
 */
function sanctions(app, room, kind) {
  const { server } = app.sidebar;
  const path = `/rooms/${room}`;
  const draw = (/** @type {Sanction} */ s) => {
    const name = s.who?.name || s.who?.id || s.addresses?.join(", ") || t("an_address");
    const more = [s.who && s.addresses?.length ? s.addresses.join(", ") : s.who && s.by_address ? t("and_address") : "", t("by_whom", { name: s.by.name }), s.until ? t("until", { time: brief(s.until) }) : t("no_end")];
    return h("li", {},
      s.who ? h("span", { class: "avatar small", "data-hue": hue(s.who.id), "aria-hidden": "true" }, initial(name)) : h("span", { class: "avatar small", "aria-hidden": "true" }, icon("ban")),
      h("div", { class: "what" }, h("b", { dir: "auto", title: s.who?.id }, name), s.reason && h("q", { dir: "auto" }, s.reason), h("small", {}, more.filter(Boolean).join(" · "))),
      h("button", { type: "button", class: "plain", "data-id": s.id, "aria-label": t("lift_of", { name }), onclick: async () => {
        await attempt(app, () => lift(app, path, kind, s.id));
        await list.refresh();
      } }, t("lift")));
  };
  const empty = h("div", { class: "none" }, icon(kind === "bans" ? "ban" : "mute"), h("h3", {}, t(`no_${kind}`)), h("p", {}, t(`no_${kind}_text`)));
  const list = new Pages((query) => server.call("GET", `${path}/${kind}`, { query }), kind, draw, empty);
  const address = kind === "bans" && h("div", { class: "buttons" }, h("button", { type: "button", class: "plain", onclick: () => void app.open("sanction", { kind: "address", room }) }, t("address_title"), "…"));
  return { element: h("div", {}, list.element, address), refresh: () => list.refresh() };
}
