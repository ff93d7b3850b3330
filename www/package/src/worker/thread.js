// @ts-check
// A thread of the pool, with the coordinator's program and memory, and its own reader of files.

import { plain } from '../shared/errors.js';
import { hello } from './hello.js';
import { trapped } from '../shared/trap.js';

/** @import { FromStarted, FromThread, ToThread } from '../shared/protocol.js' */

/**
 * @param {any} endpoint
 * @param {Record<string, any>} platform
 */
export function thread(endpoint, { glue, reader }) {
  endpoint.addEventListener('message', ({ data }) => {
    if (data?.type !== 'windrow:port') return;
    /** @param {FromStarted} message */
    const tell = (message) => endpoint.postMessage(message);
    tell({ type: 'windrow:serving' });
    const { port } = data;
    /** @param {FromThread} message */
    const post = (message) => port.postMessage(message);
    port.onmessage = (/** @type {{ data: ToThread }} */ { data: { module, memory, receiver, files } }) => {
      try {
        glue.initSync({ module, memory });
        glue.provide(reader(files));
      } catch (error) {
        return post({ type: 'error', error: plain(error, 'WORKER_LOAD') });
      }
      post({ type: 'ready' });
      try {
        // Does not return: from here on, rayon runs this thread.
        glue.wbg_rayon_start_worker(receiver);
      } catch (error) {
        // The waiting coordinator cannot receive messages, so tell the page, which ends all threads.
        tell({ type: 'windrow:failed', error: trapped(error, glue) ?? plain(error, 'SAMPLE') });
      }
    };
    hello(port);
  });
}
