// What the server does, live: its own metrics, looked at every few seconds while
// somebody watches.

import { t } from "../i18n/dialogs.js";
import { number } from "../i18n/index.js";
import { h } from "../ui/dom.js";
import { Chart } from "./chart.js";
import { dialog, whileOpen } from "./dialog.js";
import { quantile, read, sum } from "./prometheus.js";

/** @import {App} from "./main.js" */
/** @import {Server} from "../sdk/room.js" */
/** @import {Sample} from "./prometheus.js" */

/** Seconds between two looks, and how many of them a chart holds: five minutes. */
const EVERY = 2;
const HELD = 150;

/**
 * A figure: which chart, and what it shows of two looks some seconds apart.
 * @typedef {{chart: Chart, of: (now: Sample[], before: Sample[] | undefined, seconds: number) => (number | undefined)[] | undefined}} Figure
 */

/** @param {string} name @returns {Figure["of"]} of what goes up and down; undefined where the server does not count it */
const level = (name) => (now) => {
  const n = sum(now, name);
  return n === undefined ? undefined : [n];
};

/** @param {string} name @returns {Figure["of"]} of what only grows: how fast */
const rate = (name) => (now, before, seconds) => {
  const n = sum(now, name);
  if (n === undefined) return undefined;
  const old = before && sum(before, name);
  return [old === undefined || n < old ? undefined : (n - old) / seconds]; // less than before: it was started anew
};

/** @param {string} name @returns {Figure["of"]} */
const spread = (name) => (now, before) => (sum(now, `${name}_count`) === undefined ? undefined : [0.5, 0.99].map((share) => before && quantile(before, now, name, share)));

const short = (/** @type {number} */ n) => number(n >= 100 ? Math.round(n) : Math.round(n * 10) / 10);
const perSecond = (/** @type {number} */ n) => t("per_second", { n: short(n) });
const time = (/** @type {number} */ s) => (s >= 1 ? `${short(s)} s` : s >= 0.001 ? `${short(s * 1000)} ms` : `${short(s * 1e6)} µs`);
const bytes = (/** @type {number} */ n) => (n >= 1 << 30 ? `${short(n / (1 << 30))} GB` : n >= 1 << 20 ? `${short(n / (1 << 20))} MB` : n >= 1 << 10 ? `${short(n / (1 << 10))} KB` : `${short(n)} B`);

/** @returns {Figure[]} */
const figures = () => [
  { chart: new Chart(t("fig_sessions"), short, HELD), of: level("chatd_sessions") },
  { chart: new Chart(t("fig_members"), short, HELD), of: level("chatd_members") },
  { chart: new Chart(t("fig_posts"), perSecond, HELD), of: rate("chatd_posts_total") },
  { chart: new Chart(t("fig_deliveries"), perSecond, HELD), of: rate("chatd_deliveries_total") },
  { chart: new Chart(t("fig_ack"), time, HELD, [t("fig_p50"), t("fig_p99")]), of: spread("chatd_ack_duration_seconds") },
  { chart: new Chart(t("fig_bytes"), (n) => t("per_second", { n: bytes(n) }), HELD), of: rate("chatd_sent_bytes_total") },
  { chart: new Chart(t("fig_rooms"), short, HELD), of: level("chatd_hubs") },
  { chart: new Chart(t("fig_memory"), bytes, HELD), of: level("process_resident_memory_bytes") },
  { chart: new Chart(t("fig_cpu"), (n) => `${short(n * 100)}%`, HELD), of: rate("process_cpu_seconds_total") },
];

/** The server's metrics, or the status of its refusal: 0 if it does not answer. @param {Server} server */
async function metrics({ origin, who }) {
  const { token } = who();
  try {
    const response = await fetch(`${origin}/metrics`, { headers: token ? { Authorization: `Bearer ${token}` } : {}, cache: "no-store", credentials: "omit" });
    return response.ok ? await response.text() : response.status;
  } catch {
    return 0;
  }
}

/** @param {App} app */
export function openFigures(app) {
  const { server } = app.sidebar;
  const all = figures();
  const grid = h("div", { class: "charts" }, all.map((f) => f.chart.element));
  const note = h("p", { class: "lead", role: "status" });
  const began = Date.now();
  /** @type {{at: number, samples: Sample[]} | undefined} */
  let before;
  const look = async () => {
    const answer = await metrics(server);
    if (!el.open) return;
    if (typeof answer !== "string") {
      note.textContent = t(answer === 404 ? "figures_none" : answer === 401 || answer === 403 ? "figures_denied" : "figures_gone");
      before = undefined;
      if (answer === 0 || answer >= 500) for (const f of all) if (f.chart.element.isConnected) f.chart.add([]);
      return;
    }
    const samples = read(answer);
    const at = performance.now();
    for (const { chart, of } of all) {
      const values = of(samples, before?.samples, before ? (at - before.at) / 1000 : 1);
      if (values) chart.add(values);
      else chart.element.remove(); // this server does not count it
    }
    before = { at, samples };
    const seconds = Math.round((Date.now() - began) / 1000);
    note.textContent = t("figures_text", { time: seconds < 60 ? t("seconds_short", { n: seconds }) : t("minutes_short", { n: Math.round(seconds / 60) }) });
  };
  const el = dialog(t("figures_title"), [note, grid], { class: "wide" });
  whileOpen(el, EVERY * 1000, look);
  void look();
}
