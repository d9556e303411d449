// What the server may refuse.

import { reason } from "../i18n/index.js";
import { ChatError } from "../sdk/rest.js";

/** @import {App} from "./main.js" */

/**
 * Does it, and says why not where it is refused.
 * @param {App} app
 * @param {() => Promise<unknown>} act
 */
export async function attempt(app, act) {
  try {
    await act();
  } catch (err) {
    if (!(err instanceof ChatError)) throw err;
    app.view.toast(reason(err));
  }
}
