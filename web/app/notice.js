// Telling of a message when nobody looks at the page.

import { excerpt } from "../ui/markup.js";
import { recall, remember } from "./memory.js";

/** @import {App} from "./main.js" */
/** @import {Message} from "../sdk/protocol.js" */

/**
 * Of several tabs that hear a message, one tells.
 * @param {App} app
 * @param {Message} message
 */
export function notify(app, message) {
  const { room } = app;
  // The tab that gets the message's lock tells, and holds it until the others
  // have heard the message too; who hears it later finds it noted.
  void navigator.locks?.request(`chatd:note:${message.id}`, { ifAvailable: true }, async (lock) => {
    if (!lock || (recall("notified") ?? "") >= `${message.at} ${message.id}`) return;
    remember("notified", `${message.at} ${message.id}`);
    const note = new Notification(`${message.from.name} · ${room?.info?.name ?? ""}`, { body: excerpt(message.message), tag: `chatd:${room?.id}` });
    note.onclick = () => {
      focus();
      app.go(`/r/${room?.id}#${message.seq}`);
      note.close();
    };
    await new Promise((heard) => setTimeout(heard, 5000));
  });
}
