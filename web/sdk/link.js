// One room's socket, kept open: it comes back after a loss, at once or after a
// while, as the close code says.

import { ChatError } from "./rest.js";

/** @import {ServerFrame} from "./protocol.js" */

/** A connection that stood so long was good: the next loss starts anew. */
const STEADY = 5_000;
/** How long an attempt may take until the first frame. */
const OPENING = 15_000;
/** How long an answer may take before a ping asks whether anything arrives. */
const ANSWER = 7_500;
/** How long it may be quiet after a ping. */
const QUIET = 7_500;
/** The same after a wake. */
const QUIET_SOON = 4_000;
/** How long a pong may take behind all else that arrives. */
const PONG = 15_000;

/**
 * What to do after a close: never come back, or after how many milliseconds.
 * @param {number} code of RFC 6455
 * @param {string} reason may hold seconds to spread over
 * @param {number} attempt 0 for the first after a good connection
 * @param {number} [chance] in [0, 1)
 */
export function plan(code, reason, attempt, chance = Math.random()) {
  if (code === 1008 || (code >= 4000 && code < 4100)) return { stop: true, wait: 0 };
  const backoff = Math.min(500 * 2 ** attempt, 15_000) * (0.5 + chance / 2);
  if (code === 1012 && attempt === 0) {
    const spread = Number(/(\d+(?:\.\d+)?)\D*$/.exec(reason)?.[1] ?? 0);
    return { stop: false, wait: spread > 0 ? Math.min(spread, 60) * 1000 * chance : backoff };
  }
  if (code === 1013 || (code >= 4100 && code < 4200)) {
    return { stop: false, wait: Math.min(4000 * 2 ** attempt, 60_000) * (0.5 + chance / 2) };
  }
  if (code >= 4200 && code < 4300 && attempt === 0) return { stop: false, wait: 0 };
  return { stop: false, wait: backoff };
}

/**
 * @typedef {object} LinkHandlers
 * @property {() => {url: string, protocols: string[]} | Promise<{url: string, protocols: string[]}>} target asked before every attempt
 * @property {(frame: ServerFrame) => void} onframe
 * @property {() => number} owed since when the server owes an answer, 0 if it owes none
 * @property {(state: LinkState, info: {wait: number, code: number, reason: string}) => void} onstate
 * @property {(code: number, reason: string) => void} onstop the server does not want it back
 * @property {() => Promise<ChatError | undefined>} why asked when a socket did not open: what REST says
 */

/** @typedef {"idle" | "connecting" | "open" | "waiting" | "stopped"} LinkState */

export class Link {
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pulse;
  /** Ends an attempt that comes to nothing. @type {ReturnType<typeof setTimeout> | undefined} */
  #opening;
  #attempt = 0;
  #startedAt = 0;
  #openedAt = 0;
  #heardAt = 0;
  /** When the ping was sent that has no pong yet, 0 if there is none. */
  #pingedAt = 0;
  #pongedAt = 0;
  #patience = QUIET;
  #round = 0;
  #handlers;

  /** @param {LinkHandlers} handlers */
  constructor(handlers) {
    /** @type {LinkState} */
    this.state = "idle";
    this.#handlers = handlers;
  }

  open() {
    if (this.state === "idle" || this.state === "stopped") void this.#connect();
  }

  close() {
    this.#drop();
    this.#set("idle");
  }

  /** Tries now instead of later: the network or the user is back. */
  wake() {
    const stale = this.state === "connecting" && Date.now() - this.#startedAt > QUIET_SOON;
    if (this.state === "waiting" || stale) void this.#connect();
    else if (this.state === "open") this.#ping(QUIET_SOON);
  }

  /** Closes and opens again, as somebody else. */
  restart() {
    this.#drop();
    void this.#connect();
  }

  /** Closes and opens again, as after a loss: something is missing. */
  resume() {
    this.#lost(this.#socket, 4200, "");
  }

