// Figures in the text format of Prometheus.

/**
 * One sample of a metric.
 * @typedef {{name: string, labels: string, value: number}} Sample
 */

/** @param {string} text @returns {Sample[]} */
export function read(text) {
  return text.split("\n").flatMap((line) => {
    const m = /^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)/.exec(line);
    return m ? [{ name: m[1] ?? "", labels: m[2] ?? "", value: Number(m[3]) }] : [];
  });
}

/** The sum of a metric over its labels, undefined if there is none of that name. @param {Sample[]} samples @param {string} name */
export function sum(samples, name) {
  const own = samples.filter((s) => s.name === name);
  return own.length > 0 ? own.reduce((n, s) => n + s.value, 0) : undefined;
}

/**
 * Below which value a share of what was observed between two looks lies: linear
 * within a bucket, as Prometheus' histogram_quantile has it. Undefined where
 * nothing was observed.
 * @param {Sample[]} before @param {Sample[]} now @param {string} name @param {number} share 0 to 1
 */
export function quantile(before, now, name, share) {
  const buckets = (/** @type {Sample[]} */ samples) => new Map(samples.filter((s) => s.name === `${name}_bucket`).map((s) => [bound(s.labels), s.value]));
  const old = buckets(before);
  const counts = [...buckets(now)].map(([le, n]) => /** @type {const} */ ([le, n - (old.get(le) ?? 0)])).sort((a, b) => a[0] - b[0]);
  const total = counts.at(-1)?.[1] ?? 0;
  if (total <= 0) return undefined;
  let low = 0;
  let below = 0;
  for (const [le, n] of counts) {
    if (n >= share * total) return le === Infinity ? low : low + ((le - low) * (share * total - below)) / Math.max(1, n - below);
    [low, below] = [le, n];
  }
  return low;
}

/** @param {string} labels */
function bound(labels) {
  const le = /\ble="([^"]+)"/.exec(labels)?.[1] ?? "";
  return le === "+Inf" ? Infinity : Number(le);
}
