// Elements out of data. Text goes into the page as text nodes only.

/** @typedef {Node | string | number | false | null | undefined} Child */

/**
 * Makes an element. Properties named on… are listeners, those that the element
 * has are set on it, all others become attributes; undefined and false are left
 * out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith("on")) el.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name === "class") el.className = String(value);
    else el.setAttribute(name, value === true ? "" : String(value));
  }
  el.append(...nodes(children));
  return el;
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function nodes(children) {
  return children.flat().flatMap((c) => (c || c === 0 ? [c instanceof Node ? c : String(c)] : []));
}

const SVG = "http://www.w3.org/2000/svg";

/** Line drawings, 20 by 20. */
const paths = {
  menu: "M3 6h14M3 10h14M3 14h14",
  people: "M7.500 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM2 16.500c0-3 2.300-5 5.500-5s5.500 2 5.500 5M13 4a3 3 0 0 1 0 5.500M15 11.800c1.900.700 3 2.400 3 4.700",
  send: "M10 16V4M5 9l5-5 5 5",
  plus: "M10 4v12M4 10h12",
  search: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12zM13.500 13.500 17 17",
  close: "M5 5l10 10M15 5 5 15",
  reply: "M8 5 3.500 9.500 8 14M4 9.500h7c3.500 0 5.500 2 5.500 5.500",
  edit: "M4 16l.800-3.300L13.500 4l2.500 2.500-8.700 8.700z",
  trash: "M4 6h12M8 6V4h4v2M6 6l.700 10h6.600L14 6",
  smile: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM7.500 8v.500M12.500 8v.500M7 11.500c1.500 2 4.500 2 6 0",
  link: "M8.500 11.500a3 3 0 0 0 4.300 0l2.700-2.700a3 3 0 0 0-4.300-4.300l-1 1M11.500 8.500a3 3 0 0 0-4.300 0l-2.700 2.700a3 3 0 0 0 4.300 4.300l1-1",
  down: "M10 4v12M5 11l5 5 5-5",
  gear: "M3 6h8M15 6h2M3 14h2M9 14h8M11 6a2 2 0 1 0 4 0 2 2 0 0 0-4 0zM5 14a2 2 0 1 0 4 0 2 2 0 0 0-4 0z",
  lock: "M5 9h10v7H5zM7 9V6.500a3 3 0 0 1 6 0V9",
  horn: "M3 8.500v3h2.500l8 4v-11l-8 4zM13.500 8.200a2 2 0 0 1 0 3.600M6 11.500l1 4.500h2l-.900-3.300",
  archive: "M3 4h14v3.500H3zM4.500 7.500V16h11V7.500M8 11h4",
  calendar: "M4 5h12v11H4zM4 8.500h12M7 3v3M13 3v3",
  bell: "M5 14V9a5 5 0 0 1 10 0v5l1 1H4zM8.500 17h3",
  more: "M5 10h.010M10 10h.010M15 10h.010",
  copy: "M7 7h9v9H7zM4 13V4h9",
  code: "M7 6l-4 4 4 4M13 6l4 4-4 4",
  at: "M10 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM13 7v3.500c0 3 4 2.500 4-.500a7 7 0 1 0-3 5.700",
  shield: "M10 3l6 2v4.500c0 3.500-2.500 6-6 7.500-3.500-1.500-6-4-6-7.500V5z",
  out: "M12 4H4v12h8M9 10h8M14 7l3 3-3 3",
  mute: "M4 8v4h3l4 3V5L7 8zM14 8l3.500 4M17.500 8 14 12",
  ban: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM5 5l10 10",
  hook: "M12.500 6a1.500 1.500 0 1 0 0-3 1.500 1.500 0 0 0 0 3zM12.500 6v6.500a4 4 0 0 1-8 0V9.500l2.500 2.500",
  chart: "M3 16h14M5 13l3.500-4 3 2.500L16 5",
  unlock: "M5 9h10v7H5zM7 9V6.500a3 3 0 0 1 5.800-1",
};

/** @typedef {keyof typeof paths} IconName */

/** A drawing that says nothing by itself. @param {IconName} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", `icon icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}

/**
 * A button that shows a drawing and says its name.
 * @param {IconName} name
 * @param {string} label
 * @param {(e: MouseEvent) => void} onclick
 * @param {Record<string, unknown>} [props]
 */
export function iconButton(name, label, onclick, props = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

/** A number from 0 to 11 that stays the same for a text: whose colour. @param {string} text */
export function hue(text) {
  let sum = 7;
  for (const c of text) sum = (sum * 31 + (c.codePointAt(0) ?? 0)) >>> 0;
  return sum % 12;
}

/** What an avatar shows of a name: its first character, as a reader sees it. @param {string} name */
export function initial(name) {
  const text = name.trim();
  // To make a segmenter takes longer than to draw a room.
  const first = /^[!-~](?:[ -~]|$)/.test(text) ? text.charAt(0) : [...(segmenter ??= new Intl.Segmenter()).segment(text)][0]?.segment ?? "?";
  return first.toLocaleUpperCase();
}
/** @type {Intl.Segmenter | undefined} */
let segmenter;

/** Whether a key press belongs to an input method that composes a character. Safari ends a composition before the key comes, with key code 229. @param {KeyboardEvent} e */
export const composing = (e) => e.isComposing || e.keyCode === 229;