  /** Sends a frame, if it can be sent. @param {object} frame */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /**
   * Watches over the connection from now on.
   * @param {number} seconds between two pings of the server
   */
  heartbeat(seconds) {
    clearInterval(this.#pulse);
    this.#pulse = setInterval(() => this.#watch(seconds * 1000), 1000);
  }

  /**
   * Pings where nothing comes any more, and where an answer does not: what else
   * arrives tells nothing of what was sent. Without a pong the connection is given up.
   * @param {number} beat
   */
  #watch(beat) {
    const now = Date.now();
    const owed = this.#handlers.owed();
    if (this.#pingedAt) {
      if (now - Math.max(this.#heardAt, this.#pingedAt) >= this.#patience || now - this.#pingedAt >= PONG) this.#lost(this.#socket, 4202, "");
    } else if (now - this.#heardAt >= beat || (owed && now - Math.max(owed, this.#pongedAt) >= ANSWER)) this.#ping(QUIET);
  }

  /** @param {number} patience */
  #ping(patience) {
    this.#patience = patience;
    if (!this.#pingedAt && this.send({ type: "ping" })) this.#pingedAt = Date.now();
  }

  async #connect() {
    this.#drop();
    this.#startedAt = Date.now();
    this.#set("connecting");
    const round = this.#round;
    // A network that swallows everything refuses nothing either.
    this.#opening = setTimeout(() => this.#retry(1006, ""), OPENING);
    let socket;
    try {
      const { url, protocols } = await this.#handlers.target();
      if (round !== this.#round) return;
      socket = new WebSocket(url, protocols);
    } catch {
      if (round === this.#round) this.#retry(1006, "");
      return;
    }
    this.#socket = socket;
    let heard = false;
    socket.onopen = () => {
      this.#openedAt = this.#heardAt = Date.now();
      if (socket === this.#socket) this.#set("open");
    };
    socket.onmessage = (event) => {
      if (socket !== this.#socket) return;
      this.#heardAt = Date.now();
      clearTimeout(this.#opening);
      heard = true;
      let frame;
      try {
        frame = JSON.parse(event.data);
      } catch {
        return; // a frame of a protocol that this client does not know
      }
      if (frame.type === "pong") {
        this.#pingedAt = 0;
        this.#pongedAt = this.#heardAt;
      }
      this.#handlers.onframe(frame);
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket) return;
      if (heard || event.code !== 1006) this.#lost(socket, event.code, event.reason);
      else void this.#refused(socket);
    };
  }

  /** @param {WebSocket} socket */
  async #refused(socket) {
    // A refusal by HTTP is hidden, a close frame can be lost. REST tells.
    const error = await this.#handlers.why();
    if (socket !== this.#socket) return;
    const reason = `${error?.code}: ${error?.message}`; // as a close frame would have told it
    if (error && [401, 403, 404, 410].includes(error.status)) {
      const code = error.code === "banned" ? 4009 : { 401: 4001, 403: 4003 }[error.status] ?? 4004;
      this.#stop(code, reason);
    } else if (error?.status === 429 || error?.status === 503) {
      this.#retry(4100, reason);
    } else {
      this.#retry(1006, "");
    }
  }

  /**
   * @param {WebSocket | undefined} socket
   * @param {number} code
   * @param {string} reason
   */
  #lost(socket, code, reason) {
    if (socket !== this.#socket) return;
    if (Date.now() - this.#openedAt > STEADY) this.#attempt = 0;
    if (plan(code, reason, 0).stop) this.#stop(code, reason);
    else if (code === 4203 && this.#attempt > 0) this.#stop(4001, reason); // there is no fresher token
    else this.#retry(code, reason);
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #retry(code, reason) {
    const { wait } = plan(code, reason, this.#attempt++);
    this.#drop();
    this.#timer = setTimeout(() => void this.#connect(), wait);
    this.#set("waiting", { wait, code, reason });
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #stop(code, reason) {
    this.#drop();
    this.#set("stopped", { wait: 0, code, reason });
    this.#handlers.onstop(code, reason);
  }

  #drop() {
    this.#round++;
    clearTimeout(this.#timer);
    clearTimeout(this.#opening);
    clearInterval(this.#pulse);
    this.#pingedAt = 0;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket && socket.readyState < WebSocket.CLOSING) socket.close();
  }

  /** @param {LinkState} state */
  #set(state, info = { wait: 0, code: 0, reason: "" }) {
    this.state = state;
    this.#handlers.onstate(state, info);
  }
}
