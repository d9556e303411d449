// Whom a room tells what happens in it: its webhooks, and how they fare.

import { brief, t } from "../i18n/dialogs.js";
import { reason } from "../i18n/index.js";
import { ChatError, newID } from "../sdk/room.js";
import { h, icon } from "../ui/dom.js";
import { buttons, check, dialog, enterSubmits, field, refused, whileOpen } from "./dialog.js";
import { Pages } from "./pages.js";
import { keys } from "./rooms.js";

/** @import {App} from "./main.js" */
/** @import {Key} from "../i18n/dialogs.js" */
/** @import {Person} from "../sdk/protocol.js" */
/** @typedef {{id: number, name?: string, url: string, events: Event[], secret?: string, by: Person, at: string, enabled: boolean, disabled?: "paused" | "gone" | "failing", pending: number, called_at?: string, status?: number, failure?: string, failures?: number, failing_since?: string, next_try?: string}} Webhook */
/** @typedef {typeof events[number]} Event */

/** What a webhook may be told of, and of the first three it is if nothing else is said. */
const events = /** @type {const} */ (["message", "edit", "delete", "member.joined", "member.left"]);

/** How often the list is looked at again. */
const REFRESH = 4000;

/** Where the server's count of what waits ends. */
const MANY = 1000;

/** @param {App} app */
export function openWebhooks(app) {
  const { server } = app.sidebar;
  const path = `/rooms/${app.room?.id}/webhooks`;
  const trouble = h("p", { class: "trouble", role: "alert" });
  const told = h("p", { class: "told", role: "status" });

  /** Does something about the list, and shows what became of it. @param {() => Promise<unknown>} [act] */
  const attempt = async (act) => {
    try {
      await act?.();
      await list.refresh();
      trouble.textContent = "";
    } catch (err) {
      if (!(err instanceof ChatError)) throw err;
      trouble.textContent = reason(err);
    }
  };
  const test = async (/** @type {Webhook} */ w) => {
    told.textContent = t("hook_testing", { name: called(w) });
    const answer = await server.call("POST", `${path}/${w.id}/test`).catch((err) => {
      told.textContent = "";
      throw err;
    });
    told.textContent = t(answer.accepted ? "hook_test_ok" : "hook_test_bad", { name: called(w), status: answer.status ?? "", ms: answer.took_ms, why: answer.failure ?? "" });
  };
  const enable = (/** @type {Webhook} */ w, /** @type {boolean} */ enabled) => server.call("PATCH", `${path}/${w.id}`, { body: { enabled }, key: newID() });
  const remove = (/** @type {Webhook} */ w) => {
    const gone = async () => {
      sure.close();
      await attempt(() => server.call("DELETE", `${path}/${w.id}`, { key: newID() }));
    };
    const sure = dialog(t("hook_remove"), [h("p", { class: "lead" }, t("hook_remove_sure", { name: called(w) })), buttons(t("hook_remove"), gone, { grave: true })], { class: "sanction" });
  };

  const draw = (/** @type {Webhook} */ w) => {
    const button = (/** @type {Key} */ label, /** @type {string} */ look, /** @type {() => unknown} */ act) =>
      h("button", { type: "button", class: look, "data-id": `${w.id} ${label}`, "aria-label": `${t(label)}: ${called(w)}`, onclick: act }, t(label));
    return h("li", { class: "hook" },
      h("div", { class: "hook-head" }, h("b", { dir: "auto" }, called(w)), h("span", { class: `state ${state(w)}` }, t(`hook_${state(w)}`))),
      h("code", { dir: "ltr" }, w.url),
      h("small", {}, w.events.map((e) => t(`hook_${e}`)).join(" · ")),
      h("small", {}, facts(w).join(" · ")),
      w.failure && h("q", { dir: "auto" }, w.failure),
      h("div", { class: "hook-acts" },
        button("hook_test", "plain", () => void attempt(() => test(w))),
        button(w.enabled ? "hook_pause" : "hook_resume", "plain", () => void attempt(() => enable(w, !w.enabled))),
        button("hook_remove", "danger", () => remove(w))));
  };
  const empty = h("div", { class: "none" }, icon("hook"), h("h3", {}, t("no_hooks")), h("p", {}, t("no_hooks_text")));
  const list = new Pages(() => server.call("GET", path), "webhooks", draw, empty);
  const add = h("button", { type: "button", class: "primary", onclick: () => openAdd(app, path, attempt) }, t("hook_add"), "…");
  const el = dialog(t("hooks_title", { room: app.room?.info?.name || app.room?.id || "" }), [trouble, told, list.element, h("div", { class: "buttons" }, add)], { class: "wide hooks" });
  whileOpen(el, REFRESH, () => attempt());
  void attempt();
}

