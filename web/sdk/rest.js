// REST calls and their refusals.

/** @import {FieldError} from "./protocol.js" */

/**
 * A refusal by the server: the same stable codes on the WebSocket and in REST.
 * The code is "offline" when the server could not be reached at all.
 */
export class ChatError extends Error {
  /**
   * @param {string} code
   * @param {string} detail one sentence for people
   * @param {{status?: number, retryAfter?: number, errors?: FieldError[]}} [more]
   */
  constructor(code, detail, more = {}) {
    super(detail);
    this.name = "ChatError";
    this.code = code;
    this.status = more.status ?? 0;
    /** Seconds, 0 if unknown. */
    this.retryAfter = more.retryAfter ?? 0;
    this.errors = more.errors ?? [];
  }
}

/** Milliseconds that an answer may take: a network that swallows everything never says no. */
const PATIENCE = 20_000;

/** Where the server is: an origin, and the credential for it. */
export class Server {
  /**
   * @param {string} [src] the server's address; default: where this module came from
   * @param {() => {token?: string | undefined, name?: string | undefined}} [who] asked before every call
   */
  constructor(src, who) {
    const url = new URL(src || ".", src ? globalThis.location?.href : import.meta.url);
    this.origin = url.origin;
    /** @type {() => {token?: string | undefined, name?: string | undefined}} */
    this.who = who ?? (() => ({}));
  }

  /**
   * @param {string} room
   * @param {Record<string, string | number | undefined>} query
   */
  socketURL(room, query) {
    return this.#url(`/ws/${encodeURIComponent(room)}`, query).replace(/^http/, "ws");
  }

  /**
   * Calls REST and returns the decoded body; throws a ChatError.
   * @param {string} method
   * @param {string} path
   * @param {{query?: Record<string, string | number | undefined>, body?: unknown, key?: string, signal?: AbortSignal, keepalive?: boolean}} [options] key is the idempotency key
   * @returns {Promise<any>}
   */
  async call(method, path, options = {}) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    const { token, name } = this.who();
    if (token) headers["Authorization"] = `Bearer ${token}`;
    if (options.key) headers["Idempotency-Key"] = options.key;
    /** @type {RequestInit} */
    const init = { method, headers, cache: "no-store", credentials: "omit" };
    const patience = AbortSignal.timeout(PATIENCE);
    init.signal = options.signal ? AbortSignal.any([options.signal, patience]) : patience;
    if (options.keepalive) init.keepalive = true;
    if (options.body !== undefined) {
      headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(options.body);
    }
    let response;
    try {
      response = await fetch(this.#url(path, { ...(token ? {} : { name }), ...options.query }), init);
    } catch (err) {
      if (options.signal?.aborted) throw err;
      throw new ChatError("offline", "The server cannot be reached.");
    }
    if (response.status === 204) return undefined;
    const body = await response.json().catch(() => undefined);
    if (response.ok) return body;
    throw new ChatError(body?.code ?? "unavailable", body?.detail ?? response.statusText, {
      status: response.status,
      retryAfter: Number(response.headers.get("Retry-After")) || 0,
      errors: body?.errors,
    });
  }

  /**
   * @param {string} path
   * @param {Record<string, string | number | undefined>} query
   */
  #url(path, query) {
    const url = new URL(path, this.origin);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== "") url.searchParams.set(name, String(value));
    }
    return url.href;
  }
}
