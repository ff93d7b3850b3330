// The program on a page, or in a worker: `{ call, arguments }` is answered with `{ value }` or `{ error }`.

import init, * as program from './pkg/app.js';

const ready = init({ module_or_path: new URL('./pkg/app_bg.wasm', import.meta.url) });

export async function call(name, ...all) {
  await ready;
  try {
    return { value: await program[name](...all) };
  } catch (error) {
    return { error: error.message };
  }
}

if (globalThis.document) {
  const worker = new Worker(new URL('./app.js', import.meta.url), { type: 'module' });
  globalThis.onPage = call;
  globalThis.inWorker = (...all) => new Promise((answered) => {
    worker.onmessage = ({ data }) => answered(data);
    worker.postMessage(all);
  });
} else if (globalThis.postMessage) {
  onmessage = async ({ data }) => postMessage(await call(...data));
}
