// The tag that shows a room in another page, to be copied.

import { t } from "../i18n/dialogs.js";
import { h } from "../ui/dom.js";
import { buttons, choice, dialog, field } from "./dialog.js";

/** @import {App} from "./main.js" */

/** @param {App} app */
export function openEmbed(app) {
  const room = app.room?.id ?? "lobby";
  const theme = choice(t("theme"), "embed-theme", { auto: t("theme_auto"), light: t("theme_light"), dark: t("theme_dark") }, "auto", () => draw());
  const height = field(t("embed_height"), { type: "number", value: 480, min: 240, max: 2000, step: 20, inputmode: "numeric" });
  const code = h("code");
  /** Each part, and how it looks. @returns {[string, string][]} */
  const parts = () => [
    ["tag", "<script"], ["", " type="], ["value", '"module"'], ["", " src="], ["value", `"${location.origin}/embed.js"`], ["tag", "></script>"], ["", "\n"],
    ["tag", "<chat-room"], ["", "\n    room="], ["value", `"${room}"`],
    ...(theme.value === "auto" ? [] : /** @type {[string, string][]} */ ([["", "\n    theme="], ["value", `"${theme.value}"`]])),
    ["", "\n    style="], ["value", `"height: ${Number(height.input.value) || 480}px"`], ["tag", "></chat-room>"],
  ];
  const draw = () => code.replaceChildren(...parts().map(([look, text]) => h("span", { class: look }, text)));
  height.input.addEventListener("input", draw);
  const el = dialog(t("embed_title"), [
    h("p", { class: "lead" }, t("embed_text")),
    h("pre", { tabindex: "0", dir: "ltr" }, code),
    theme.element,
    height.element,
    buttons(t("copy"), async () => {
      await navigator.clipboard?.writeText(code.textContent ?? "").then(() => app.view.toast(t("copied"), undefined, 2500), () => {});
      el.close();
    }),
  ]);
  draw();
}
