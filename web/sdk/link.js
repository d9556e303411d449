// One room's socket, kept open: it comes back after a loss, at once or after a
// while, as the close code says.

import { ChatError } from "./rest.js";

/** @import {ServerFrame} from "./protocol.js" */

/** A connection that stood so long was good: the next loss starts anew. */
const STEADY = 5_000;

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
 * @property {(state: LinkState, info: {wait: number, code: number}) => void} onstate
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
  #attempt = 0;
  #openedAt = 0;
  #heardAt = 0;
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
    if (this.state === "waiting") void this.#connect();
    else if (this.state === "open") this.#ping();
  }

  /** Closes and opens again, as after a loss. */
  restart() {
    this.#drop();
    void this.#connect();
  }

  /** @param {object} frame */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /**
   * Asks for a sign of life when none came for as long as the server pings.
   * @param {number} seconds
   */
  heartbeat(seconds) {
    clearInterval(this.#pulse);
    this.#pulse = setInterval(() => {
      if (Date.now() - this.#heardAt >= seconds * 1000) this.#ping();
    }, seconds * 500);
    // A timer of Node's must not keep its process alive.
    /** @type {any} */ (this.#pulse)?.unref?.();
  }

  #ping() {
    const socket = this.#socket;
    const asked = Date.now();
    if (!this.send({ type: "ping" })) return;
    const timer = setTimeout(() => {
      if (socket === this.#socket && this.#heardAt < asked) this.#lost(socket, 4202, "");
    }, 10_000);
    /** @type {any} */ (timer)?.unref?.();
  }

  async #connect() {
    this.#drop();
    this.#set("connecting");
    const round = this.#round;
    const { url, protocols } = await this.#handlers.target();
    if (round !== this.#round) return;
    let socket;
    try {
      socket = new WebSocket(url, protocols);
    } catch {
      this.#retry(1006, "");
      return;
    }
    this.#socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.#openedAt = this.#heardAt = Date.now();
      if (socket === this.#socket) this.#set("open");
    };
    socket.onmessage = (event) => {
      if (socket !== this.#socket) return;
      this.#heardAt = Date.now();
      let frame;
      try {
        frame = JSON.parse(event.data);
      } catch {
        return; // a frame of a protocol that this client does not know
      }
      this.#handlers.onframe(frame);
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket) return;
      if (opened) this.#lost(socket, event.code, event.reason);
      else void this.#refused(socket);
    };
  }

  /** @param {WebSocket} socket */
  async #refused(socket) {
    // What stands before chatd refuses by HTTP, which the browser hides. REST tells.
    const error = await this.#handlers.why();
    if (socket !== this.#socket) return;
    if (error && [401, 403, 404, 410].includes(error.status)) {
      this.#stop(error.status === 404 || error.status === 410 ? 4004 : error.code === "banned" ? 4009 : error.status === 403 ? 4003 : 4001, error.message);
    } else if (error?.status === 429 || error?.status === 503) {
      this.#retry(4100, "");
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
    this.#set("waiting", { wait, code });
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #stop(code, reason) {
    this.#drop();
    this.#set("stopped", { wait: 0, code });
    this.#handlers.onstop(code, reason);
  }

  #drop() {
    this.#round++;
    clearTimeout(this.#timer);
    clearInterval(this.#pulse);
    const socket = this.#socket;
    this.#socket = undefined;
    // Closing one that still connects logs an error, but leaves none open.
    if (socket && socket.readyState < WebSocket.CLOSING) socket.close();
  }

  /** @param {LinkState} state */
  #set(state, info = { wait: 0, code: 0 }) {
    this.state = state;
    this.#handlers.onstate(state, info);
  }
}
