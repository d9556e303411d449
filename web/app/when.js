// Going to a day of the room's history.

import { t } from "../i18n/index.js";
import { h } from "../ui/dom.js";
import { dialog, enterSubmits, field } from "./dialog.js";

/** @import {App} from "./main.js" */
/** @import {Room} from "../sdk/room.js" */

/** @param {App} app */
export function openDate(app) {
  const today = new Date();
  const value = `${today.getFullYear()}-${String(today.getMonth() + 1).padStart(2, "0")}-${String(today.getDate()).padStart(2, "0")}`;
  const day = field(t("action_date"), { type: "date", value, max: value, autofocus: true });
  const go = async () => {
    const at = new Date(`${day.input.value}T00:00:00`).getTime();
    el.close();
    const seq = app.room && !Number.isNaN(at) ? await firstSince(app.room, at) : undefined;
    if (seq) await app.view.timeline?.jump(seq, { focus: true });
    else await app.view.timeline?.toLatest();
  };
  const el = dialog(t("action_date"), [
    day.element,
    h("div", { class: "buttons" }, h("button", { type: "button", class: "plain", onclick: () => void el.close() }, t("cancel")), h("button", { type: "button", class: "primary", onclick: () => void go() }, t("action_date"))),
  ]);
  enterSubmits(el, () => void go());
}

/**
 * The first message since a moment. Messages are in the order of their seqs and,
 * but for the clocks of servers, of time: halving finds it in a few questions.
 * @param {Room} room
 * @param {number} at
 * @returns {Promise<number | undefined>}
 */
async function firstSince(room, at) {
  let lo = 0; // all messages up to here are older
  let hi = (room.cursor?.rev ?? 0) + 1;
  /** @type {number | undefined} */
  let found;
  while (hi - lo > 1) {
    const mid = (lo + hi) >> 1;
    const { messages } = await room.history({ after: mid, limit: 1 });
    const m = messages[0];
    if (!m) hi = mid;
    else if (Date.parse(m.at) >= at) {
      found = m.seq;
      hi = mid;
    } else lo = m.seq;
  }
  if (lo === 0) {
    const first = (await room.history({ around: 1, limit: 1 })).messages[0];
    if (first && Date.parse(first.at) >= at) found = first.seq;
  }
  return found;
}
