// A dialog with a title, and the fields of forms in it.

import { t } from "../i18n/index.js";
import { composing, h, iconButton } from "../ui/dom.js";

/** @import {ChatError} from "../sdk/room.js" */
/** @typedef {import("../ui/dom.js").Child} Child */

/**
 * Opens a dialog; it is gone once it is closed, and the focus is where it was.
 * @param {string} title
 * @param {Child[]} content
 * @param {{class?: string}} [options]
 */
export function dialog(title, content, options = {}) {
  const el = h("dialog", { class: options.class ?? "", "aria-label": title }, title && !options.class ? h("header", {}, h("h2", {}, title), iconButton("close", t("close"), () => el.close())) : "", content);
  el.addEventListener("close", () => el.remove());
  el.addEventListener("pointerdown", (e) => {
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

/**
 * Lets Enter in a line of a form mean its button, unless an input method uses it.
 * @param {HTMLElement} form
 * @param {() => void} submit
 */
export function enterSubmits(form, submit) {
  form.addEventListener("keydown", (e) => {
    if (e.key !== "Enter" || composing(e) || !(e.target instanceof HTMLInputElement) || e.target.type === "radio") return;
    e.preventDefault();
    submit();
  });
}

/**
 * Shows what the server refused, at the fields that it names.
 * @param {ChatError} error
 * @param {Record<string, {complain: (trouble: string) => void}>} named
 * @returns {boolean} whether every part of it stands at a field
 */
export function complain(error, named) {
  for (const f of Object.values(named)) f.complain("");
  let placed = error.errors.length > 0;
  for (const { field: name, detail } of error.errors) {
    const at = named[name];
    if (at) at.complain(detail);
    else placed = false;
  }
  return placed;
}
