// The commands of moderators: whom they mean, and what REST is asked for.

import { t } from "../i18n/index.js";
import { newID } from "../sdk/room.js";

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
 * @param {App} app @param {string} action @param {string} rest
 * @returns {Promise<string>} what to tell the moderator
 */
export async function moderate(app, action, rest) {
  const path = `/rooms/${app.room?.id}`;
  const { server } = app.sidebar;
  const { name, withAddress, seconds, reason } = parse(rest);
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
  const person = found[0];
  if (!person) return t("nobody", { name });
  if (found.length > 1) return t("several", { name, ids: found.map((p) => p.id).join(", ") });
  if (action === "clear") {
    const { deleted } = await server.call("DELETE", `${path}/messages`, { query: { from: person.id } });
    return t("done_clear", { name: person.name, n: deleted });
  }
  const why = reason ? { reason } : {};
  switch (action) {
    case "kick":
      await server.call("POST", `${path}/kicks`, { body: { who: person.id, ...why }, key: newID() });
      return t("done_kick", { name: person.name });
    case "mute":
      await server.call("POST", `${path}/mutes`, { body: { who: person.id, name: person.name, seconds, ...why }, key: newID() });
      return t("done_mute", { name: person.name });
    default:
      await server.call("POST", `${path}/bans`, { body: { who: person.id, name: person.name, with_address: withAddress, seconds, ...why }, key: newID() });
      return t("done_ban", { name: person.name });
  }
}
