// A small palette of emoji: arrows move, typing searches, Enter takes.

import { t } from "../i18n/index.js";
import { composing, h } from "./dom.js";
import { emoji, findEmoji, frequent } from "./emoji.js";

const COLUMNS = 8;

/**
 * Lets the user choose an emoji next to a button. Resolves with undefined if
 * none was chosen.
 * @param {HTMLElement} beside
 * @returns {Promise<string | undefined>}
 */
export function pickEmoji(beside) {
  const grid = h("div", { class: "emoji-grid", role: "listbox", id: "emoji-grid", "aria-label": t("emoji") });
  const input = h("input", { type: "search", class: "input", placeholder: t("search_emoji"), "aria-label": t("search_emoji"), role: "combobox", "aria-expanded": "true", "aria-controls": "emoji-grid" });
  const box = h("div", { class: "popup picker", popover: "auto", role: "dialog", "aria-label": t("emoji") }, input, grid);
  let at = 0;

  const { promise, resolve } = /** @type {PromiseWithResolvers<string | undefined>} */ (Promise.withResolvers());
  const done = (/** @type {string | undefined} */ choice) => {
    resolve(choice);
    box.remove();
  };
  const draw = () => {
    const found = input.value ? findEmoji(input.value, 40).map(([, e]) => e) : [...new Set([...frequent, ...emoji.values()])].slice(0, 120);
    at = Math.max(0, Math.min(at, found.length - 1));
    grid.replaceChildren(...found.map((e, i) => h("div", { role: "option", id: `emoji-${i}`, "aria-selected": String(i === at), onclick: () => done(e) }, e)));
    if (found.length > 0) input.setAttribute("aria-activedescendant", `emoji-${at}`);
    else input.removeAttribute("aria-activedescendant");
    grid.children[at]?.scrollIntoView({ block: "nearest" });
  };
  input.addEventListener("input", () => {
    at = 0;
    draw();
  });
  input.addEventListener("keydown", (e) => {
    if (composing(e)) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS }[e.key];
    if (step && (input.value === "" || step % COLUMNS === 0)) {
      e.preventDefault();
      at += step;
      draw();
    } else if (e.key === "Enter") {
      e.preventDefault();
      done(grid.children[at]?.textContent ?? undefined);
    } else if (e.key === "Escape") {
      e.preventDefault();
      e.stopPropagation();
      done(undefined);
    }
  });
  box.addEventListener("toggle", (e) => {
    if (/** @type {ToggleEvent} */ (e).newState === "closed") done(undefined);
  });

  (beside.closest(".shell") ?? document.body).append(box);
  box.showPopover();
  draw();
  const b = beside.getBoundingClientRect();
  const { width, height } = box.getBoundingClientRect();
  box.style.left = `${Math.max(8, Math.min(b.right - width, innerWidth - width - 8))}px`;
  box.style.top = `${b.top - height - 6 > 8 ? b.top - height - 6 : Math.min(b.bottom + 6, innerHeight - height - 8)}px`;
  input.focus();
  return promise;
}
