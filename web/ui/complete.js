// One listbox for what begins with @, : and /.

import { t } from "../i18n/index.js";
import { h, hue, initial } from "./dom.js";
import { findEmoji, withEmoji } from "./emoji.js";

/** @import {Person} from "../sdk/protocol.js" */
/** @typedef {import("../i18n/index.js").Key} Key */
/** @typedef {{label: string, help?: string, sign?: Node | string, insert: string}} Option */

/** What can be typed after a slash; each has a line of help. */
export const commands = ["nick", "topic", "announce", "search", "invite", "shrug", "kick", "ban", "unban", "mute", "unmute", "clear", "lock", "unlock", "archive", "help"];

export class Completion {
  /** @type {Option[]} */
  #options = [];
  #at = 0;
  #from = 0;
  #input;
  #people;
  #changed;

  /**
   * @param {HTMLTextAreaElement} input
   * @param {() => Person[]} people
   * @param {() => void} changed
   */
  constructor(input, people, changed) {
    this.#input = input;
    this.#people = people;
    this.#changed = changed;
    this.element = h("div", { class: "complete", id: "complete", role: "listbox", "aria-label": t("suggestions"), tabindex: "0", hidden: true });
    this.element.addEventListener("pointerdown", (e) => e.preventDefault()); // the text keeps the focus
    this.element.addEventListener("click", (e) => {
      const option = /** @type {Element} */ (e.target).closest('[role="option"]');
      if (option) this.#choose([...this.element.children].indexOf(option));
    });
    input.setAttribute("aria-haspopup", "listbox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", "complete");
    input.addEventListener("blur", () => this.close());
    input.addEventListener("compositionend", () => this.update());
  }

  /** @param {string} text */
  shortcodes(text) {
    return withEmoji(text);
  }

  /** Looks at what stands before the caret. */
  update() {
    const before = this.#input.value.slice(0, this.#input.selectionStart);
    const m = /(?:^|[\s(])([@:])([\p{L}\p{N}\p{M}_+-]*)$|^(\/)(\w*)$/u.exec(before);
    const sign = m?.[1] ?? m?.[3];
    const word = (m?.[2] ?? m?.[4] ?? "").toLowerCase();
    if (!sign || (sign === ":" && word.length < 2)) return this.close();
    this.#from = before.length - word.length - 1;
    this.#options = options(sign, word, this.#people());
    this.#at = 0;
    this.#draw();
  }

  close() {
    if (this.element.hidden) return;
    this.#options = [];
    this.#draw();
  }

  /** Takes the keys that mean the list. @param {KeyboardEvent} e */
  key(e) {
    const n = this.#options.length;
    if (n === 0) return false;
    if (e.key === "ArrowDown") this.#at = (this.#at + 1) % n;
    else if (e.key === "ArrowUp") this.#at = (this.#at - 1 + n) % n;
    else if (e.key === "Escape") this.#options = [];
    else if (e.key === "Tab" || (e.key === "Enter" && !e.shiftKey)) {
      const option = this.#options[this.#at];
      // A command that is typed out is sent, not completed once more.
      if (e.key === "Enter" && option && this.#input.value === option.insert.trim()) return false;
      e.preventDefault();
      this.#choose(this.#at);
      return true;
    } else return false;
    e.preventDefault();
    e.stopPropagation();
    this.#draw();
    return true;
  }

  /** @param {number} i */
  #choose(i) {
    const option = this.#options[i];
    if (!option) return;
    this.#input.setRangeText(option.insert, this.#from, this.#input.selectionStart, "end");
    this.#options = [];
    this.#draw();
    this.#changed();
  }

  #draw() {
    const open = this.#options.length > 0;
    this.element.hidden = !open;
    this.element.replaceChildren(
      ...this.#options.map((o, i) =>
        h("div", { role: "option", id: `option-${i}`, "aria-selected": String(i === this.#at) }, h("span", { class: "sign", "aria-hidden": "true" }, o.sign), h("span", { class: "label", dir: "auto" }, o.label), o.help && h("span", { class: "help" }, o.help)),
      ),
    );
    if (open) this.#input.setAttribute("aria-activedescendant", `option-${this.#at}`);
    else this.#input.removeAttribute("aria-activedescendant");
    this.element.children[this.#at]?.scrollIntoView({ block: "nearest" });
  }
}

/** @param {string} sign @param {string} word @param {Person[]} people @returns {Option[]} */
function options(sign, word, people) {
  if (sign === ":") return findEmoji(word).map(([name, e]) => ({ label: `:${name}:`, sign: e, insert: `${e} ` }));
  if (sign === "/") {
    return commands
      .filter((c) => c.startsWith(word))
      .map((c) => ({ label: `/${c}`, help: t(/** @type {Key} */ (`command_${c}`)), insert: `/${c} ` }));
  }
  return people
    .map(({ id, name }) => ({ id, name, folded: name.trim().split(/\s+/).join("_") }))
    .filter(({ folded }) => folded.toLowerCase().includes(word))
    .sort((a, b) => Number(b.folded.toLowerCase().startsWith(word)) - Number(a.folded.toLowerCase().startsWith(word)))
    .slice(0, 8)
    .map(({ id, name, folded }) => ({ label: name, sign: h("span", { class: "avatar small", "data-hue": hue(id) }, initial(name)), insert: `@${folded} ` }));
}