/** @param {Webhook} w */
const called = (w) => w.name || new URL(w.url).host;

/** @param {Webhook} w */
const state = (w) => (w.disabled === "failing" ? "given_up" : w.disabled ?? (w.failures ? "failing" : "on"));

/** How it fares, in few words. @param {Webhook} w */
function facts(w) {
  return [
    w.called_at ? t(w.status ? "hook_called" : "hook_called_unanswered", { status: String(w.status), time: brief(w.called_at) }) : t("hook_never"),
    w.failing_since && t("hook_since", { time: brief(w.failing_since) }),
    w.enabled && w.next_try && t("hook_next", { time: brief(w.next_try) }),
    w.pending >= MANY ? t("hook_pending_many", { n: MANY }) : w.pending > 0 && t("hook_pending", { n: w.pending }),
    t("by_whom", { name: w.by.name }),
  ].filter(Boolean);
}

/** @param {App} app @param {string} path @param {() => Promise<void>} refresh */
function openAdd(app, path, refresh) {
  const url = field(t("hook_url"), { type: "url", dir: "ltr", maxlength: 2000, placeholder: "https://example.com/chat", autofocus: true, spellcheck: "false", autocapitalize: "none" }, t("hook_url_help"));
  const name = field(t("room_name"), { maxlength: 100, placeholder: t("hook_name_help") });
  const boxes = events.map((e, i) => ({ e, ...check(t(`hook_${e}`), { checked: i < 3 }) }));
  const wrong = h("small", { class: "error", role: "alert" });
  const chosen = {
    input: boxes[0]?.input ?? wrong,
    complain: (/** @type {string} */ text) => {
      wrong.textContent = text;
    },
  };
  const trouble = h("p", { class: "trouble", role: "alert" });
  const key = keys();
  const submit = async () => {
    trouble.textContent = "";
    const body = { url: url.input.value.trim(), name: name.input.value.trim(), events: boxes.filter((b) => b.input.checked).map((b) => b.e) };
    // None at all would be the server's choice, not the reader's.
    chosen.complain(body.events.length === 0 ? t("bad_events") : "");
    if (body.events.length === 0) return chosen.input.focus();
    try {
      const made = /** @type {Webhook} */ (await app.sidebar.server.call("POST", path, { body, key: key(body) }));
      el.close();
      openSecret(made.secret ?? "");
      await refresh();
    } catch (err) {
      refused(err, { url, name, events: chosen }, trouble);
    }
  };
  const el = dialog(t("hook_add"), [
    url.element,
    name.element,
    h("fieldset", { class: "field" }, h("legend", {}, t("hook_events")), h("div", { class: "checks" }, boxes.map((b) => b.element)), wrong),
    trouble,
    buttons(t("hook_add"), submit),
  ], { class: "sanction" });
  enterSubmits(el);
}

/** Shows what the server shows but once. @param {string} secret */
function openSecret(secret) {
  const copy = h("button", { type: "button", class: "primary", autofocus: true, onclick: async () => {
    await navigator.clipboard?.writeText(secret).then(() => (copy.textContent = t("copied")), () => {});
  } }, t("copy"));
  const el = dialog(t("hook_secret"), [
    h("p", { class: "lead" }, t("hook_secret_text")),
    h("pre", { tabindex: "0", dir: "ltr", "aria-label": t("hook_secret") }, h("code", {}, secret)),
    h("p", { class: "verify" }, t("hook_verify")),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "plain", onclick: () => el.close() }, t("close")), copy),
  ], { class: "sanction", firm: true });
}
