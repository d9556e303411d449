// The page behind /embed/{room}: one room, as wide as its frame.

const room = document.querySelector("chat-room") ?? document.createElement("chat-room");
room.setAttribute("room", decodeURIComponent(location.pathname.split("/")[2] ?? "lobby"));
const query = new URLSearchParams(location.search);
document.documentElement.dataset["theme"] = query.get("theme") ?? "auto";
const name = query.get("name");
if (name) room.setAttribute("name", name);
if (!room.isConnected) document.querySelector("main")?.append(room);

await import("./embed.js"); // the element joins what its attributes say
