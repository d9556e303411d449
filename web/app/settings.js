// Who one is and how the page looks; the keys.

import { t } from "../i18n/dialogs.js";
import { language, languages } from "../i18n/index.js";
import { h } from "../ui/dom.js";
import { commands } from "../ui/complete.js";
import { buttons, choice, dialog, enterSubmits, field } from "./dialog.js";
import { recall, remember } from "./memory.js";
import { signIn } from "./tabs.js";

/** @import {App} from "./main.js" */
/** @typedef {import("../i18n/dialogs.js").Key} Key */

/** @param {App} app */
export function openSettings(app) {
  const name = field(t("your_name"), { value: app.name, maxlength: 100, autocomplete: "nickname" });
  const token = field(t("token"), { type: "password", value: recall("credential") ?? "", dir: "ltr" }, t("token_help"));
  const save = () => {
    if (token.input.value.trim() !== (recall("credential") ?? "")) signIn(app, token.input.value.trim());
    const chosen = name.input.value.trim();
    if (chosen && chosen !== app.name) app.rename(chosen);
    el.close();
  };
  const theme = choice(t("theme"), "theme", { auto: t("theme_auto"), light: t("theme_light"), dark: t("theme_dark") }, recall("theme") ?? "auto", (v) => app.theme(v));
  const words = choice(t("language"), "language", languages, language, (v) => {
    remember("language", v);
    location.reload(); // drafts are kept
  });
  const el = dialog(t("settings"), [name.element, theme.element, words.element, notifications(), token.element, buttons(t("save"), save)]);
  enterSubmits(el);
}

function notifications() {
  if (!globalThis.Notification) return null;
  const help = h("small", {}, Notification.permission === "denied" ? t("notify_denied") : "");
  const box = h("input", {
    type: "checkbox",
    checked: recall("notify") === "on" && Notification.permission === "granted",
    onchange: async () => {
      // Asked only here, after a click.
      if (box.checked && (await Notification.requestPermission()) !== "granted") {
        box.checked = false;
        help.textContent = t("notify_denied");
      }
      remember("notify", box.checked ? "on" : undefined);
    },
  });
  return h("fieldset", { class: "field" }, h("legend", {}, t("notifications")), h("label", { class: "check" }, box, t("notify_on")), help);
}

export function openKeys() {
  const mod = /Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl";
  const list = (/** @type {[string, Key][]} */ rows) => h("dl", {}, rows.flatMap(([keys, what]) => [h("dt", {}, t(what)), h("dd", { dir: "ltr" }, keys.split(" ").map((k) => [h("kbd", {}, k), " "]).flat())]));
  dialog(t("keys_title"), [
    h("h3", {}, t("keys_everywhere")),
    list([[`${mod}+K`, "key_palette"], ["Alt+↑ Alt+↓", "key_rooms"], ["?", "key_help"]]),
    h("h3", {}, t("keys_composer")),
    list([["Enter", "key_send"], ["Shift+Enter", "key_newline"], ["↑", "key_edit_last"], ["@ : /", "key_complete"], ["Ctrl+↑", "key_to_messages"]]),
    h("h3", {}, t("keys_messages")),
    list([["↑ ↓", "key_move"], ["R", "key_reply"], ["+", "key_react"], ["E", "key_edit"], ["D", "key_delete"], ["C", "key_copy"], ["L", "key_link"], ["M", "key_menu"], ["Esc", "key_back"]]),
    h("h3", {}, t("keys_commands")),
    h("dl", {}, commands.flatMap((c) => [h("dt", {}, t(/** @type {Key} */ (`command_${c}`))), h("dd", {}, h("kbd", {}, `/${c}`))])),
  ]);
}
