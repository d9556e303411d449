// Making a room; announcing in one.

import { t } from "../i18n/dialogs.js";
import { reason } from "../i18n/index.js";
import { ChatError, newID } from "../sdk/room.js";
import { h } from "../ui/dom.js";
import { buttons, choice, dialog, enterSubmits, field, refused } from "./dialog.js";

/** @import {App} from "./main.js" */
/** @import {RoomInfo} from "../sdk/protocol.js" */

/** Gives the same body the same key, however often it is sent. */
export function keys() {
  let last = "";
  let key = "";
  return (/** @type {object} */ body) => {
    const now = JSON.stringify(body);
    if (now !== last) [last, key] = [now, newID()];
    return key;
  };
}

/** @param {App} app @param {{id?: string}} params */
export function create(app, params) {
  const fields = {
    name: field(t("room_name"), { maxlength: 100, autofocus: true, placeholder: t("room_name_help") }),
    id: field(t("room_id"), { value: params.id, placeholder: "design-team", maxlength: 64, autocapitalize: "none", spellcheck: "false", dir: "ltr" }, t("room_id_help")),
    topic: field(t("room_topic"), { maxlength: 500, placeholder: t("room_topic_help") }),
  };
  const mode = choice(t("room_mode"), "mode", { open: t("mode_open"), announce: t("mode_announce") }, "open");
  const visibility = choice(t("room_visibility"), "visibility", { public: t("visibility_public"), private: t("visibility_private") }, "public");
  const trouble = h("p", { class: "trouble", role: "alert" });
  const key = keys();
  const submit = async () => {
    trouble.textContent = "";
    const id = fields.id.input.value.trim();
    const body = { name: fields.name.input.value.trim(), topic: fields.topic.input.value.trim(), mode: mode.value, visibility: visibility.value, ...(id && { id }) };
    try {
      const made = /** @type {RoomInfo} */ (await app.sidebar.server.call("POST", "/rooms", { body, key: key(body) }));
      el.close();
      app.sidebar.update(made);
      app.go(`/r/${made.id}`);
    } catch (err) {
      if (err instanceof ChatError && err.code === "room_exists") fields.id.complain(reason(err));
      else refused(err, fields, trouble);
    }
  };
  const el = dialog(t("create_room"), [fields.name.element, fields.id.element, fields.topic.element, mode.element, visibility.element, trouble, buttons(t("create"), submit)]);
  enterSubmits(el);
}

/** @param {App} app @param {{text?: string}} params */
export function announce(app, params) {
  const { room } = app;
  if (!room) return;
  const line = field(t("announce_text"), { rows: 4, autofocus: true, placeholder: t("announce_placeholder") }, t("announce_help", { room: room.info?.name || room.id }));
  line.input.value = params.text ?? "";
  const trouble = h("p", { class: "trouble", role: "alert" });
  const key = keys();
  const submit = async () => {
    trouble.textContent = "";
    const body = { message: line.input.value.trim() };
    try {
      const sent = await room.server.call("POST", `/rooms/${room.id}/broadcast`, { body, key: key(body) });
      el.close();
      app.view.toast(t("announce_sent", { n: sent.online }));
    } catch (err) {
      refused(err, { message: line }, trouble);
    }
  };
  const el = dialog(t("action_announce"), [line.element, trouble, buttons(t("send"), submit)]);
  enterSubmits(el);
}
