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
   * @param {{status?: number | undefined, retryAfter?: number | undefined, errors?: FieldError[] | undefined}} [more]
   */
  constructor(code, detail, { status = 0, retryAfter = 0, errors = [] } = {}) {
    super(detail);
    this.name = "ChatError";
    this.code = code;
    this.status = status;
    /** Seconds, 0 if unknown. */
    this.retryAfter = retryAfter;
    this.errors = errors;
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
  constructor(src, who = () => ({})) {
    const url = new URL(src || ".", src ? globalThis.location?.href : import.meta.url);
    this.origin = url.origin;
    this.who = who;
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
  async call(method, path, { query, body, key, signal, keepalive = false } = {}) {
    const { token, name } = this.who();
    const patience = AbortSignal.timeout(PATIENCE);
    let response;
    try {
      response = await fetch(this.#url(path, { ...(token ? {} : { name }), ...query }), {
        method,
        headers: {
          Accept: "application/json",
          ...(token && { Authorization: `Bearer ${token}` }),
          ...(key && { "Idempotency-Key": key }),
          ...(body !== undefined && { "Content-Type": "application/json" }),
        },
        body: JSON.stringify(body) ?? null,
        cache: "no-store",
        credentials: "omit",
        keepalive,
        signal: signal ? AbortSignal.any([signal, patience]) : patience,
      });
    } catch (err) {
      if (signal?.aborted) throw err;
      throw new ChatError("offline", "The server cannot be reached.");
    }
    if (response.status === 204) return undefined;
    const answer = await response.json().catch(() => undefined);
    if (response.ok) return answer;
    throw new ChatError(answer?.code ?? "unavailable", answer?.detail ?? response.statusText, {
      status: response.status,
      retryAfter: Number(response.headers.get("Retry-After")) || 0,
      errors: answer?.errors,
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
