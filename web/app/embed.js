// The element for other people's pages:
//
//   <script type="module" src="https://chat.example/embed.js"></script>
//   <chat-room room="lobby" name="Ana"></chat-room>
//
// Attributes: room (default lobby), src (the server; default where this script
// came from), name (a guest's), theme (light, dark, auto). The property getToken,
// a function that returns a credential or a promise of one, is asked before every
// connection, and again before that credential ends.

import { Room } from "../sdk/room.js";
import { ChatRoom } from "../ui/chat-room.js";
import { recall, remember } from "./memory.js";

class EmbeddedRoom extends ChatRoom {
  static observedAttributes = ["room", "src", "name", "theme"];

  /** @type {(() => string | Promise<string>) | undefined} */
  getToken;
  #joining = false;

  constructor() {
    super();
    this.addEventListener("chat-name", (e) => {
      const { name } = /** @type {CustomEvent} */ (e).detail;
      remember("name", name);
      this.nameless = false;
      this.room?.rejoin({ name });
      this.composer.setState("write");
      this.composer.focus();
    });
  }

  connectedCallback() {
    this.#open();
  }

  /** @override */
  disconnectedCallback() {
    super.disconnectedCallback();
    this.room?.leave();
    this.hide();
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
      this.room?.leave();
      const name = this.getAttribute("name") ?? recall("name");
      const src = this.getAttribute("src");
      const { getToken } = this;
      const room = new Room(this.getAttribute("room") ?? "lobby", { ...(src ? { src } : {}), ...(name ? { name } : {}), ...(getToken ? { getToken } : {}) });
      // A guest stays the same guest.
      const key = room.server.origin === location.origin ? "token" : `token:${room.server.origin}`;
      if (!getToken) room.rejoin({ token: recall(key) });
      room.addEventListener("welcome", () => room.you?.token && remember(key, room.you.token));
      room.addEventListener("closed", (e) => {
        if (/** @type {CustomEvent} */ (e).detail.code !== 4001 || getToken || !recall(key)) return;
        remember(key, undefined);
        room.rejoin({ token: undefined });
      });
      this.nameless = !name && !getToken;
      this.show(room);
      void room.join().catch(() => {}); // the element tells
    });
  }
}

if (!customElements.get("chat-room")) customElements.define("chat-room", EmbeddedRoom);

export { EmbeddedRoom as ChatRoom, Room };
