// A dialog with a title, and the fields of forms in it.

import { known, t } from "../i18n/dialogs.js";
import { reason } from "../i18n/index.js";
import { ChatError } from "../sdk/room.js";
import { composing, h, iconButton } from "../ui/dom.js";

/** @typedef {import("../ui/dom.js").Child} Child */

/**
 * Opens a dialog; it is gone once it is closed, and the focus is where it was.
 * @param {string} title
 * @param {Child[]} content
 * @param {{class?: string, bare?: boolean, firm?: boolean}} [options] bare has no head; firm stays when somebody clicks beside it
 */
export function dialog(title, content, options = {}) {
  const el = h("dialog", { class: options.class ?? "", "aria-label": title }, !options.bare && h("header", { role: "none" }, h("h2", { dir: "auto" }, title), iconButton("close", t("close"), () => el.close())), content);
  el.addEventListener("close", () => el.remove());
  if (!options.firm) el.addEventListener("pointerdown", (e) => {
    const box = el.getBoundingClientRect();
    const outside = e.clientX < box.left || e.clientX > box.right || e.clientY < box.top || e.clientY > box.bottom;
    if (e.target === el && outside) el.close();
  });
  document.body.append(el);
  el.showModal();
  // Where nothing else wants the keyboard, the dialog has it, not its first button.
  if (!el.querySelector("[autofocus]")) {
    el.tabIndex = -1;
    el.focus();
  }
  return el;
}

/**
 * The foot of a dialog that asks: a way out, and the button that does it.
 * @param {string} label
 * @param {() => Promise<unknown> | void} act while it works, it cannot be asked again
 * @param {{grave?: boolean, start?: Child}} [options]
 */
export function buttons(label, act, { grave = false, start } = {}) {
  const away = (/** @type {Event} */ e) => /** @type {HTMLElement} */ (e.target).closest("dialog")?.close();
  const submit = h("button", { type: "button", class: grave ? "primary grave" : "primary", onclick: async () => {
    if (submit.disabled) return;
    submit.disabled = true;
    try {
      await act();
    } finally {
      submit.disabled = false;
    }
  } }, label);
  return h("div", { class: "buttons" }, start, h("button", { type: "button", class: "plain", onclick: away }, t("cancel")), submit);
}

let fields = 0;

/**
 * A line of text with its name above it, and room for what is wrong with it.
 * @param {string} label
 * @param {Record<string, unknown>} props of the input; rows makes it a textarea
 * @param {string} [help]
 */
export function field(label, props, help = "") {
  const id = `field-${++fields}`;
  const input = h(props["rows"] ? "textarea" : "input", { dir: "auto", autocomplete: "off", "aria-describedby": id, ...props });
  const small = h("small", { id }, help);
  const element = h("label", { class: "field" }, h("span", {}, label), input, small);
  return {
    element,
    input,
    /** @param {string} trouble "" is none */
    complain(trouble) {
      input.setAttribute("aria-invalid", String(trouble !== ""));
      small.className = trouble ? "error" : "";
      small.textContent = trouble || help;
    },
  };
}

/**
 * One of a few.
 * @param {string} label
 * @param {string} name
 * @param {Record<string, string>} options words by value
 * @param {string} value
 */
export function choice(label, name, options, value, onchange = (/** @type {string} */ _) => {}) {
  const buttons = Object.entries(options).map(([key, words]) => {
    const input = h("input", { type: "radio", name, value: key, checked: key === value, onchange: () => onchange(key) });
    return h("label", {}, input, words);
  });
  const element = h("fieldset", { class: "field" }, h("legend", {}, label), h("div", { class: "choices" }, buttons));
  return {
    element,
    get value() {
      return /** @type {HTMLInputElement | null} */ (element.querySelector("input:checked"))?.value ?? value;
    },
  };
}

/** A box to tick. @param {string} label @param {Record<string, unknown>} [props] of the input */
export function check(label, props = {}) {
  const input = h("input", { type: "checkbox", ...props });
  return { input, element: h("label", { class: "check" }, input, label) };
}

/**
 * Lets Enter in a line of a form, and Ctrl+Enter in a text, mean its button,
 * unless an input method uses it.
 * @param {HTMLElement} form
 */
export function enterSubmits(form) {
  form.addEventListener("keydown", (e) => {
    if (e.key !== "Enter" || composing(e)) return;
    const line = e.target instanceof HTMLInputElement && e.target.type !== "radio" && e.target.type !== "checkbox";
    if (!line && !(e.target instanceof HTMLTextAreaElement && (e.ctrlKey || e.metaKey))) return;
    e.preventDefault();
    /** @type {HTMLElement | null} */ (form.querySelector(".buttons > .primary:last-child"))?.click();
  });
}

/**
 * Looks again at what an open dialog shows, every few milliseconds, as long as
 * somebody can see it.
 * @param {HTMLDialogElement} el @param {number} every @param {() => unknown} look
 */
export function whileOpen(el, every, look) {
  const timer = setInterval(() => !document.hidden && look(), every);
  el.addEventListener("close", () => clearInterval(timer));
}

/** What is wrong with a field, in the reader's language. @param {{field: string, code: string, detail: string}} error */
function trouble({ field, code, detail }) {
  const key = [`bad_${field}`, `bad_${code}`].find((k) => known(k));
  return key && known(key) ? t(key) : detail;
}

/**
 * Shows what the server refused: at the fields that it names, else below them.
 * What is no refusal is thrown again.
 * @param {unknown} err
 * @param {Record<string, {complain: (trouble: string) => void, input?: HTMLElement}>} named
 * @param {HTMLElement} below
 */
export function refused(err, named, below) {
  if (!(err instanceof ChatError)) throw err;
  for (const f of Object.values(named)) f.complain("");
  if (err.errors.length === 0) below.textContent = reason(err);
  for (const e of err.errors.toReversed()) {
    const at = named[e.field] ?? named[e.field.split(/[.[]/)[0] ?? ""];
    if (at) at.complain(trouble(e));
    else below.textContent = trouble(e);
    at?.input?.focus();
  }
}
