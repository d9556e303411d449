// Making a room, changing it, announcing in it.

import { reason, t } from "../i18n/index.js";
import { ChatError, newID } from "../sdk/room.js";
import { h } from "../ui/dom.js";
import { choice, complain, dialog, enterSubmits, field } from "./dialog.js";

/** @import {App} from "./main.js" */
/** @import {RoomInfo} from "../sdk/protocol.js" */

/** Seconds of slow mode that one can choose. */
const slow = [0, 5, 10, 30, 60, 300];

/**
 * @param {App} app
 * @param {"create" | "room" | "announce"} what
 * @param {Record<string, unknown>} params
 */
export function openRoom(app, what, params) {
  if (what === "announce") return announce(app, String(params["text"] ?? ""));
  const room = what === "room" ? app.room?.info : undefined;
  const id = field(t("room_id"), { value: params["id"], placeholder: "design-team", maxlength: 64, autocapitalize: "none", spellcheck: "false", dir: "ltr" }, t("room_id_help"));
  const name = field(t("room_name"), { value: room?.name ?? "", maxlength: 100, autofocus: true });
  const topic = field(t("room_topic"), { value: room?.topic ?? "", maxlength: 500, placeholder: t("room_topic_help") });
  const mode = choice(t("room_mode"), "mode", { open: t("mode_open"), announce: t("mode_announce") }, room?.mode ?? "open");
  const visibility = choice(t("room_visibility"), "visibility", { public: t("visibility_public"), private: t("visibility_private") }, room?.visibility ?? "public");
  const slowest = h("select", {}, [...new Set([...slow, room?.slow_mode ?? 0])].sort((a, b) => a - b).map((s) => h("option", { value: s, selected: s === (room?.slow_mode ?? 0) }, s === 0 ? t("slow_off") : t("slow_seconds", { n: s }))));
  const trouble = h("p", { class: "trouble", role: "alert" });
  const key = newID();

  const attempt = async (/** @type {() => Promise<void>} */ act) => {
    trouble.textContent = "";
    try {
      await act();
      el.close();
    } catch (err) {
      if (!(err instanceof ChatError)) throw err;
      if (!complain(err, { id, name, topic })) trouble.textContent = reason({ code: err.code, detail: err.message });
    }
  };
  const submit = () =>
    void attempt(async () => {
      const body = { name: name.input.value.trim(), topic: topic.input.value.trim(), mode: mode.value, visibility: visibility.value, slow_mode: Number(slowest.value) };
      if (room) {
        app.sidebar.update(await app.sidebar.server.call("PATCH", `/rooms/${room.id}`, { body, key: newID() }));
        return;
      }
      const wanted = id.input.value.trim();
      const made = /** @type {RoomInfo} */ (await app.sidebar.server.call("POST", "/rooms", { body: { ...body, ...(wanted ? { id: wanted } : {}) }, key }));
      app.sidebar.update(made);
      app.go(`/r/${made.id}`);
      if (app.room?.state === "stopped") void app.room.join().catch(() => {});
    });

  const manage = room ? management(app, room, attempt) : [];
  const el = dialog(room ? t("action_room") : t("create_room"), [
    name.element,
    room ? null : id.element,
    topic.element,
    mode.element,
    visibility.element,
    h("label", { class: "field" }, h("span", {}, t("room_slow")), slowest),
    trouble,
    h("div", { class: "buttons" }, manage, h("button", { type: "button", class: "plain", onclick: () => el.close() }, t("cancel")), h("button", { type: "button", class: "primary", onclick: submit }, room ? t("save") : t("create"))),
  ]);
  enterSubmits(el, submit);
}

/** @param {App} app @param {RoomInfo} room @param {(act: () => Promise<void>) => Promise<void>} attempt */
function management(app, room, attempt) {
  const { server } = app.sidebar;
  const archive = () =>
    void attempt(async () => {
      app.sidebar.update(await server.call("PATCH", `/rooms/${room.id}`, { body: { archived: !room.archived }, key: newID() }));
    });
  const remove = () => {
    const sure = dialog(t("delete_room"), [
      h("p", {}, t("delete_room_sure", { room: room.name || room.id })),
      h("div", { class: "buttons" },
        h("button", { type: "button", class: "plain", autofocus: true, onclick: () => sure.close() }, t("cancel")),
        h("button", { type: "button", class: "danger", onclick: () => {
          sure.close();
          void attempt(async () => {
            await server.call("DELETE", `/rooms/${room.id}`, { key: newID() });
            app.sidebar.merge({ type: "rooms", removed: [room.id] });
            app.go("/r/lobby");
          });
        } }, t("delete_room"))),
    ]);
  };
  return [
    room.id !== "lobby" && h("button", { type: "button", class: "danger", onclick: remove }, t("delete_room")),
    h("button", { type: "button", class: "plain start", onclick: archive }, room.archived ? t("unarchive") : t("archive")),
  ];
}

/** @param {App} app @param {string} text */
function announce(app, text) {
  const room = app.room;
  if (!room) return;
  const line = field(t("announce_text"), { rows: 4, autofocus: true });
  line.input.value = text;
  const key = newID();
  const submit = async () => {
    try {
      const sent = await room.server.call("POST", `/rooms/${room.id}/broadcast`, { body: { message: line.input.value.trim() }, key });
      el.close();
      app.view.toast(t("announce_sent", { n: sent.online }));
    } catch (err) {
      if (!(err instanceof ChatError)) throw err;
      line.complain(err.errors[0]?.detail ?? reason({ code: err.code, detail: err.message }));
    }
  };
  const el = dialog(t("action_announce"), [
    line.element,
    h("div", { class: "buttons" }, h("button", { type: "button", class: "plain", onclick: () => el.close() }, t("cancel")), h("button", { type: "button", class: "primary", onclick: () => void submit() }, t("send"))),
  ]);
}
