// @ts-check
// Asks for work over a port.

/** @import { FromThread, FromWorker } from '../shared/protocol.js' */

/** The largest number of tries. */
const TRIES = 10;

/**
 * Asks the coordinator for a job, and asks again if the answer cannot be read. Firefox sometimes loses a message that
 * contains a module.
 */
export function hello(port, busy = () => false) {
  let tries = 0;
  /** @param {FromWorker & FromThread} message */
  const post = (message) => port.postMessage(message);
  const ask = () => post({ type: 'hello' });
  port.onmessageerror = () => {
    if (!busy() && ++tries < TRIES) ask();
    else post({ type: 'error', error: { code: 'WORKER_LOAD', message: 'the worker could not read a message from the coordinator' } });
  };
  ask();
}
