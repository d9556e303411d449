// Ctrl+K: rooms, actions, and the messages of all rooms, by typing.

import { t } from "../i18n/dialogs.js";
import { clock, dayName } from "../i18n/index.js";
import { composing, h, icon } from "../ui/dom.js";
import { excerpt } from "../ui/markup.js";
import { dialog } from "./dialog.js";
import { learnRights, roomActions } from "./menu.js";

/** @import {App} from "./main.js" */
/** @import {Message} from "../sdk/protocol.js" */
/** @typedef {{element: HTMLElement, act: () => void}} Hit */

/** @param {App} app @param {string} q what is searched for at once */
export function openPalette(app, q) {
  const list = h("div", { class: "palette-list", role: "listbox", id: "palette-list", "aria-label": t("suggestions") });
  const input = h("input", { type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list", placeholder: t("palette_placeholder"), "aria-label": t("palette_placeholder"), dir: "auto", autofocus: true, autocomplete: "off" });
  /** @type {Hit[]} */
  let hits = [];
  let at = 0;
  let round = 0;
  /** @type {(Message & {room?: string})[]} */
  let messages = [];
  let searched = "";

  const option = (/** @type {(Node | string)[]} */ content, /** @type {() => void} */ act) => {
    const i = hits.length;
    const element = h("div", { role: "option", id: `hit-${i}`, "aria-selected": String(i === at), onclick: () => choose(i) }, content);
    hits.push({ element, act });
    return element;
  };
  const choose = (/** @type {number} */ i) => {
    const hit = hits[i];
    el.close();
    hit?.act();
  };
  const draw = () => {
    const text = input.value.trim();
    const wanted = text.toLowerCase();
    hits = [];
    const holds = (/** @type {string} */ s) => s.toLowerCase().includes(wanted);
    const rooms = [...app.sidebar.rooms.values()].filter((r) => holds(r.name) || holds(r.id)).slice(0, 8);
    const actions = [
      ...roomActions(app).flat(),
      { icon: /** @type {const} */ ("down"), label: t("action_latest"), act: () => app.view.timeline?.toLatest() },
      { icon: /** @type {const} */ ("calendar"), label: t("action_first"), act: () => void app.view.timeline?.toFirst() },
      { icon: /** @type {const} */ ("plus"), label: t("create_room"), act: () => void app.open("create") },
      { icon: /** @type {const} */ ("gear"), label: t("settings"), act: () => void app.open("settings") },
      { icon: /** @type {const} */ ("more"), label: t("action_keys"), act: () => void app.open("keys") },
    ].filter((a) => holds(a.label));
    const content = [
      ...(rooms.length ? [group(t("palette_rooms"), rooms.map((r) => option([r.visibility === "private" ? icon("lock") : h("span", { class: "hash", "aria-hidden": "true" }, "#"), h("span", { class: "what", dir: "auto" }, r.name || r.id)], () => app.go(`/r/${r.id}`))))] : []),
      ...(searched && searched === text && messages.length ? [group(t("palette_messages"), messages.map((m) => option([result(m, searched)], () => app.go(`/r/${m.room ?? app.room?.id}#${m.seq}`))))] : []),
      ...(actions.length ? [group(t("palette_actions"), actions.map((a) => option([icon(a.icon), h("span", { class: "what" }, a.label)], a.act)))] : []),
    ];
    list.replaceChildren(...(content.length ? content : [h("div", { class: "nothing", role: "option", "aria-disabled": "true", "aria-selected": "false" }, t("palette_nothing"))]));
    mark();
  };
  const mark = () => {
    at = Math.max(0, Math.min(at, hits.length - 1));
    hits.forEach((hit, i) => hit.element.setAttribute("aria-selected", String(i === at)));
    hits[at]?.element.scrollIntoView({ block: "nearest" });
    if (hits.length) input.setAttribute("aria-activedescendant", `hit-${at}`);
    else input.removeAttribute("aria-activedescendant");
  };
  const search = async () => {
    const text = input.value.trim();
    const mine = ++round;
    if (text.length < 2 && !/\p{Script=Han}/u.test(text)) return;
    await new Promise((r) => setTimeout(r, 150));
    if (mine !== round || !el.open) return;
    try {
      const found = await app.sidebar.server.call("GET", "/search", { query: { q: text, limit: 20 } });
      if (mine !== round) return;
      messages = found.messages.toReversed(); // the newest first
      searched = text;
      draw();
    } catch {
      // A server that does not search has rooms and actions to offer.
    }
  };

  input.addEventListener("input", () => {
    at = 0;
    draw();
    void search();
  });
  input.addEventListener("keydown", (e) => {
    if (composing(e)) return;
    if (e.key === "ArrowDown") at = (at + 1) % Math.max(1, hits.length);
    else if (e.key === "ArrowUp") at = (at - 1 + hits.length) % Math.max(1, hits.length);
    else if (e.key === "Enter") {
      e.preventDefault();
      return choose(at);
    } else return;
    e.preventDefault();
    mark();
  });
  const el = dialog(t("search_key"), [input, list], { class: "palette", bare: true });
  input.value = q;
  draw();
  void learnRights(app).then(draw);
  if (q) void search();
}

/** Options of one kind under their name. @param {string} label @param {HTMLElement[]} options */
const group = (label, options) => h("div", { role: "group", "aria-label": label }, h("div", { class: "head", "aria-hidden": "true" }, label), options);

/** @param {Message & {room?: string}} m @param {string} q */
function result(m, q) {
  const text = excerpt(m.message, 120);
  const i = text.toLowerCase().indexOf(q.toLowerCase());
  return h("span", { class: "found" }, h("small", {}, [m.room ? `#${m.room} · ` : "", m.from.name, " · ", dayName(m.at), " ", clock(m.at)].join("")), h("span", { dir: "auto" }, i < 0 ? text : [text.slice(0, i), h("mark", {}, text.slice(i, i + q.length)), text.slice(i + q.length)]));
}
