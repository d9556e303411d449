// What is seldom opened: one door to the dialogs, each loaded when it is needed,
// and their looks with the first of them.

import { h } from "../ui/dom.js";

/** @import {App} from "./main.js" */

/** @type {Promise<unknown> | undefined} */
let styled;

function looks() {
  styled ??= new Promise((done, fail) => {
    const onerror = () => {
      styled = undefined;
      fail(new TypeError("the looks of dialogs are no importable module")); // as import() would say it
    };
    document.head.append(h("link", { rel: "stylesheet", href: new URL("../style/dialogs.css", import.meta.url).href, onload: done, onerror }));
  });
  return styled;
}

/**
 * @param {App} app
 * @param {string} what
 * @param {any} params
 */
export async function open(app, what, params) {
  await looks();
  switch (what) {
    case "palette":
    case "search":
      return (await import("./palette.js")).openPalette(app, String(params.q ?? ""));
    case "menu":
      return (await import("./menu.js")).openMenu(app);
    case "person":
      return (await import("./person.js")).openPerson(app, params);
    case "sanction":
      return (await import("./sanction.js")).openSanction(app, params.kind, params.person, params.room);
    case "moderation":
      return (await import("./moderation.js")).openModeration(app, params.tab);
    case "create":
    case "announce":
      return (await import("./rooms.js"))[what](app, params);
    case "room":
      return (await import("./room-settings.js")).openRoomSettings(app);
    case "webhooks":
      return (await import("./webhooks.js")).openWebhooks(app);
    case "figures":
      return (await import("./figures.js")).openFigures(app);
    case "date":
      return (await import("./when.js")).openDate(app);
    case "settings":
      return (await import("./settings.js")).openSettings(app);
    case "keys":
      return (await import("./settings.js")).openKeys();
    case "embed":
      return (await import("./embed-tag.js")).openEmbed(app);
  }
}
