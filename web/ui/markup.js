// Text as people write it in chats: links, `code`, **bold**, *italic*, lists,
// quotes and fenced code. parse makes plain data, render makes nodes of it.
// What is not understood stays as it was written.

import { h } from "./dom.js";

/**
 * @typedef {{type: "text", text: string}
 *   | {type: "code", text: string}
 *   | {type: "link", href: string, text: string}
 *   | {type: "mention", text: string}
 *   | {type: "strong" | "em" | "del", children: Inline[]}} Inline
 * @typedef {{type: "paragraph", children: Inline[]}
 *   | {type: "fence", text: string}
 *   | {type: "quote", children: Block[]}
 *   | {type: "list", ordered: boolean, start: number, items: Inline[][]}} Block
 */

const inline = new RegExp(
  [
    "`([^`\\n]+)`",
    "\\*\\*(?=\\S)([^\\n]*?[^\\s*])\\*\\*(?!\\*)",
    "(?<![\\p{L}\\p{N}*])\\*(?=[^\\s*])([^*\\n]*[^\\s*])\\*(?![\\p{L}\\p{N}*])",
    "(?<![\\p{L}\\p{N}_])_(?=[^\\s_])([^_\\n]*[^\\s_])_(?![\\p{L}\\p{N}_])",
    "~~(?=\\S)([^~\\n]+)~~",
    "(?<![A-Za-z0-9])(https?://[^\\s<>\"'`\\u3000-\\u303f\\uff00-\\uffef\\u4e00-\\u9fff]+)",
    "(?<![\\p{L}\\p{N}\\p{M}_.-])@([\\p{L}\\p{N}\\p{M}_][\\p{L}\\p{N}\\p{M}_.-]*)",
  ].join("|"),
  "gu",
);

/** Without one of these there is nothing but text, and this is quick to see. */
const special = /[`*_~@]|https?:/;

/** @param {string} text @param {number} [depth] @returns {Inline[]} */
export function parseInline(text, depth = 0) {
  /** @type {Inline[]} */
  const out = [];
  let at = 0;
  const plain = (/** @type {number} */ end) => {
    if (end > at) out.push({ type: "text", text: text.slice(at, end) });
  };
  for (const m of depth < 4 && special.test(text) ? text.matchAll(inline) : []) {
    if (m.index < at) continue;
    const [all, code, strong, em, em2, del, url, mention] = m;
    plain(m.index);
    at = m.index + all.length;
    if (code !== undefined) out.push({ type: "code", text: code });
    else if (strong !== undefined) out.push({ type: "strong", children: parseInline(strong, depth + 1) });
    else if (em !== undefined || em2 !== undefined) out.push({ type: "em", children: parseInline(em ?? em2 ?? "", depth + 1) });
    else if (del !== undefined) out.push({ type: "del", children: parseInline(del, depth + 1) });
    else if (url !== undefined) {
      const link = withoutTail(url);
      at = m.index + link.length;
      out.push(URL.canParse(link) ? { type: "link", href: link, text: link } : { type: "text", text: link });
    } else if (mention !== undefined) {
      const name = mention.replace(/[.-]+$/, "");
      at = m.index + 1 + name.length;
      out.push({ type: "mention", text: "@" + name });
    }
  }
  plain(text.length);
  return out;
}

/** An address without the punctuation of the sentence that it ends. @param {string} url */
function withoutTail(url) {
  for (;;) {
    const last = url.at(-1) ?? "";
    if (/[.,;:!?*_~]/.test(last)) url = url.slice(0, -1);
    else if (last === ")" && count(url, "(") < count(url, ")")) url = url.slice(0, -1);
    else if (last === "]" && count(url, "[") < count(url, "]")) url = url.slice(0, -1);
    else return url;
  }
}

/** @param {string} text @param {string} c */
const count = (text, c) => text.split(c).length - 1;

/** @param {string} text @param {number} [depth] @returns {Block[]} */
export function parse(text, depth = 0) {
  const lines = text.split("\n");
  /** @type {Block[]} */
  const blocks = [];
  /** @type {string[]} */
  let open = [];
  const flush = () => {
    while (open[0]?.trim() === "") open.shift();
    while (open.at(-1)?.trim() === "") open.pop();
    if (open.length > 0) blocks.push({ type: "paragraph", children: parseInline(open.join("\n")) });
    open = [];
  };
  for (let i = 0; i < lines.length; ) {
    const line = lines[i] ?? "";
    if (line.startsWith("```")) {
      const end = lines.findIndex((l, j) => j > i && l.trim() === "```");
      if (end > 0) {
        flush();
        blocks.push({ type: "fence", text: lines.slice(i + 1, end).join("\n") });
        i = end + 1;
        continue;
      }
    }
    if (/^>\s?/.test(line) && depth < 3) {
      flush();
      const inside = [];
      for (; i < lines.length && (lines[i] ?? "").startsWith(">"); i++) inside.push((lines[i] ?? "").replace(/^>\s?/, ""));
      blocks.push({ type: "quote", children: parse(inside.join("\n"), depth + 1) });
      continue;
    }
    const item = listItem(line);
    if (item) {
      flush();
      const items = [];
      for (let next = listItem(lines[i] ?? ""); next?.ordered === item.ordered; next = listItem(lines[++i] ?? "")) items.push(parseInline(next.text));
      blocks.push({ type: "list", ordered: item.ordered, start: item.start, items });
      continue;
    }
    open.push(line);
    i++;
  }
  flush();
  return blocks;
}

