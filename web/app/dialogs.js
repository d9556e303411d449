// What is seldom opened: one door to the dialogs, each loaded when it is needed.

/** @import {App} from "./main.js" */

/**
 * @param {App} app
 * @param {string} what
 * @param {Record<string, unknown>} params
 */
export async function open(app, what, params) {
  switch (what) {
    case "palette":
    case "search":
      return (await import("./palette.js")).openPalette(app, String(params["q"] ?? ""));
    case "menu":
      return (await import("./menu.js")).openMenu(app);
    case "create":
    case "room":
    case "announce":
      return (await import("./rooms.js")).openRoom(app, what, params);
    case "settings":
      return (await import("./settings.js")).openSettings(app);
    case "keys":
      return (await import("./settings.js")).openKeys();
    case "embed":
      return (await import("./settings.js")).openEmbed(app);
  }
}
