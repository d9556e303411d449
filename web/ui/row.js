// One message as a row of the timeline.

import { clock, full, reason, t } from "../i18n/index.js";
import { h, hue, icon, initial } from "./dom.js";
import { excerpt, onlyEmoji, parse, render } from "./markup.js";

/** @import {Message} from "../sdk/protocol.js" */
/** @import {Item} from "../sdk/outbox.js" */

/**
 * @typedef {object} RowView
 * @property {Message} message
 * @property {boolean} first it begins a group: it shows who and when
 * @property {boolean} mine
 * @property {string} [me] the reader's name
 * @property {Message} [quoted] the message that it answers, where known
 * @property {Item} [item] what is under way for it
 */

const MINUTES = 60_000;

/** Whether b is said in one breath with a. @param {Message | undefined} a @param {Message} b */
export function continues(a, b) {
  return (
    a !== undefined &&
    a.from.id === b.from.id &&
    a.from.name === b.from.name &&
    a.kind === b.kind &&
    b.kind === "chat" &&
    !b.reply_to &&
    Date.parse(b.at) - Date.parse(a.at) < 5 * MINUTES
  );
}

/** What a row looks like depends on this and nothing else. @param {RowView} v */
export const signature = ({ message: m, first, mine, me, quoted, item }) =>
  `${m.seq}.${m.rev}.${m.message.length}.${first}.${mine}.${me}.${quoted?.rev}.${item?.state}.${item?.type}.${item?.message?.length}` +
  (m.reactions ? JSON.stringify(m.reactions) : "");

/** @param {HTMLElement} row @param {RowView} view */
export function fillRow(row, view) {
  const { message, first, mine, item, quoted } = view;
  const text = item?.type === "edit" ? (item.message ?? "") : message.message;
  const deleted = message.deleted || item?.type === "delete";
  const failed = item?.state === "failed";
  row.className = [
    "row",
    first && "first",
    mine && "mine",
    message.kind === "announcement" && "announcement",
    item && item.state !== "acked" && !failed && "underway",
    failed && "failed",
    deleted && "deleted",
  ]
    .filter(Boolean)
    .join(" ");
  row.setAttribute("role", "article");
  row.setAttribute(
    "aria-label",
    `${message.from.name}: ${deleted ? t("deleted_message") : excerpt(text, 300)}, ${clock(message.at)}` + (failed ? `, ${t("not_sent")}` : ""),
  );

  const time = h("time", { datetime: message.at, title: full(message.at) }, clock(message.at));
  const body = h("div", { class: "body" });
  if (first) {
    const announcement = message.kind === "announcement";
    row.replaceChildren(
      h("span", { class: "avatar", "data-hue": hue(message.from.id), "aria-hidden": "true" }, announcement ? icon("horn") : initial(message.from.name)),
      h("div", { class: "meta" }, h("b", { class: "name", "data-hue": hue(message.from.id), dir: "auto" }, message.from.name), announcement && h("span", { class: "badge" }, t("announcement")), time),
      body,
    );
  } else {
    row.replaceChildren(time, body);
  }

  if (message.reply_to) body.append(quote(message.reply_to, quoted));
  if (deleted) body.append(h("p", { class: "gone" }, t("deleted_message")));
  else {
    const isMe = (/** @type {string} */ name) => fold(name) === fold(view.me ?? "");
    body.append(...render(parse(text), isMe));
    if (onlyEmoji(text)) body.classList.add("large");
    if (message.edited_at && !item) {
      const mark = h("span", { class: "edited", title: full(message.edited_at) }, t("edited"));
      const last = body.lastElementChild;
      (last?.tagName === "P" ? last : body).append(" ", mark);
    }
    if (message.reactions) body.append(reactionBar(message.reactions));
  }
  if (failed) body.append(failure(item));
}

/** The form in which the server compares names. @param {string} name */
const fold = (name) => name.trim().split(/\s+/).join("_").replace(/[.-]+$/, "").toLowerCase();

/** @param {number} seq @param {Message | undefined} quoted */
function quote(seq, quoted) {
  return h(
    "button",
    { type: "button", class: "quoted", "data-act": "jump", "data-to": seq, dir: "auto", tabindex: "-1" },
    quoted && h("b", { "data-hue": hue(quoted.from.id) }, quoted.from.name),
    h("span", {}, quoted ? (quoted.deleted ? t("deleted_message") : excerpt(quoted.message)) : t("earlier_message")),
  );
}

/** @param {NonNullable<Message["reactions"]>} reactions */
function reactionBar(reactions) {
  return h(
    "div",
    { class: "reactions" },
    Object.entries(reactions)
      .filter(([, r]) => r.count > 0)
      .map(([emoji, r]) =>
        h(
          "button",
          { type: "button", "data-act": "react", "data-emoji": emoji, "aria-pressed": String(Boolean(r.me)), "aria-label": t("reacted", { emoji, n: r.count }), tabindex: "-1" },
          emoji,
          h("span", {}, r.count),
        ),
      ),
  );
}

/** @param {Item} item */
function failure(item) {
  const act = (/** @type {string} */ name, /** @type {string} */ label) => h("button", { type: "button", class: "link", "data-act": name }, label);
  return h(
    "div",
    { class: "failure" },
    h("span", {}, t("not_sent_why", { why: item.error ? reason(item.error) : "" })),
    act("retry", t("retry")),
    act("copy", t("copy")),
    act("discard", t("discard")),
  );
}
