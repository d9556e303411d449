// The words of what is seldom opened, loaded with the first of it.

import { dayOf, language, locale, speaker, words } from "./index.js";

/** @import {Phrase} from "./index.js" */
/** @typedef {keyof typeof import("./dialogs.en.js").en} OwnKey */
/** @typedef {Record<OwnKey, Phrase>} Words */
/** @typedef {import("./index.js").Key | OwnKey} Key */

/** @type {Words} */
const more = language === "zh" ? (await import("./dialogs.zh.js")).zh : (await import("./dialogs.en.js")).en;

/** The same as the page's t, with the words of dialogs as well. */
export const t = speaker({ ...words, ...more });

const clockFormat = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const briefFormat = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const yearFormat = new Intl.DateTimeFormat(locale, { year: "numeric", month: "short", day: "numeric" });

/** A moment to come, in few words: a clock today, a day with it this year, else a date. @param {string} at */
export function brief(at) {
  const days = dayOf(at) - dayOf(Date.now());
  const date = new Date(at);
  return (days === 0 ? clockFormat : days < 180 ? briefFormat : yearFormat).format(date);
}

/** Whether there are words for a key. @param {string} key @returns {key is Key} */
export const known = (key) => key in more;

/**
 * A phrase with nodes in the place of its {parameters}, each as often as it is
 * named.
 * @param {Key} key
 * @param {Record<string, Node | string | number>} params
 * @returns {(Node | string)[]}
 */
export function sentence(key, params) {
  const text = t(key, { n: Number(params["n"] ?? 0), ...Object.fromEntries(Object.keys(params).filter((k) => k !== "n").map((k) => [k, `\u0000${k}\u0000`])) });
  return text.split("\u0000").map((part, i) => (i % 2 ? /** @type {Node | string} */ (params[part] ?? "") : part));
}
