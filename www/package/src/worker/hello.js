// @ts-check
// Asking for work over a port.

/** @import { FromThread, FromWorker } from '../shared/protocol.js' */

/** How often one asks again. */
const TRIES = 10;

/**
 * Asks the coordinator for a job, and again when the answer cannot be read: in Firefox a message with
 * a module in it is lost now and then.
 */
export function hello(port, busy = () => false) {
  let tries = 0;
  /** @param {FromWorker & FromThread} message */
  const post = (message) => port.postMessage(message);
  const ask = () => post({ type: 'hello' });
  port.onmessageerror = () => {
    if (!busy() && ++tries < TRIES) ask();
    else post({ type: 'error', error: { code: 'WORKER_LOAD', message: 'a message from the coordinator could not be read' } });
  };
  ask();
}
