// The page behind /embed/{room}: one room, as wide as its frame.

import "./embed.js";

const room = document.createElement("chat-room");
room.setAttribute("room", decodeURIComponent(location.pathname.split("/")[2] ?? "lobby"));
const query = new URLSearchParams(location.search);
document.documentElement.dataset["theme"] = query.get("theme") ?? "auto";
const name = query.get("name");
if (name) room.setAttribute("name", name);
const main = document.createElement("main");
main.append(room);
document.body.append(main);
