// What the page remembers on this device.

const prefix = "chatd:";

/** @param {string} key @param {string | undefined} value nothing is forgotten */
export function remember(key, value) {
  try {
    if (value) localStorage.setItem(prefix + key, value);
    else localStorage.removeItem(prefix + key);
  } catch {
    // No storage, or a full one: it is known until the page closes.
  }
}

/** @param {string} key */
export function recall(key) {
  try {
    return localStorage.getItem(prefix + key) ?? undefined;
  } catch {
    return undefined;
  }
}
