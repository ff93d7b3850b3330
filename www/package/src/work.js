// A worker: the random-access part of the pipeline in a wasm instance of its own.

import { plain } from './errors.js';
import { safely } from './coordinate.js';

export function work(endpoint, { glue, reader, locks }) {
  endpoint.addEventListener('message', ({ data }) => {
    if (data?.type !== 'windrow:port') return;
    const { port } = data;
    let own;
    port.onmessage = ({ data }) => {
      if (data.type === 'open') open(data).catch((error) => port.postMessage({ type: 'error', error: plain(error, 'WORKER') }));
      else if (data.type === 'request') answer(data.bytes);
    };

    async function open({ document, files, module, lock }) {
      if (lock && locks) await new Promise((held) => locks.request(lock, () => (held(), new Promise(() => {}))));
      glue.initSync({ module });
      glue.provide(reader(files));
      own = new glue.WebWorker(document);
      port.postMessage({ type: 'ready', fingerprint: own.fingerprint() });
    }

    function answer(request) {
      const now = () => performance.timeOrigin + performance.now();
      const started = now();
      let bytes;
      try {
        bytes = own.answer(request);
      } catch (error) {
        // The memory of a program that trapped is not to be trusted: this worker is done.
        const panic = safely(() => glue.lastPanic());
        own = undefined;
        return port.postMessage({ type: 'trap', why: panic ?? `trapped: ${plain(error).message}` });
      }
      port.postMessage({ type: 'reply', bytes, started, ended: now() }, [bytes.buffer]);
    }
  });
}
