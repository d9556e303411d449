// The element for other people's pages:
//
//   <script type="module" src="https://chat.example/embed.js"></script>
//   <chat-room room="lobby" name="Ana"></chat-room>
//
// Attributes: room (default lobby), src (the server; default where this script
// came from), name (a guest's), theme (light, dark, auto). The property getToken,
// a function that returns a credential or a promise of one, is asked before every
// connection, and again before that credential ends. All of it may be set before
// this script is here, and changed at any time.

import { Room } from "../sdk/room.js";
import { ChatRoom } from "../ui/chat-room.js";
import { recall, remember } from "./memory.js";

class EmbeddedRoom extends ChatRoom {
  static observedAttributes = ["room", "src", "name", "theme"];

  /** @type {(() => string | Promise<string>) | undefined} */
  #getToken;
  #joining = false;
  /** What is half done in rooms that the element showed before. @type {Map<string, ReturnType<ChatRoom["composer"]["leave"]>>} */
  #half = new Map();

  constructor() {
    super();
    // What the page set on the tag before it was an element hides the accessor.
    const early = Object.getOwnPropertyDescriptor(this, "getToken");
    if (early) {
      delete /** @type {any} */ (this).getToken;
      this.#getToken = early.value;
    }
  }

  #hear = (/** @type {Event} */ e) => this.#named(e);

  /** A guest is called the same in all rooms of a page. @param {Event} e */
  #named(e) {
    if (!(/** @type {ChatRoom} */ (this).nameless)) return;
    const { name } = /** @type {CustomEvent} */ (e).detail;
    remember("name", name);
    this.nameless = false;
    this.room?.rejoin({ name });
    this.composer.setState("write");
    if (e.composedPath().includes(this)) this.composer.focus();
  }

  get getToken() {
    return this.#getToken;
  }

  /** Another function is asked the next time; one where there was none, or none, joins anew. */
  set getToken(ask) {
    const as = Boolean(ask) !== Boolean(this.#getToken);
    this.#getToken = ask;
    if (as && this.isConnected) this.#open();
  }

  connectedCallback() {
    document.addEventListener("chat-name", this.#hear);
    this.#open();
  }

  /** @override */
  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("chat-name", this.#hear);
    this.#leave();
  }

  /** Lets go of the room first: what could still be undone is done now, while it can be told. */
  #leave() {
    const { room } = this;
    if (!room) return;
    this.#half.set(place(room), this.composer.leave());
    this.composer.setText("");
    this.hide();
    room.leave();
  }

  /** @param {string} name @param {string | null} before @param {string | null} now */
  attributeChangedCallback(name, before, now) {
    if (name !== "theme" && before !== now && this.isConnected) this.#open();
  }

  #open() {
    if (this.#joining) return;
    this.#joining = true;
    queueMicrotask(() => {
      this.#joining = false;
      if (!this.isConnected) return;
      this.#leave();
      const name = this.getAttribute("name") ?? recall("name");
      const src = this.getAttribute("src");
      const { getToken } = this;
      const room = new Room(this.getAttribute("room") ?? "lobby", { ...(src ? { src } : {}), ...(name ? { name } : {}), ...(getToken ? { getToken: () => this.#getToken?.() } : {}) });
      // A guest stays the same guest.
      const key = room.server.origin === location.origin ? "token" : `token:${room.server.origin}`;
      let anew = !recall(key);
      if (!getToken) room.rejoin({ token: recall(key) });
      room.addEventListener("welcome", () => {
        const made = recall(key);
        if (!room.you?.token) return;
        if (anew && made) room.rejoin({ token: made }); // in another room of the page, meanwhile
        else remember(key, room.you.token);
        anew = false;
      });
      room.addEventListener("closed", (e) => {
        if (/** @type {CustomEvent} */ (e).detail.code !== 4001 || getToken || !recall(key)) return;
        remember(key, undefined);
        room.rejoin({ token: undefined });
      });
      this.nameless = !name && !getToken;
      this.show(room);
      const half = this.#half.get(place(room));
      this.composer.enter(half?.draft ?? "", half);
      void room.join().catch(() => {}); // the element tells
    });
  }
}

/** @param {Room} room */
const place = (room) => `${room.server.origin}/${room.id}`;

if (!customElements.get("chat-room")) customElements.define("chat-room", EmbeddedRoom);

export { EmbeddedRoom as ChatRoom, Room };
