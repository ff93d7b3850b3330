// A worker: the random-access part of the pipeline in a wasm instance of its own.

import { plain, safely } from './errors.js';
import { caller } from './functions.js';
import { hello } from './hello.js';

/** Looked up once: WebKit's moves a little, and a task must not end before it started. */
const ORIGIN = performance.timeOrigin;
const now = () => ORIGIN + performance.now();

export function work(endpoint, { glue, reader, locks }, served = {}) {
  endpoint.addEventListener('message', ({ data }) => {
    if (data?.type !== 'windrow:port') return;
    const { port } = data;
    let own;
    port.onmessage = ({ data }) => {
      if (data.type === 'open') open(data).catch((error) => port.postMessage({ type: 'error', error: plain(error, 'WORKER') }));
      else if (data.type === 'request') answer(data.bytes);
    };

    hello(port, () => own);

    async function open({ document, files, module, modules, lock }) {
      const functions = { ...served };
      for (const { name, module } of modules) functions[name] = await imported(name, module);
      if (lock && locks) await new Promise((held) => locks.request(lock, () => (held(), new Promise(() => {}))));
      glue.initSync({ module });
      glue.provide(reader(files));
      glue.functions(caller(functions));
      own = new glue.WebWorker(document);
      port.postMessage({ type: 'ready', fingerprint: own.fingerprint() });
    }

    function answer(request) {
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

async function imported(name, url) {
  let module;
  try {
    module = await import(/* @vite-ignore */ /* webpackIgnore: true */ url);
  } catch (error) {
    throw Error(`[NOT_SERVED] ${url} cannot be imported: ${error.message}`);
  }
  if (typeof module[name] !== 'function') throw Error(`[NOT_SERVED] ${url} has no function ${name}`);
  return module[name];
}
