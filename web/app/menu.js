// The menu of a room.

import { t } from "../i18n/index.js";
import { h, icon } from "../ui/dom.js";

/** @import {App} from "./main.js" */
/** @import {IconName} from "../ui/dom.js" */

/**
 * What can be done with the room that is open.
 * @param {App} app
 * @returns {{icon: IconName, label: string, act: () => void}[]}
 */
export function roomActions(app) {
  const may = app.room?.you?.may ?? [];
  return [
    { icon: "people", label: t("action_people"), act: () => app.view.togglePeople() },
    { icon: "link", label: t("action_link"), act: () => void copyLink(app) },
    { icon: "calendar", label: t("action_date"), act: () => void import("./when.js").then((m) => m.openDate(app)) },
    { icon: "code", label: t("action_embed"), act: () => void app.open("embed") },
    ...(may.includes("moderate") ? [{ icon: /** @type {const} */ ("horn"), label: t("action_announce"), act: () => void app.open("announce") }] : []),
    ...(may.includes("manage") ? [{ icon: /** @type {const} */ ("gear"), label: t("action_room"), act: () => void app.open("room") }] : []),
  ];
}

/** @param {App} app */
export async function copyLink(app) {
  await navigator.clipboard?.writeText(`${location.origin}/r/${app.room?.id}`).then(() => app.view.toast(t("link_copied"), undefined, 2500), () => {});
}

/** @param {App} app */
export function openMenu(app) {
  const beside = app.view.querySelector('[slot="end"]:last-of-type') ?? app.view;
  const close = () => menu.remove();
  const menu = h("div", { class: "menu", popover: "auto", role: "menu", "aria-label": t("room_menu") }, roomActions(app).map((a) => h("button", { type: "button", role: "menuitem", onclick: () => {
    menu.hidePopover();
    a.act();
  } }, icon(a.icon), a.label)));
  menu.addEventListener("toggle", (e) => /** @type {ToggleEvent} */ (e).newState === "closed" && close());
  menu.addEventListener("keydown", (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!step) return;
    e.preventDefault();
    const items = [...menu.querySelectorAll("button")];
    items[(items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement)) + step + items.length) % items.length]?.focus();
  });
  (document.querySelector("main") ?? document.body).append(menu);
  menu.showPopover();
  const b = beside.getBoundingClientRect();
  const { width } = menu.getBoundingClientRect();
  const left = getComputedStyle(menu).direction === "rtl" ? b.left : b.right - width;
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
  menu.style.top = `${b.bottom + 6}px`;
  menu.querySelector("button")?.focus();
}
