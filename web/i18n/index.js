// Words, dates and numbers in the reader's language.

/** @typedef {keyof typeof import("./en.js").en} Key */
/** A text; with several forms, the number n chooses. @typedef {string | {one?: string, other: string}} Phrase */
/** @typedef {Record<Key, Phrase>} Words */

/** The languages that are complete, each under its own name. */
export const languages = { en: "English", zh: "简体中文" };

const remembered = globalThis.localStorage?.getItem("chatd:language");
const asked = [remembered, ...(globalThis.navigator?.languages ?? [])].map((l) => l?.toLowerCase() ?? "");
const first = asked.find((l) => /^(en|zh)\b/.test(l));

/** The language in use. @type {keyof typeof languages} */
export const language = first?.startsWith("zh") ? "zh" : "en";
export const locale = asked.find((l) => l.startsWith(language) && l.length > 2) ?? (language === "zh" ? "zh-CN" : "en");

/** @type {Words} */
export const words = language === "zh" ? (await import("./zh.js")).zh : (await import("./en.js")).en;
const plural = new Intl.PluralRules(locale);

/**
 * Gives words a voice: the words for a key, with its {parameters} in place.
 * @template {string} K
 * @param {Record<K, Phrase>} words
 * @returns {(key: K, params?: Record<string, string | number>) => string}
 */
export const speaker = (words) => (key, params = {}) => {
  const phrase = words[key];
  const text = typeof phrase === "string" ? phrase : (plural.select(Number(params["n"])) === "one" && phrase.one) || phrase.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = params[name];
    return typeof value === "number" ? number(value) : (value ?? "");
  });
};

/** The words for a key of the page. */
export const t = speaker(words);

/**
 * What the server said, in the reader's language where it has words for it; else
 * its own as a sentence, with times as they are at the reader's.
 * @param {{code: string, message: string} | {code: string, detail: string}} error as it is thrown, or as it was kept
 */
export function reason(error) {
  const detail = "detail" in error ? error.detail : error.message;
  if (error.code === "muted") {
    const { until, why } = sanction(detail);
    return (until ? t("muted_until", { time: until }) : t("muted")) + (why && t("in_words", { words: why }));
  }
  const key = /** @type {Key} */ (`error_${error.code}`);
  if (key in words) return t(key);
  const said = detail.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, moment);
  return said.charAt(0).toUpperCase() + said.slice(1);
}

/** Until when a moderator keeps somebody out or silent, and the moderator's words; each "" for none. @param {string} detail of the refusal */
export function sanction(detail) {
  const [, until = "", why = ""] = /^.*?(?: until (\d[^ ]*Z))?(?:: (.*))?$/s.exec(detail) ?? [];
  return { until: until && moment(until), why };
}

const numbers = new Intl.NumberFormat(locale);
const clockFormat = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const fullFormat = new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "short" });
const dayFormat = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" });
const yearFormat = new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

/** @param {number} n */
export const number = (n) => numbers.format(n);
/** @param {string | number} at */
export const clock = (at) => clockFormat.format(new Date(at));
/** @param {string | number} at */
export const full = (at) => fullFormat.format(new Date(at));

/** A clock today, else the day as well. @param {string} at */
const moment = (at) => (dayOf(at) === dayOf(Date.now()) ? clock : full)(at);

/** A number that counts days in the reader's time zone. @param {string | number} at */
export function dayOf(at) {
  const d = new Date(at);
  return Math.floor(Date.UTC(d.getFullYear(), d.getMonth(), d.getDate()) / 86_400_000);
}

/** @param {string | number} at */
export function dayName(at) {
  const ago = dayOf(Date.now()) - dayOf(at);
  if (ago === 0) return t("today");
  if (ago === 1) return t("yesterday");
  const d = new Date(at);
  return (d.getFullYear() === new Date().getFullYear() ? dayFormat : yearFormat).format(d);
}
