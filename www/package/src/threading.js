// @ts-check
// A thread of the pool: the coordinator's program and memory, files of its own to read.

import { plain } from './errors.js';
import { hello } from './hello.js';
import { trapped } from './trap.js';

/**
 * @param {any} endpoint
 * @param {Record<string, any>} platform
 */
export function thread(endpoint, { glue, reader }) {
  endpoint.addEventListener('message', ({ data }) => {
    if (data?.type !== 'windrow:port') return;
    endpoint.postMessage({ type: 'windrow:serving' });
    const { port } = data;
    port.onmessage = ({ data: { module, memory, receiver, files } }) => {
      try {
        glue.initSync({ module, memory });
        glue.provide(reader(files));
      } catch (error) {
        return port.postMessage({ type: 'error', error: plain(error, 'WORKER_LOAD') });
      }
      port.postMessage({ type: 'ready' });
      try {
        // Does not come back: from here on this thread is rayon's.
        glue.wbg_rayon_start_worker(receiver);
      } catch (error) {
        // The coordinator waits and cannot hear of it; who started this thread ends them all.
        endpoint.postMessage({ error: trapped(error, glue) ?? plain(error, 'SAMPLE') });
      }
    };
    hello(port);
  });
}
