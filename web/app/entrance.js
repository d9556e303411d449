// The room that the address names, joined while the rest of the page is still on
// its way. What it says is kept until there is somebody to listen.

import { Room } from "../sdk/room.js";
import { recall } from "./memory.js";

/** The room that the address names, "" if none. */
export const named = () => decodeURIComponent(/^\/r\/([^/]+)/.exec(location.pathname)?.[1] ?? "");

/** Where one goes who names no room. */
export const usual = () => recall("room") ?? "lobby";

/** A name as the server takes it: nobody is locked out by what was pasted. @param {string} name */
export const called = (name) => [...name.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, " ")].slice(0, 100).join("").trim();

/** As whom one comes. */
export const myself = () => ({ name: called(recall("name") ?? "") || undefined, token: recall("credential") ?? recall("token") });

/** @param {string} id */
export const makeRoom = (id, held = false) => new Room(id, { ...myself(), history: 50, inbox: true, held });

// Words and formats take a while to make: now, while there is nothing to do.
void import("../i18n/index.js");

/** @type {Room | undefined} */
let first = makeRoom(named() || usual(), true);
void first.join().catch(() => {}); // the room tells

/** The room that is joined already, if it is this one, and only once. @param {string} id */
export function takeFirst(id) {
  const room = first;
  first = undefined;
  if (room?.id === id) return room;
  room?.leave();
  return undefined;
}
