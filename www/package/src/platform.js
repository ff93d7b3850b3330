// Starting workers and making files ready, in a browser.

import { WindrowError } from './errors.js';

export const platform = {
  isolated: () => globalThis.crossOriginIsolated === true,
  cores: () => Math.min(Math.max(globalThis.navigator?.hardwareConcurrency ?? 2, 1), 8),

  coordinator({ message, failed }) {
    const worker = watched(new Worker(new URL('./coordinator.js', import.meta.url), { type: 'module', name: 'windrow' }), failed);
    worker.onmessage = ({ data }) => message(data);
    return handle(worker);
  },

  worker(make, { failed }) {
    const worker = make ? make() : new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'windrow-worker' });
    return handle(watched(worker, failed));
  },

  async file(file, name) {
    if (typeof file === 'string' || file instanceof URL) file = { kind: 'http', url: file, read: 'whole' };
    if (file instanceof Blob) return { kind: 'blob', blob: file };
    if (ArrayBuffer.isView(file) || file instanceof ArrayBuffer) return { kind: 'blob', blob: new Blob([file]) };
    if (file?.kind === 'http') return { ...file, url: new URL(file.url, globalThis.document?.baseURI ?? globalThis.location?.href).href };
    if (file?.kind === 'opfs') return { kind: 'blob', blob: await opfs(file.path) };
    throw new WindrowError({ code: 'SETTING', message: `the file ${name} is nothing that a browser can read`, fix: 'give bytes, a Blob or File, a URL, source.http() or source.opfs()' });
  },
};

const handle = (worker) => ({
  post: (message, transfer) => worker.postMessage(message, transfer),
  terminate: () => worker.terminate(),
});

function watched(worker, failed) {
  worker.addEventListener('error', (event) => {
    event.preventDefault?.();
    failed(event.message);
  });
  return worker;
}

async function opfs(path) {
  let folder = await navigator.storage.getDirectory();
  const parts = path.split('/').filter(Boolean);
  const last = parts.pop();
  try {
    for (const part of parts) folder = await folder.getDirectoryHandle(part);
    return await (await folder.getFileHandle(last)).getFile();
  } catch (error) {
    throw new WindrowError({ code: 'READ', message: `opening ${path} in the origin private file system: ${error.message}` }, { cause: error });
  }
}
