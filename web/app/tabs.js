// Coming as somebody else, here or in another tab of the same person: what is
// chosen in one is chosen in all.

import { myself } from "./entrance.js";
import { recall, remember } from "./memory.js";

/** @import {App} from "./main.js" */

/** Comes as whoever a token makes one; "" is a guest again. @param {App} app @param {string} credential */
export function signIn(app, credential) {
  remember("credential", credential);
  app.token = credential || recall("token");
  anew(app);
}

/** Begins anew: to somebody else, other things are unread, and their own. @param {App} app */
function anew(app) {
  app.kept.clear();
  app.sidebar.rooms.clear();
  if (app.room) app.room.cursor = undefined;
  app.become();
}

/**
 * Follows another tab.
 * @param {App} app
 * @param {StorageEvent} change of what the page remembers
 */
export function follow(app, { key, oldValue, newValue }) {
  const half = app.half.get(key?.split("draft:")[1] ?? "");
  if (half && half.draft === oldValue) half.draft = newValue ?? ""; // it was gone on with there
  if (key === "chatd:theme") app.theme(newValue ?? "auto");
  if (key !== "chatd:name" && key !== "chatd:credential") return;
  const { name, token } = myself();
  app.name = name ?? "";
  app.token = token;
  if (key === "chatd:name") app.become();
  else anew(app);
}
