// All that can be set about a room.

import { t } from "../i18n/dialogs.js";
import { newID } from "../sdk/room.js";
import { h } from "../ui/dom.js";
import { attempt } from "./attempt.js";
import { buttons, choice, dialog, enterSubmits, field, refused } from "./dialog.js";
import { count, duration } from "./quantity.js";

/** @import {App} from "./main.js" */
/** @import {RoomInfo} from "../sdk/protocol.js" */
/** @typedef {RoomInfo & {max_members?: number, embed_origins?: string[]}} Settings */

/** @param {App} app */
export async function openRoomSettings(app) {
  const id = app.room?.id ?? "";
  const { server } = app.sidebar;
  /** @type {Settings | undefined} what is set now, by whoever set it */
  let room;
  await attempt(app, async () => {
    room = await server.call("GET", `/rooms/${id}`);
  });
  if (room) show(app, room);
}

/** @param {App} app @param {Settings} room */
function show(app, room) {
  const { server } = app.sidebar;
  const fields = {
    name: field(t("room_name"), { value: room.name, maxlength: 100, autofocus: true }),
    topic: field(t("room_topic"), { value: room.topic, maxlength: 500, placeholder: t("room_topic_help") }),
    max_members: count(t("max_members"), room.max_members ?? 0, t("people_unit"), t("max_members_help")),
    slow_mode: duration(t("room_slow"), room.slow_mode, t("slow_help"), { placeholder: t("slow_off") }),
    "retention.seconds": duration(t("keep_time"), room.retention.seconds ?? 0, t("keep_time_help"), { placeholder: t("forever"), unit: "days" }),
    "retention.count": count(t("keep_count"), room.retention.count ?? 0, t("messages_unit"), t("keep_count_help")),
    embed_origins: field(t("embed_origins"), { rows: 3, dir: "ltr", spellcheck: "false", autocapitalize: "none", placeholder: "https://example.com" }, t("embed_origins_help")),
  };
  fields.embed_origins.input.value = (room.embed_origins ?? []).join("\n");
  const mode = choice(t("room_mode"), "mode", { open: t("mode_open"), announce: t("mode_announce") }, room.mode);
  const visibility = choice(t("room_visibility"), "visibility", { public: t("visibility_public"), private: t("visibility_private") }, room.visibility);
  const trouble = h("p", { class: "trouble", role: "alert" });

  const retention = () => {
    const [seconds, most] = [fields["retention.seconds"].value, fields["retention.count"].value];
    return { ...(seconds && { seconds }), ...(most && { count: most }) };
  };
  // What would be gone for good is said before.
  const warning = h("p", { class: "warning", role: "status", hidden: true }, t("keep_warning"));
  const warn = () => {
    const now = retention();
    warning.hidden = !(tighter(now.seconds, room.retention.seconds) || tighter(now.count, room.retention.count));
  };
  for (const f of [fields["retention.seconds"], fields["retention.count"]]) f.element.addEventListener("input", warn);

  const save = async () => {
    trouble.textContent = "";
    const all = {
      name: fields.name.input.value.trim(),
      topic: fields.topic.input.value.trim(),
      mode: mode.value,
      visibility: visibility.value,
      slow_mode: fields.slow_mode.value,
      max_members: fields.max_members.value,
      retention: retention(),
      embed_origins: fields.embed_origins.input.value.split(/[\s,]+/).filter(Boolean),
    };
    for (const f of Object.values(fields)) f.complain("");
    const odd = Object.values(fields).filter((f) => "value" in f && Number.isNaN(f.value));
    for (const f of odd) f.complain(t("not_a_number"));
    if (odd[0]) return odd[0].input.focus();
    // Only what was changed here: the rest may have been changed by others meanwhile.
    const old = { ...room, max_members: room.max_members ?? 0, embed_origins: room.embed_origins ?? [] };
    const body = Object.fromEntries(Object.entries(all).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(/** @type {any} */ (old)[name])));
    try {
      if (Object.keys(body).length > 0) app.sidebar.update(await server.call("PATCH", `/rooms/${room.id}`, { body, key: newID() }));
    } catch (err) {
      return refused(err, fields, trouble);
    }
    el.close();
    if (Object.keys(body).length > 0) app.view.toast(t("saved"), undefined, 2500);
  };

  const el = dialog(t("action_room"), [
    section("section_about", fields.name.element, fields.topic.element),
    section("section_who", mode.element, visibility.element, fields.max_members.element),
    section("section_pace", fields.slow_mode.element, fields["retention.seconds"].element, fields["retention.count"].element, warning),
    section("section_elsewhere", fields.embed_origins.element),
    section("section_end", ending(app, room, () => el.close())),
    h("div", { class: "foot" }, trouble, buttons(t("save"), save)),
  ], { class: "long" });
  enterSubmits(el);
}

/** Whether a bound lets go of what the old one kept. @param {number | undefined} now @param {number | undefined} old */
const tighter = (now, old) => Boolean(now) && (!old || Number(now) < old);

/** @param {import("../i18n/dialogs.js").Key} title @param {...Node} content */
const section = (title, ...content) => h("section", {}, h("h3", {}, t(title)), content);

/** Archiving and deleting. @param {App} app @param {Settings} room @param {() => void} close */
function ending(app, room, close) {
  const { server } = app.sidebar;
  const archive = (/** @type {boolean} */ archived) =>
    attempt(app, async () => {
      app.sidebar.update(await server.call("PATCH", `/rooms/${room.id}`, { body: { archived }, key: newID() }));
      close();
      app.view.toast(t(archived ? "archived_toast" : "unarchived_toast"), { label: t("undo"), act: () => void archive(!archived) });
    });
  const remove = () => {
    const gone = async () => {
      await server.call("DELETE", `/rooms/${room.id}`, { key: newID() });
      sure.close();
      close();
      app.sidebar.merge({ type: "rooms", removed: [room.id] });
      app.go("/r/lobby");
      app.view.toast(t("deleted_toast_room"));
    };
    const sure = dialog(t("delete_room"), [h("p", { class: "lead" }, t("delete_room_sure", { room: room.name || room.id })), buttons(t("delete_room"), () => attempt(app, gone), { grave: true })], { class: "sanction" });
  };
  const row = (/** @type {string} */ text, /** @type {string} */ label, /** @type {string} */ look, /** @type {() => unknown} */ act) => h("div", { class: "act" }, h("p", {}, text), h("button", { type: "button", class: look, onclick: act }, label));
  return h("div", { class: "acts" },
    room.archived ? row(t("unarchive_text"), t("unarchive"), "plain", () => archive(false)) : row(t("archive_text"), t("archive"), "plain", () => archive(true)),
    room.id !== "lobby" && row(t("delete_room_text"), t("delete_room"), "danger", remove));
}
