// What can be done with a message, and with who wrote it.

import { t } from "../i18n/dialogs.js";
import { h, hue, initial } from "../ui/dom.js";
import { popup } from "./popup.js";

/** @import {App} from "./main.js" */
/** @import {Message, Person} from "../sdk/protocol.js" */
/** @import {Entry} from "./popup.js" */

/**
 * @param {App} app
 * @param {{person: Person, beside: HTMLElement, message?: Message, acts?: Record<string, () => void>}} about
 */
export function openPerson(app, { person, beside, message, acts = {} }) {
  const { room } = app;
  const self = person.id === room?.you?.id;
  if (self && !message) return app.open("settings");
  const may = room?.you?.may ?? [];
  const { reply, copy, link, remove } = acts;
  /** @type {Entry[]} */
  const words = [];
  if (reply) words.push({ icon: "reply", label: t("reply"), key: "R", act: reply });
  if (copy) words.push({ icon: "copy", label: t("copy_text"), key: "C", act: copy });
  if (link) words.push({ icon: "link", label: t("copy_link"), key: "L", act: link });
  if (!self && may.includes("post")) words.push({ icon: "at", label: t("mention"), act: () => app.view.mention(person) });
  /** @type {Entry[]} */
  const sanctions = [];
  if (may.includes("moderate") && !self) {
    const open = (/** @type {string} */ kind) => () => void app.open("sanction", { kind, person });
    sanctions.push({ icon: "mute", label: t("mute"), act: open("mute") });
    // Who announces by HTTP is in no room, and a message's author may have left.
    if (room?.members.has(person.id)) sanctions.push({ icon: "out", label: t("kick"), act: open("kick") });
    sanctions.push({ icon: "ban", label: t("ban"), act: open("ban") });
  }
  /** @type {Entry[]} */
  const graves = [];
  if (remove) graves.push({ icon: "trash", label: t("delete"), key: "D", grave: true, act: remove });
  if (sanctions.length > 0 && !room?.info?.archived) graves.push({ icon: "trash", label: t("clear"), grave: true, act: () => void app.open("sanction", { kind: "clear", person }) });
  popup(beside, t("who_menu", { name: person.name }), [words, sanctions, graves], head(person, may.includes("moderate")));
}

/** Whom it is about; moderators see the id, too: names are not unique. @param {Person} person @param {boolean} withID */
function head(person, withID) {
  return h(
    "div",
    { class: "menu-head", role: "presentation" },
    h("span", { class: "avatar small", "data-hue": hue(person.id), "aria-hidden": "true" }, initial(person.name)),
    h("span", { class: "who" }, h("b", { dir: "auto" }, person.name), withID && h("small", { dir: "ltr" }, person.id)),
  );
}
