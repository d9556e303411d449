// A small menu beside whatever opened it.

import { h, icon } from "../ui/dom.js";

/** @import {IconName} from "../ui/dom.js" */
/** @typedef {{icon: IconName, label: string, act: () => void, key?: string, grave?: boolean}} Entry */

/**
 * Opens it; it is gone, and the focus where it was, as soon as something is
 * chosen or done elsewhere.
 * @param {Element} beside
 * @param {string} label
 * @param {Entry[][]} groups with a line between them
 * @param {Node} [head]
 */
export function popup(beside, label, groups, head) {
  const menu = h(
    "div",
    { class: "menu", popover: "auto", role: "menu", "aria-label": label },
    head,
    groups.filter((g) => g.length > 0).map((entries) => h("div", { role: "group" }, entries.map(({ icon: name, label, act, key, grave }) =>
      h("button", { type: "button", role: "menuitem", class: grave && "grave", onclick: () => {
        menu.hidePopover();
        act();
      } }, icon(name), h("span", {}, label), key && h("kbd", { "aria-hidden": "true" }, key))))),
  );
  const gone = new AbortController();
  const items = [...menu.querySelectorAll("button")];
  menu.addEventListener("toggle", (e) => {
    if (/** @type {ToggleEvent} */ (e).newState === "open") return;
    // A dialog that was opened meanwhile keeps the keyboard.
    if ((document.activeElement === document.body || menu.contains(document.activeElement)) && beside instanceof HTMLElement) beside.focus();
    menu.remove();
    gone.abort();
  });
  menu.addEventListener("keydown", (e) => {
    const at = items.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1, Tab: at }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    e.stopPropagation(); // it means no more than the menu
    if (e.key === "Tab") menu.hidePopover();
    else items[to % items.length]?.focus();
  });
  (document.querySelector("main") ?? document.body).append(menu);
  menu.showPopover();
  const place = () => {
    const b = beside.getBoundingClientRect();
    menu.style.left = "0"; // as wide as it would be
    const { width, height } = menu.getBoundingClientRect();
    const left = getComputedStyle(menu).direction === "rtl" ? b.left : b.right - width;
    menu.style.left = `${Math.max(8, Math.min(left, innerWidth - width - 8))}px`;
    menu.style.top = `${b.bottom + 6 + height < innerHeight - 8 ? b.bottom + 6 : Math.max(8, Math.min(b.top - height - 6, innerHeight - height - 8))}px`;
  };
  addEventListener("resize", place, { signal: gone.signal });
  addEventListener("popstate", () => menu.hidePopover(), { signal: gone.signal }); // it is about the room that was here
  place();
  items[0]?.focus();
}
