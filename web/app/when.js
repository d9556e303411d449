// Going to a day of the room's history.

import { t } from "../i18n/dialogs.js";
import { buttons, dialog, enterSubmits, field } from "./dialog.js";

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
    else app.view.timeline?.toLatest();
  };
  const el = dialog(t("action_date"), [
    day.element,
    buttons(t("action_date"), go),
  ]);
  enterSubmits(el);
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
  let hi = room.cursor?.rev ?? 0; // all messages beyond are not
  while (hi > lo) {
    const mid = (lo + hi) >> 1;
    const m = (await room.history({ after: mid, limit: 1 })).messages[0];
    if (!m || Date.parse(m.at) >= at) hi = mid;
    else lo = m.seq;
  }
  return (await room.history({ after: lo, limit: 1 })).messages[0]?.seq;
}
