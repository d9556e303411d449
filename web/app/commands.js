// The commands that the page understands.

import { t } from "../i18n/index.js";
import { newID } from "../sdk/room.js";
import { attempt } from "./attempt.js";
import { copyLink, lock } from "./menu.js";
import { actions, moderate } from "./moderate.js";

/** @import {App} from "./main.js" */

/**
 * @param {App} app
 * @param {{name: string, rest: string}} command
 */
export const run = (app, command) => attempt(app, () => obey(app, command));

/**
 * @param {App} app
 * @param {{name: string, rest: string}} command
 */
async function obey(app, { name, rest }) {
  const patch = (/** @type {object} */ body) => app.sidebar.server.call("PATCH", `/rooms/${app.room?.id}`, { body, key: newID() });
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
      return patch({ topic: rest });
    case "archive":
      return patch({ archived: true });
    case "lock":
    case "unlock":
      return lock(app, name === "lock");
  }
  if (!actions.has(name)) return app.view.toast(t("unknown_command", { name }));
  const more = await moderate(app, name, rest);
  if (more) app.view.toast(more);
}
