// A list that the server gives page by page, looked at again while it is open.

import { t } from "../i18n/dialogs.js";
import { h } from "../ui/dom.js";
import { refused } from "./dialog.js";

const PAGE = 50;
/** What the server gives at once at most. */
const MOST = 200;

/** @template {{id: number}} T */
export class Pages {
  /** @type {T[]} */
  #items = [];
  /** @type {string | undefined} */
  #next;
  /** What is drawn, to leave alone what has not changed. */
  #drawn = "";
  #round = 0;
  #ask;
  #key;
  #draw;

  /**
   * @param {(query: {limit: number, cursor?: string | undefined}) => Promise<any>} ask
   * @param {string} key of the list in an answer
   * @param {(item: T, before: T | undefined) => Node | Node[]} draw
   * @param {Node} empty what stands there for nothing
   */
  constructor(ask, key, draw, empty) {
    this.#ask = ask;
    this.#key = key;
    this.#draw = draw;
    this.list = h("ul", { class: "pages" });
    this.empty = h("div", { hidden: true }, empty);
    this.more = h("button", { type: "button", class: "plain more", hidden: true, onclick: () => this.#page().catch((err) => refused(err, {}, this.below)) }, t("show_more"));
    this.bones = h("div", { class: "bones", "aria-hidden": "true" }, h("div"), h("div"), h("div"));
    this.below = h("p", { class: "trouble", role: "alert" });
    this.element = h("div", {}, this.bones, this.list, this.empty, this.more, this.below);
  }

  /** Asks for as much as is shown, or the server's most: what follows stays as it was. */
  async refresh() {
    const round = ++this.#round;
    const page = await this.#ask({ limit: Math.min(MOST, Math.max(PAGE, this.#items.length)) });
    if (round !== this.#round) return;
    /** @type {T[]} */
    const fresh = page[this.#key];
    const last = this.#items.findIndex((i) => i.id === fresh.at(-1)?.id);
    const rest = last < 0 || !page.next ? [] : this.#items.slice(last + 1);
    if (rest.length === 0) this.#next = page.next;
    this.#show([...fresh, ...rest]);
  }

  async #page() {
    const round = ++this.#round;
    const page = await this.#ask({ limit: PAGE, cursor: this.#next });
    if (round !== this.#round) return;
    this.#next = page.next;
    this.#show([...this.#items, ...page[this.#key]]);
  }

  /** @param {T[]} items */
  #show(items) {
    this.#items = items;
    this.bones.hidden = true;
    this.below.textContent = "";
    this.empty.hidden = items.length > 0;
    this.more.hidden = !this.#next;
    const now = JSON.stringify(items);
    if (now === this.#drawn) return;
    this.#drawn = now;
    const focused = /** @type {HTMLElement | null} */ (this.list.querySelector(":focus"));
    const buttons = [...this.list.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (focused));
    this.list.replaceChildren(...items.flatMap((item, i) => this.#draw(item, items[i - 1])));
    if (!focused) return;
    // Where the one is gone that had the keyboard, the next one has it.
    const after = [...this.list.querySelectorAll("button")];
    (after.find((b) => b.dataset["id"] === focused.dataset["id"]) ?? after[Math.min(at, after.length - 1)] ?? /** @type {HTMLElement | null} */ (this.element.closest('[role="tabpanel"]')))?.focus();
  }
}
