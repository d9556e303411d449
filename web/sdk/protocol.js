// The protocol as types. This module holds no code and is never loaded: others
// name its types in JSDoc only. docs/protocol.md tells the rules.

/** @typedef {{id: string, name: string}} Person */
/** @typedef {{count: number, me?: boolean}} Reaction */
/** @typedef {"read" | "post" | "moderate" | "manage"} Permission */

/**
 * A message in its newest state.
 * @typedef {object} Message
 * @property {number} seq names it in its room, and orders it
 * @property {number} rev the change that last touched it
 * @property {string} id its sender's own id for it
 * @property {"chat" | "announcement"} kind
 * @property {Person} from
 * @property {string} message the text; "" when deleted
 * @property {number} [reply_to]
 * @property {string} at RFC 3339
 * @property {string} [edited_at]
 * @property {boolean} [deleted]
 * @property {Record<string, Reaction>} [reactions] by emoji
 */

/**
 * @typedef {object} RoomInfo
 * @property {string} id
 * @property {string} name
 * @property {string} topic
 * @property {"open" | "announce"} mode
 * @property {"public" | "private"} visibility
 * @property {number} slow_mode seconds between two posts of one sender
 * @property {boolean} archived
 * @property {{seconds?: number, count?: number}} retention
 * @property {string} epoch
 * @property {number} rev the newest change
 * @property {number} online
 * @property {string} created_at
 * @property {number} [unread] messages after the caller's read mark, where the caller has one
 * @property {number} [mentions] of them, those that mention the caller
 * @property {number} [read] the caller's read mark
 */

/** @typedef {Person & {token?: string, may: Permission[], until?: string}} You until is when its credential ends */

/**
 * @typedef {object} Welcome
 * @property {"welcome"} type
 * @property {RoomInfo} room
 * @property {You} you
 * @property {string} epoch
 * @property {number} rev
 * @property {boolean} recovered
 * @property {Person[]} members
 * @property {number} online
 * @property {{message: number, frame: number}} limits
 * @property {number} heartbeat seconds
 * @property {number} [read] the identity's read mark
 */

/** @typedef {"chat" | "edit" | "delete" | "reactions"} ChangeType */

/**
 * A change of a message: the whole message as it is afterwards.
 * @typedef {Message & {type: ChangeType, prev?: number, by?: Person, emoji?: string, on?: boolean}} MessageFrame
 */

/** @typedef {{type: "room", rev: number, prev?: number, room: RoomInfo}} RoomFrame */
/** @typedef {{type: "ack", id: string, seq: number, rev: number, duplicate?: boolean}} Ack */
/** @typedef {{field: string, code: string, detail: string}} FieldError */
/** @typedef {{type: "error", code: string, detail: string, id?: string, retry_after?: number, errors?: FieldError[]}} ErrorFrame */
/** @typedef {{type: "presence", joined?: Person[], left?: Person[], count: number}} PresenceFrame */
/** @typedef {{type: "typing", who?: Person}} TypingFrame */
/** @typedef {{type: "unread", room: string, count: number, mentions: number, read: number}} UnreadFrame */
/** @typedef {{type: "rooms", created?: RoomInfo[], changed?: RoomInfo[], removed?: string[]}} RoomsFrame */
/** @typedef {{type: "pong"}} PongFrame */
/** @typedef {{type: "expiring", until: string}} ExpiringFrame */
/** @typedef {{type: "auth", id?: string, you: You}} AuthFrame */
/** @typedef {Welcome | ExpiringFrame | AuthFrame | MessageFrame | RoomFrame | Ack | ErrorFrame | PresenceFrame | TypingFrame | UnreadFrame | RoomsFrame | PongFrame} ServerFrame */

/** @typedef {{messages: Message[], next?: string}} MessageList */
/** @typedef {{rooms: RoomInfo[], next?: string}} RoomList */
/** @typedef {{members: Person[], online: number, next?: string}} MemberList */

export {};
