// The log: who did what, to whom, when and why.

import { brief, known, sentence, t } from "../i18n/dialogs.js";
import { clock, dayName, dayOf, full } from "../i18n/index.js";
import { h, icon } from "../ui/dom.js";
import { attempt } from "./attempt.js";
import { choice } from "./dialog.js";
import { Pages } from "./pages.js";

/** @import {App} from "./main.js" */
/** @import {IconName} from "../ui/dom.js" */
/** @import {Person} from "../sdk/protocol.js" */
/** @typedef {{id: number, room: string, at: string, by: Person, action: string, who?: Person, seq?: number, count?: number, reason?: string, until?: string, detail?: string}} AuditRecord */

/** @type {Record<string, IconName>} */
const signs = { kick: "out", ban: "ban", unban: "unlock", mute: "mute", unmute: "unlock", delete: "trash", clear: "trash", "create-room": "plus", "update-room": "gear", "delete-room": "archive", "create-webhook": "hook", "update-webhook": "hook", "delete-webhook": "hook" };

export class Log {
  /** Whether all rooms' is shown. */
  #all = false;

  /** @param {App} app @param {string} room */
  constructor(app, room) {
    const { server } = app.sidebar;
    const empty = h("div", { class: "none" }, icon("shield"), h("h3", {}, t("no_log")), h("p", {}, t("no_log_text")));
    this.list = new Pages((query) => server.call("GET", this.#all ? "/audit" : `/rooms/${room}/audit`, { query }), "records", (/** @type {AuditRecord} */ r, before) => this.#draw(r, before), empty);
    const scope = choice(t("log_scope"), "log-scope", { here: t("log_here"), all: t("log_all") }, "here", (v) => {
      this.#all = v === "all";
      void attempt(app, () => this.list.refresh());
    });
    scope.element.hidden = true;
    scope.element.classList.add("bare");
    // Who may manage this room alone is not offered the others.
    void server.call("HEAD", "/audit", { query: { limit: 1 } }).then(() => (scope.element.hidden = false), () => {});
    this.element = h("div", { class: "log" }, scope.element, this.list.element);
  }

  refresh() {
    return this.list.refresh();
  }

  /** @param {AuditRecord} r @param {AuditRecord | undefined} before */
  #draw(r, before) {
    const key = `log_${r.action}`;
    const name = (/** @type {Person | undefined} */ p, /** @type {string} */ other) => h("b", { dir: "auto", title: p?.id }, p?.name || p?.id || other);
    const said = sentence(known(key) ? key : "log_other", { by: name(r.by, "?"), who: name(r.who, r.detail ?? "?"), n: r.count ?? 0, action: r.action });
    const link = r.seq && r.room && h("a", { href: `/r/${r.room}#${r.seq}`, onclick: (/** @type {Event} */ e) => /** @type {HTMLElement} */ (e.target).closest("dialog")?.close() }, `#${r.seq}`);
    const small = [this.#all && r.room && `${r.room}`, r.until ? t("until", { time: brief(r.until) }) : (r.action === "ban" || r.action === "mute") && t("no_end")].filter(Boolean).join(" · ");
    const detail = r.who || /(room|webhook)$/.test(r.action) ? r.detail : "";
    const day = (!before || dayOf(before.at) !== dayOf(r.at)) && h("li", { class: "day" }, dayName(r.at));
    return [
      ...(day ? [day] : []),
      h("li", { "data-id": r.id },
        icon(signs[r.action] ?? "more"),
        h("div", { class: "what" }, h("span", {}, said, link ? [" ", link] : ""), r.reason && h("q", { dir: "auto" }, r.reason), small && h("small", {}, small), detail && h("code", { dir: "ltr" }, detail)),
        h("time", { datetime: r.at, title: full(r.at) }, clock(r.at))),
    ];
  }
}
