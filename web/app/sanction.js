// Asking a moderator for the terms: for how long, and why.

import { t } from "../i18n/dialogs.js";
import { h } from "../ui/dom.js";
import { buttons, check, choice, dialog, enterSubmits, field, refused } from "./dialog.js";
import { sanction } from "./moderate.js";

/** @import {App} from "./main.js" */
/** @import {Kind} from "./moderate.js" */
/** @import {Person} from "../sdk/protocol.js" */

/** Seconds that one can choose; 0 is until it is lifted. */
const lasting = /** @type {const} */ ([600, 3600, 86_400, 604_800, 0]);

/**
 * @param {App} app
 * @param {Kind} kind
 * @param {Person} [person] nobody where an address is banned
 * @param {string} [room] its id, default the one that is open: Back may lead to another meanwhile
 */
export function openSanction(app, kind, person, room = app.room?.id) {
  const name = person?.name ?? "";
  const ban = kind === "ban" || kind === "address";
  const address = field(t("address"), { dir: "ltr", placeholder: "203.0.113.7", autofocus: true, spellcheck: "false", autocapitalize: "none" });
  const seconds = choice(t("how_long"), "seconds", Object.fromEntries(lasting.map((s) => [`s${s}`, t(`long_${s}`)])), kind === "mute" ? "s600" : "s86400");
  const why = field(t("reason"), { maxlength: 300, autofocus: kind !== "address" && kind !== "clear" }, t("reason_help"));
  const withAddress = check(t("with_address"));
  const withClear = check(t("with_clear"));
  const trouble = h("p", { class: "trouble", role: "alert" });
  const submit = async () => {
    trouble.textContent = "";
    const terms = { seconds: Number(seconds.value.slice(1)), reason: why.input.value.trim(), withAddress: withAddress.input.checked, ...(kind === "address" && { address: address.input.value.trim() }) };
    try {
      await sanction(app, room, kind, person, terms);
      if (kind === "ban" && withClear.input.checked) await sanction(app, room, "clear", person);
      el.close();
    } catch (err) {
      refused(err, { reason: why, ...(kind === "address" && { address, who: address }) }, trouble);
    }
  };
  const el = dialog(t(`${kind}_title`, { name }), [
    h("p", { class: "lead" }, t(`${kind}_text`)),
    kind === "address" && address.element,
    (ban || kind === "mute") && seconds.element,
    kind !== "clear" && why.element,
    kind === "ban" && h("div", { class: "checks" }, withAddress.element, withClear.element),
    trouble,
    buttons(t(`${kind}_do`), submit, { grave: kind !== "mute" && kind !== "kick" }),
  ], { class: "sanction" });
  enterSubmits(el);
}
