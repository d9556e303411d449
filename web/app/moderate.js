// What moderators do: by command, whom they mean; and what REST is asked for.

import { t } from "../i18n/dialogs.js";
import { newID } from "../sdk/room.js";
import { attempt } from "./attempt.js";

/** @import {App} from "./main.js" */
/** @import {Person} from "../sdk/protocol.js" */

/** Commands that name somebody. */
export const actions = new Set(["kick", "ban", "unban", "mute", "unmute", "clear"]);

/** @typedef {{id: number, who?: Person}} Sanction */

/**
 * /ban @Ana_Maria address 2h being rude: a name, for a ban the word "address",
 * for how long, and why.
 * @param {string} rest
 */
export function parse(rest) {
  const [, name = "", more = ""] = /^@?(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
  const [, address, amount, unit = "", reason = ""] = /^(address\b\s*)?(?:(\d{1,6})([smhd])(?:\s+|$))?([\s\S]*)$/.exec(more) ?? [];
  const seconds = Number(amount ?? 0) * ({ s: 1, m: 60, h: 3600, d: 86_400 }[unit] ?? 0);
  return { name, withAddress: Boolean(address), seconds, reason: reason.trim() };
}

/** As a mention writes it. @param {string} name */
const folded = (name) => name.trim().split(/\s+/).join("_").toLowerCase();

/**
 * Who is called so: an id, or the name of one who is here, or who wrote here.
 * @param {string} name @param {Iterable<Person>} here @param {Iterable<Person>} wrote
 * @returns {Person[]}
 */
export function find(name, here, wrote) {
  for (const people of [here, wrote]) {
    const found = new Map();
    for (const p of people) if (p.id === name || folded(p.name) === folded(name)) found.set(p.id, p);
    if (found.size > 0) return [...found.values()];
  }
  return [];
}

/**
 * What is laid on somebody, or on whoever comes from an address.
 * @typedef {object} Terms
 * @property {string} [address]
 * @property {boolean} [withAddress] of a ban: the addresses of the person, too
 * @property {number} [seconds] 0 is until it is lifted
 * @property {string} [reason]
 */

/** @typedef {"kick" | "mute" | "ban" | "address" | "clear"} Kind */

/**
 * Does it, and says so, with a way back where there is one.
 * @param {App} app
 * @param {string | undefined} room its id
 * @param {Kind} kind
 * @param {Person | undefined} person nobody where an address is banned
 * @param {Terms} [terms]
 */
export async function sanction(app, room, kind, person, { address, withAddress = false, seconds = 0, reason = "" } = {}) {
  const path = `/rooms/${room}`;
  const { server } = app.sidebar;
  const name = person?.name ?? address ?? "";
  const why = reason ? { reason } : {};
  if (kind === "clear") {
    const { deleted } = await server.call("DELETE", `${path}/messages`, { query: { from: person?.id } });
    app.view.toast(t("done_clear", { name, n: deleted }));
  } else if (kind === "kick") {
    await server.call("POST", `${path}/kicks`, { body: { who: person?.id, ...why }, key: newID() });
    app.view.toast(t("done_kick", { name }));
  } else {
    const under = kind === "mute" ? "mutes" : "bans";
    const whom = person ? { who: person.id, name, ...(withAddress && { with_address: true }) } : { address };
    const { id } = await server.call("POST", `${path}/${under}`, { body: { ...whom, seconds, ...why }, key: newID() });
    app.view.toast(t(kind === "mute" ? "done_mute" : "done_ban", { name }), { label: t("undo"), act: () => void attempt(app, () => lift(app, path, under, id)) });
  }
}

/** @param {App} app @param {string} path @param {"bans" | "mutes"} under @param {number} id */
export async function lift(app, path, under, id) {
  await app.sidebar.server.call("DELETE", `${path}/${under}/${id}`, { key: newID() });
  app.view.toast(t("lifted"), undefined, 2500);
}

/**
 * Does what a command says.
 * @param {App} app @param {string} action one of actions @param {string} rest
 * @returns {Promise<string | void>} what to tell the moderator beyond what was done
 */
export async function moderate(app, action, rest) {
  const path = `/rooms/${app.room?.id}`;
  const { server } = app.sidebar;
  const { name, ...terms } = parse(rest);
  if (!name) return t("whom", { name: action });
  if (action === "unban" || action === "unmute") {
    const kind = action === "unban" ? "bans" : "mutes";
    /** @type {Sanction[]} */
    const all = (await server.call("GET", `${path}/${kind}`, { query: { limit: 200 } }))[kind];
    const held = all.filter(({ who }) => who && find(name, [who], []).length > 0);
    if (held.length === 0) return t("nobody", { name });
    for (const { id } of held) await server.call("DELETE", `${path}/${kind}/${id}`, { key: newID() });
    return t(`done_${action}`, { name });
  }
  const found = find(name, app.room?.members.values() ?? [], app.view.timeline?.speakers() ?? []);
  if (!found[0]) return t("nobody", { name });
  if (found.length > 1) return t("several", { name, ids: found.map((p) => p.id).join(", ") });
  return sanction(app, app.room?.id, /** @type {Kind} */ (action), found[0], terms);
}
