// A thread of the pool: the coordinator's program and memory, files of its own to read.

import { plain } from './errors.js';

export function thread(endpoint, { glue, reader }) {
  endpoint.onmessage = ({ data }) => {
    if (data?.type !== 'windrow:thread') return;
    const { module, memory, receiver, files } = data;
    try {
      glue.initSync({ module, memory });
      glue.provide(reader(files));
    } catch (error) {
      return endpoint.postMessage({ error: plain(error, 'WORKER_LOAD') });
    }
    endpoint.postMessage({ ready: true });
    // Does not come back: from here on this thread is rayon's.
    glue.wbg_rayon_start_worker(receiver);
  };
}
