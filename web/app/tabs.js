// Several tabs of one person: what is chosen in one is chosen in all.

import { myself } from "./entrance.js";

/** @import {App} from "./main.js" */

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
  app.become(key !== "chatd:name");
}
