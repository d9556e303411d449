// The menu of a room.

import { t } from "../i18n/dialogs.js";
import { newID } from "../sdk/room.js";
import { attempt } from "./attempt.js";
import { popup } from "./popup.js";

/** @import {App} from "./main.js" */
/** @import {Entry} from "./popup.js" */

/** Whether who one is may see the figures of the server, by credential. @type {Map<string, boolean>} */
const mayMeasure = new Map();

/**
 * What can be done with the room that is open, in groups.
 * @param {App} app
 * @returns {Entry[][]}
 */
export function roomActions(app) {
  const may = app.room?.you?.may ?? [];
  const manage = may.includes("manage");
  const locked = app.room?.info?.mode === "announce";
  return [
    [
      { icon: "people", label: t("action_people"), act: () => void app.view.togglePeople() },
      { icon: "link", label: t("action_link"), act: () => void copyLink(app) },
      { icon: "calendar", label: t("action_date"), act: () => void app.open("date") },
      { icon: "code", label: t("action_embed"), act: () => void app.open("embed") },
    ],
    [
      ...entries(may.includes("moderate"), { icon: "horn", label: t("action_announce"), act: () => void app.open("announce") }),
      ...entries(manage && !app.room?.info?.archived, { icon: locked ? "unlock" : "lock", label: t(locked ? "action_unlock" : "action_lock"), act: () => void attempt(app, () => lock(app, !locked)) }),
      ...entries(may.includes("moderate"), { icon: "shield", label: t("action_moderation"), act: () => void app.open("moderation") }),
      ...entries(may.includes("moderate"), { icon: "hook", label: t("action_webhooks"), act: () => void app.open("webhooks") }),
      ...entries(manage, { icon: "gear", label: t("action_room"), act: () => void app.open("room") }),
    ],
    entries(manage && mayMeasure.get(app.token ?? "") === true, { icon: "chart", label: t("action_figures"), act: () => void app.open("figures") }),
  ];
}

/** @param {boolean} shown @param {Entry} entry */
const entries = (shown, entry) => (shown ? [entry] : []);

/** Lets only moderators write, or everybody. @param {App} app @param {boolean} locked */
export async function lock(app, locked) {
  await app.sidebar.server.call("PATCH", `/rooms/${app.room?.id}`, { body: { mode: locked ? "announce" : "open" }, key: newID() });
  app.view.toast(t(locked ? "locked" : "unlocked"), { label: t("undo"), act: () => void attempt(app, () => lock(app, !locked)) });
}

/** @param {App} app */
export async function copyLink(app) {
  await navigator.clipboard?.writeText(`${location.origin}/r/${app.room?.id}`).then(() => app.view.toast(t("link_copied"), undefined, 2500), () => {});
}

/**
 * Asks once whether who one is may see the server's figures, which is more than
 * to manage the room.
 * @param {App} app
 */
export async function learnRights(app) {
  const who = app.token ?? "";
  if (mayMeasure.has(who) || !app.room?.you?.may.includes("manage")) return;
  mayMeasure.set(who, await app.sidebar.server.call("HEAD", "/metrics").then(() => true, () => false));
}

/** @param {App} app */
export async function openMenu(app) {
  await learnRights(app);
  popup(app.view.querySelector('[slot="end"]:last-of-type') ?? app.view, t("room_menu"), roomActions(app));
}
