// What stands in the place of a room that one cannot be in, and what to do then.

import { sanction, t } from "../i18n/index.js";
import { h } from "./dom.js";

/** @import {Room} from "../sdk/room.js" */

/**
 * @typedef {object} CardHooks
 * @property {boolean} whole there is a page around that can sign in and make rooms
 * @property {() => void} again joins again
 * @property {() => void} create
 * @property {() => void} signIn
 */

/**
 * @param {Room} room
 * @param {{code: number, reason: string}} shut the close code and its reason, `code: detail`
 * @param {CardHooks} hooks
 */
export function shutCard(room, { code, reason }, { whole, again, create, signIn }) {
  const [, name = "", detail = reason] = /^(\w+): (.*)$/s.exec(reason) ?? [];
  const retry = button(t("try_again"), again);
  switch (code) {
    case 4100:
      return card(t(name === "room_full" ? "room_full_title" : "full_title"), [t("full_text")], button(t("try_now"), again));
    case 4004:
      return card(t("not_found_title"), [t("not_found_text", { room: room.id })], whole ? button(t("create_it"), create) : retry);
    case 4009: {
      const { until, why } = sanction(detail);
      const over = until ? t("banned_until", { time: until }) : name === "banned" ? t("banned_text") : t("kicked_text");
      return card(t(name === "banned" ? "banned_title" : "kicked_title"), [over, why && h("q", { dir: "auto" }, why)], retry);
    }
    case 4001: {
      const chat = h("a", { class: "primary", href: `${room.server.origin}/r/${encodeURIComponent(room.id)}`, target: "_blank", rel: "noopener" }, t("open_chat"));
      return card(t("signin_title"), [t("signin_text")], ...(whole ? [button(t("settings"), signIn)] : [retry, chat]));
    }
    case 4003:
      return card(t("forbidden_title"), [t("forbidden_text")], retry);
    default:
      return card(t("closed_title"), [detail || t("closed_text")], retry);
  }
}

/** @param {string} title @param {(Node | string)[]} text @param {Node[]} actions */
function card(title, text, ...actions) {
  return h("div", { class: "card", role: "alert" }, h("h2", {}, title), text.filter(Boolean).map((line) => h("p", {}, line)), h("div", { class: "actions" }, actions));
}

/** @param {string} label @param {() => void} act */
const button = (label, act) => h("button", { type: "button", class: "primary", onclick: act }, label);
