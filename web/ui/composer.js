// Where one writes: drafts, replies, edits, completion; Enter sends, unless an
// input method is composing.

import { t } from "../i18n/index.js";
import { composing, h, icon, iconButton } from "./dom.js";
import { excerpt } from "./markup.js";

/** @import {Message, Person} from "../sdk/protocol.js" */
/** @import {Completion} from "./complete.js" */

/**
 * What a composer asks of whoever owns it.
 * @typedef {object} ComposerHooks
 * @property {(text: string, replyTo: number | undefined) => void} onsend
 * @property {(seq: number, text: string) => void} onedit
 * @property {(line: string) => boolean} oncommand whether the line was a command
 * @property {() => void} ontyping
 * @property {() => Message | undefined} lastOwn
 * @property {(text: string) => void} ondraft
 * @property {() => Person[]} people to mention
 * @property {(name: string) => void} onname a guest has chosen a name
 * @property {() => void} onup the keyboard leaves upwards
 */

/** @typedef {{kind: "reply" | "edit", message: Message} | undefined} Mode */

export class Composer {
  /** @type {Mode} */
  #mode;
  /** What was being written before an edit began. */
  #shelved = "";
  /** @type {Completion | undefined} */
  #completion;
  #hooks;
  #limit = 4000;
  #blockedUntil = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;

