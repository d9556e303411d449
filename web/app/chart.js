// A small chart of what a figure was in the last minutes, out of SVG nodes.

import { h } from "../ui/dom.js";

const SVG = "http://www.w3.org/2000/svg";
/** Samples that its width holds at first: a line of two would be drawn across all of it. */
const LEAST = 30;
const WIDTH = 240;
const HEIGHT = 56;

/** @param {string} tag @param {Record<string, string | number>} props */
function s(tag, props) {
  const el = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) el.setAttribute(name, String(value));
  return el;
}

export class Chart {
  #format;
  #capacity;
  /** One series or two, oldest first; undefined is a gap. @type {(number | undefined)[][]} */
  #series;

  /**
   * @param {string} title
   * @param {(n: number) => string} format
   * @param {number} capacity samples that its width holds at most
   * @param {string[]} [names] of several series, the first is the one in front
   */
  constructor(title, format, capacity, names = [""]) {
    this.#format = format;
    this.#capacity = capacity;
    this.#series = names.map(() => []);
    this.value = h("div", { class: "value" });
    this.peak = h("small", {});
    this.areas = s("path", { class: "area" });
    this.lines = names.map((_, i) => s("path", { class: `line line-${i}`, "vector-effect": "non-scaling-stroke" }));
    this.at = s("line", { class: "at", y1: 0, y2: HEIGHT, x1: -9, x2: -9, "vector-effect": "non-scaling-stroke" });
    this.picture = s("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    this.picture.append(s("line", { class: "base", x1: 0, x2: WIDTH, y1: HEIGHT - 0.5, y2: HEIGHT - 0.5, "vector-effect": "non-scaling-stroke" }), this.areas, ...this.lines.toReversed(), this.at);
    this.names = names;
    this.element = h("figure", { class: "chart", "aria-label": title }, h("figcaption", {}, h("span", {}, title), this.peak), this.value, this.picture);
    this.picture.addEventListener("pointermove", (e) => this.#point(/** @type {PointerEvent} */ (e)));
    this.picture.addEventListener("pointerleave", () => this.#draw());
  }

  /** @param {(number | undefined)[]} values one of each series */
  add(values) {
    this.#series.forEach((series, i) => {
      series.push(values[i]);
      if (series.length > this.#capacity) series.shift();
    });
    this.#draw();
  }

  #span() {
    return Math.max(LEAST, this.#series[0]?.length ?? 0);
  }

  /** What a pointer is over is told in the place of what is now. @param {PointerEvent} e */
  #point(e) {
    const box = this.picture.getBoundingClientRect();
    const length = this.#series[0]?.length ?? 0;
    const span = this.#span();
    const i = Math.round(((e.clientX - box.left) / box.width) * (span - 1)) - (span - length);
    if (i >= 0 && i < length) this.#draw(i);
  }

  /** @param {number} [over] the sample that is pointed at */
  #draw(over) {
    const all = this.#series.flat().filter((n) => n !== undefined);
    const top = Math.max(...all, 0);
    const length = this.#series[0]?.length ?? 0;
    const span = this.#span();
    const x = (/** @type {number} */ i) => ((i + span - length) / (span - 1)) * WIDTH;
    const y = (/** @type {number} */ n) => HEIGHT - 1 - (top > 0 ? n / top : 0) * (HEIGHT - 4);
    this.#series.forEach((series, at) => {
      let d = "";
      let area = "";
      let from = -1;
      series.forEach((n, i) => {
        if (n === undefined) return;
        const p = `${x(i).toFixed(1)} ${y(n).toFixed(1)}`;
        if (i === 0 || series[i - 1] === undefined) {
          d += `M${p}`;
          area += `M${x(i).toFixed(1)} ${HEIGHT}L${p}`;
          from = i;
        } else {
          d += `L${p}`;
          area += `L${p}`;
        }
        if (i + 1 === series.length || series[i + 1] === undefined) {
          area += `L${x(i).toFixed(1)} ${HEIGHT}Z`;
          if (from === i) d += "h.1"; // alone, it is a dot
        }
      });
      this.lines[at]?.setAttribute("d", d);
      if (at === 0) this.areas.setAttribute("d", area);
    });
    const x0 = over === undefined ? -9 : x(over);
    this.at.setAttribute("x1", String(x0));
    this.at.setAttribute("x2", String(x0));
    const shown = this.#series.map((series) => series[over ?? series.length - 1]);
    this.value.replaceChildren(...shown.flatMap((n, i) => {
      const text = n === undefined ? "–" : this.#format(n);
      return i === 0 ? [h("b", {}, text), this.names[i] ? h("small", {}, this.names[i]) : ""] : [h("span", { class: `of-${i}` }, text), h("small", {}, this.names[i])];
    }));
    this.peak.textContent = all.length > 1 && top > 0 ? `↑ ${this.#format(top)}` : "";
  }
}