/** @param {string} line */
function listItem(line) {
  const bullet = /^\s{0,3}[-*•]\s+(.*\S.*)$/.exec(line);
  if (bullet) return { ordered: false, start: 1, text: bullet[1] ?? "" };
  const numbered = /^\s{0,3}(\d{1,4})[.)]\s+(.*\S.*)$/.exec(line);
  if (numbered) return { ordered: true, start: Number(numbered[1]), text: numbered[2] ?? "" };
  return undefined;
}

/** Whether a text is nothing but a few emoji, which are then shown large. @param {string} text */
export const onlyEmoji = (text) => text.length <= 48 && /^(?:(?:\p{RGI_Emoji})\s*){1,6}$/v.test(text);

/**
 * @param {Block[]} blocks
 * @param {(name: string) => boolean} isMe whether a mention means the reader
 * @returns {Node[]}
 */
export function render(blocks, isMe) {
  return blocks.map((b) => {
    switch (b.type) {
      case "paragraph":
        return h("p", { dir: "auto" }, renderInline(b.children, isMe));
      case "fence":
        // A region that scrolls must be reachable by keyboard.
        return h("pre", { dir: "ltr", tabindex: b.text.split("\n").some((l) => l.length > 40) && "0" }, h("code", {}, b.text));
      case "quote":
        return h("blockquote", {}, render(b.children, isMe));
      case "list": {
        const items = b.items.map((i) => h("li", {}, h("span", { dir: "auto" }, renderInline(i, isMe))));
        return b.ordered ? h("ol", { start: b.start }, items) : h("ul", {}, items);
      }
    }
  });
}

/** @param {Inline[]} parts @param {(name: string) => boolean} isMe @returns {Node[]} */
function renderInline(parts, isMe) {
  return parts.map((p) => {
    switch (p.type) {
      case "text":
        return document.createTextNode(p.text);
      case "code":
        return h("code", { dir: "ltr" }, p.text);
      case "link":
        return h("a", { href: p.href, target: "_blank", rel: "noopener noreferrer nofollow", dir: "ltr" }, p.text);
      case "mention":
        return h("span", { class: isMe(p.text.slice(1)) ? "mention me" : "mention" }, p.text);
      default:
        return h(p.type, {}, renderInline(p.children, isMe));
    }
  });
}

/** One line of a text, without its marks: for quotes and notifications. @param {string} text @param {number} [limit] */
export function excerpt(text, limit = 140) {
  const line = text
    .replace(/```\w*/g, "")
    .replace(/[*_~`]{1,2}(?=\S)|(?<=\S)[*_~`]{1,2}/g, "")
    .replace(/\s+/g, " ")
    .trim();
  const chars = [...line];
  return chars.length > limit ? chars.slice(0, limit - 1).join("") + "…" : line;
}