  /** @param {ComposerHooks} hooks */
  constructor(hooks) {
    this.#hooks = hooks;
    this.text = h("textarea", {
      rows: 1,
      dir: "auto",
      class: "input",
      part: "input",
      placeholder: t("write"),
      "aria-label": t("write"),
      autocomplete: "off",
      enterkeyhint: "send",
      oninput: () => this.#typed(),
      onkeydown: (/** @type {KeyboardEvent} */ e) => this.#key(e),
    });
    this.sendButton = iconButton("send", t("send"), () => this.#submit(), { class: "icon-button send", disabled: true });
    this.emojiButton = iconButton("smile", t("emoji"), () => void this.#pickEmoji());
    this.mode = h("div", { class: "mode", hidden: true });
    this.count = h("span", { class: "count", hidden: true });
    this.note = h("div", { class: "note", role: "status" });
    this.box = h("div", { class: "box" }, this.mode, h("div", { class: "line" }, this.text, this.count, this.emojiButton, this.sendButton));
    this.blocked = h("div", { class: "blocked", hidden: true });
    this.name = this.#nameForm();
    this.element = h("div", { class: "composer", part: "composer" }, this.box, this.name, this.blocked, this.note);
  }

  get draft() {
    return this.#mode?.kind === "edit" ? this.#shelved : this.text.value;
  }

  focus() {
    (this.name.hidden ? this.text : /** @type {HTMLElement} */ (this.name.querySelector("input"))).focus();
  }

  /** @param {number} characters */
  setLimit(characters) {
    this.#limit = characters;
    this.#weigh();
  }

  /**
   * Who may write: anybody ("write"), whoever says a name first ("name"), or
   * nobody, and why.
   * @param {"write" | "name" | "blocked"} state
   * @param {(Node | string)[]} [why]
   */
  setState(state, why = []) {
    const focused = this.name.contains(this.#active()) || this.text === this.#active();
    this.box.hidden = state !== "write";
    this.name.hidden = state !== "name";
    this.blocked.hidden = state !== "blocked";
    this.blocked.replaceChildren(...why);
    if (focused && state === "write") this.text.focus();
  }

  /** No posts before a moment: a countdown stands on the button. @param {number} until */
  block(until) {
    this.#blockedUntil = until;
    clearInterval(this.#ticking);
    const tick = () => {
      const left = Math.ceil((this.#blockedUntil - Date.now()) / 1000);
      if (left <= 0) clearInterval(this.#ticking);
      this.sendButton.replaceChildren(left > 0 ? h("span", { class: "countdown" }, left) : icon("send"));
      this.sendButton.setAttribute("aria-label", left > 0 ? t("wait_seconds", { n: left }) : t("send"));
    };
    tick();
    if (until > Date.now()) this.#ticking = setInterval(tick, 250);
  }

  /** @param {string} text */
  setText(text) {
    this.text.value = text;
    this.text.setSelectionRange(text.length, text.length);
    this.#completion?.close();
    this.#weigh();
  }

  /** @param {string} insertion */
  insert(insertion) {
    this.text.setRangeText(insertion, this.text.selectionStart, this.text.selectionEnd, "end");
    this.#typed();
    this.text.focus();
  }

  /** @param {Message} message */
  reply(message) {
    if (this.#mode?.kind === "edit") this.cancel();
    this.#setMode({ kind: "reply", message });
    this.text.focus();
  }

  /** @param {Message} message */
  edit(message) {
    if (this.#mode?.kind !== "edit") this.#shelved = this.text.value;
    this.#setMode({ kind: "edit", message });
    this.setText(message.message);
    this.text.focus();
  }

  /** Leaves editing or answering; the draft comes back. */
  cancel() {
    const edit = this.#mode?.kind === "edit";
    this.#setMode(undefined);
    if (edit) {
      this.setText(this.#shelved);
      this.#shelved = "";
    }
  }

  /** Puts away what is half done, for {@link enter}. */
  leave() {
    const left = { mode: this.#mode, text: this.text.value, draft: this.draft };
    this.cancel();
    return left;
  }

  /**
   * Goes on with what one writes in a room: its draft, and what was half done there.
   * @param {string} draft
   * @param {{mode: Mode, text: string}} [left]
   */
  enter(draft, left) {
    this.#setMode(left?.mode);
    const edit = left?.mode?.kind === "edit";
    this.#shelved = edit ? draft : "";
    this.setText(edit ? left.text : draft);
  }

  /** @param {Mode} mode */
  #setMode(mode) {
    this.#mode = mode;
    this.mode.hidden = !mode;
    this.box.classList.toggle("editing", mode?.kind === "edit");
    if (!mode) return;
    const what = mode.kind === "edit" ? [h("b", {}, t("editing"))] : [t("replying_to"), " ", h("b", {}, mode.message.from.name), h("span", { class: "excerpt", dir: "auto" }, excerpt(mode.message.message))];
    this.mode.replaceChildren(
      icon(mode.kind),
      h("span", { class: "what" }, what),
      iconButton("close", t("cancel_esc"), () => {
        this.cancel();
        this.text.focus();
      }),
    );
  }

  #nameForm() {
    const input = h("input", { type: "text", class: "input", maxlength: 100, autocomplete: "nickname", placeholder: t("your_name"), "aria-label": t("your_name"), dir: "auto" });
    const submit = () => {
      const name = input.value.trim();
      if (name) this.#hooks.onname(name);
      else input.focus();
    };
    input.addEventListener("keydown", (e) => {
      if (e.key !== "Enter" || composing(e)) return;
      e.preventDefault();
      submit();
    });
    return h("div", { class: "name-form", hidden: true }, h("div", { class: "line" }, input, h("button", { type: "button", class: "primary", onclick: submit }, t("join"))));
  }

  #typed() {
    this.#weigh();
    if (this.#mode?.kind !== "edit") this.#hooks.ondraft(this.text.value);
    if (this.text.value.trim() && !this.text.value.startsWith("/")) this.#hooks.ontyping();
    void this.#complete().then((c) => c.update());
  }

  #weigh() {
    const length = [...this.text.value].length;
    const left = this.#limit - length;
    this.count.hidden = left > Math.max(50, this.#limit / 20);
    this.count.textContent = String(left);
    this.count.classList.toggle("over", left < 0);
    this.sendButton.disabled = this.text.value.trim() === "" || left < 0;
    if (!CSS.supports("field-sizing", "content")) {
      this.text.style.height = "auto";
      this.text.style.height = `${this.text.scrollHeight}px`;
    }
  }

  /** @param {KeyboardEvent} e */
  #key(e) {
    if (composing(e)) return;
    if (this.#completion?.key(e)) return;
    const empty = this.text.value === "";
    if (e.key === "Enter" && !e.shiftKey && !e.altKey) {
      e.preventDefault();
      this.#submit();
    } else if (e.key === "ArrowUp" && empty && !this.#mode) {
      const last = this.#hooks.lastOwn();
      if (!last) return;
      e.preventDefault();
      this.edit(last);
    } else if (e.key === "Escape" && this.#mode) {
      e.preventDefault();
      e.stopPropagation();
      this.cancel();
    } else if (e.key === "ArrowUp" && (e.ctrlKey || e.altKey)) {
      e.preventDefault();
      this.#hooks.onup();
    }
  }

  #submit() {
    const text = this.text.value.trim();
    if (this.sendButton.disabled && text === "") {
      if (this.#mode?.kind === "edit") this.cancel();
      return;
    }
    if (this.sendButton.disabled) return;
    const mode = this.#mode;
    if (mode?.kind === "edit") {
      this.cancel();
      if (text !== mode.message.message) this.#hooks.onedit(mode.message.seq, text);
      return;
    }
    if (this.#blockedUntil > Date.now()) return;
    // A command that there is not is not said to everybody: a space before it makes it a text.
    if (/^\/\w+(\s|$)/.test(this.text.value)) {
      if (!this.#hooks.oncommand(text)) return;
      this.setText("");
      this.#hooks.ondraft("");
      return;
    }
    this.#setMode(undefined);
    this.setText("");
    this.#hooks.ondraft("");
    this.#hooks.onsend(this.#completion?.shortcodes(text) ?? text, mode?.message.seq);
  }

  async #complete() {
    if (!this.#completion) {
      const { Completion } = await import("./complete.js");
      this.#completion ??= new Completion(this.text, () => this.#hooks.people(), () => this.#typed());
      if (!this.#completion.element.isConnected) this.box.append(this.#completion.element);
    }
    return this.#completion;
  }

  async #pickEmoji() {
    const { pickEmoji } = await import("./picker.js");
    const emoji = await pickEmoji(this.emojiButton);
    if (emoji) this.insert(emoji);
    else this.text.focus();
  }

  #active() {
    return /** @type {Document | ShadowRoot} */ (this.element.getRootNode()).activeElement;
  }
}
