// A field for a number, with its unit beside it.

import { t } from "../i18n/dialogs.js";
import { h } from "../ui/dom.js";
import { field } from "./dialog.js";

/** Seconds of each unit. */
const units = /** @type {const} */ ({ seconds: 1, minutes: 60, hours: 3600, days: 86_400 });

/**
 * A whole number; nothing is 0.
 * @param {string} label @param {number} value @param {string} unit what is counted @param {string} help
 * @param {Record<string, unknown>} [props]
 */
export function count(label, value, unit, help, props = {}) {
  const line = field(label, { inputmode: "numeric", value: value || "", placeholder: t("unlimited"), ...props }, help);
  beside(line, h("span", { class: "unit" }, unit));
  return { ...line, get value() { return whole(line.input.value); } };
}

/**
 * A length of time, in seconds; nothing is 0.
 * @param {string} label @param {number} value @param {string} help
 * @param {Record<string, unknown>} [props]
 */
export function duration(label, value, help, props = {}) {
  const names = /** @type {(keyof typeof units)[]} */ (Object.keys(units));
  const fits = value ? (names.findLast((u) => value % units[u] === 0) ?? "seconds") : /** @type {keyof typeof units} */ (props["unit"] ?? "seconds");
  const line = field(label, { inputmode: "numeric", value: value ? value / units[fits] : "", ...props, unit: undefined }, help);
  const unit = h("select", { "aria-label": label }, names.map((u) => h("option", { value: u, selected: u === fits }, t(`unit_${u}`))));
  beside(line, unit);
  return { ...line, unit, get value() { return whole(line.input.value) * units[/** @type {keyof typeof units} */ (unit.value)]; } };
}

/** NaN for what is no whole number. @param {string} text */
function whole(text) {
  const plain = text.trim().replace(/[\s,.'_]/g, "");
  return plain === "" ? 0 : /^\d{1,12}$/.test(plain) ? Number(plain) : NaN;
}

/** @param {ReturnType<typeof field>} line @param {HTMLElement} unit */
function beside(line, unit) {
  const pair = h("span", { class: "pair" });
  line.input.replaceWith(pair);
  pair.append(line.input, unit);
}
