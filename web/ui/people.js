// Who is here: a list beside the room, or over it where there is little space.

import { number, t } from "../i18n/index.js";
import { h, hue, iconButton, initial } from "./dom.js";

/** @import {Room} from "../sdk/room.js" */
/** @import {Person} from "../sdk/protocol.js" */

/** Members that are listed by name. */
const LISTED = 100;

export class People {
  #drawn = "";

  /** @param {{onclose: () => void, onperson: (person: Person, beside: HTMLElement) => void}} hooks */
  constructor(hooks) {
    this.count = h("span");
    this.list = h("ul", { onkeydown: (/** @type {KeyboardEvent} */ e) => this.#key(e) });
    this.more = h("p", { class: "more" });
    this.onperson = hooks.onperson;
    this.element = h(
      "aside",
      { class: "people", part: "people", "aria-label": t("people"), hidden: true, onkeydown: (/** @type {KeyboardEvent} */ e) => e.key === "Escape" && hooks.onclose() },
      h("div", { class: "people-head" }, h("h2", {}, t("people")), this.count, iconButton("close", t("close"), hooks.onclose)),
      this.list,
      this.more,
    );
  }

  /** @param {Room} room */
  draw(room) {
    if (this.element.hidden) return;
    const people = [...room.members.values()].sort((a, b) => a.name.localeCompare(b.name)).slice(0, LISTED);
    this.count.textContent = number(room.online);
    const more = room.online - people.length;
    this.more.textContent = more > 0 ? t("more_people", { n: more }) : "";
    const now = JSON.stringify([room.you?.id, people]);
    if (now === this.#drawn) return;
    this.#drawn = now;
    const focused = this.#focused()?.dataset["id"];
    this.list.replaceChildren(...people.map((p, i) => h("li", {}, this.#entry(p, p.id === room.you?.id, i === 0))));
    if (focused !== undefined) (this.#entries().find((e) => e.dataset["id"] === focused) ?? this.#entries()[0])?.focus();
  }

  focus() {
    this.#entries()[0]?.focus();
  }

  /** @param {Person} p @param {boolean} you @param {boolean} first */
  #entry(p, you, first) {
    const content = [
      h("span", { class: "avatar small", "data-hue": hue(p.id), "aria-hidden": "true" }, initial(p.name)),
      h("span", { class: "name", dir: "auto" }, p.name),
      you && h("span", { class: "you" }, t("you")),
    ];
    const entry = h("button", { type: "button", "data-id": p.id, tabindex: first ? "0" : "-1", "aria-haspopup": "menu", onclick: () => this.onperson(p, entry) }, content);
    return entry;
  }

  #entries() {
    return [...this.list.querySelectorAll("button")];
  }

  #focused() {
    return this.#entries().find((e) => e.matches(":focus"));
  }

  /** Arrows go through the list, which is one stop of the Tab key. @param {KeyboardEvent} e */
  #key(e) {
    const entries = this.#entries();
    const at = entries.findIndex((b) => b.matches(":focus"));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[e.key];
    const next = to === undefined ? undefined : entries[to];
    if (!next) return;
    e.preventDefault();
    entries.forEach((b) => b.setAttribute("tabindex", b === next ? "0" : "-1"));
    next.focus();
  }
}
