// The commands that the page understands.

import { reason, t } from "../i18n/index.js";
import { ChatError, newID } from "../sdk/room.js";
import { copyLink } from "./menu.js";
import { actions, moderate } from "./moderate.js";

/** @import {App} from "./main.js" */

/**
 * @param {App} app
 * @param {{name: string, rest: string}} command
 */
export async function run(app, { name, rest }) {
  const path = `/rooms/${app.room?.id}`;
  const { server } = app.sidebar;
  try {
    switch (name) {
      case "nick":
        return rest ? app.rename(rest) : app.open("settings");
      case "search":
        return app.open("palette", { q: rest });
      case "invite":
        return copyLink(app);
      case "help":
        return app.open("keys");
      case "announce":
        return app.open("announce", { text: rest });
      case "topic":
        return void (await server.call("PATCH", path, { body: { topic: rest }, key: newID() }));
      case "archive":
        return void (await server.call("PATCH", path, { body: { archived: true }, key: newID() }));
      case "lock":
      case "unlock":
        return void (await server.call("PATCH", path, { body: { mode: name === "lock" ? "announce" : "open" }, key: newID() }));
      default:
        if (actions.has(name)) return app.view.toast(await moderate(app, name, rest));
        app.view.toast(t("unknown_command", { name }));
    }
  } catch (err) {
    if (!(err instanceof ChatError)) throw err;
    app.view.toast(reason({ code: err.code, detail: err.message }));
  }
}
