// Starting workers and making files ready, in a browser.

import { WindrowError } from './errors.js';
import { shareable } from './probe.js';

export const platform = {
  browser: true,
  isolated: () => globalThis.crossOriginIsolated === true,
  cores: () => Math.min(Math.max(globalThis.navigator?.hardwareConcurrency ?? 2, 1), 8),

  threads: () => shareable(),

  // Each script is named in full where its worker is made, or bundlers do not see it; webpack puts
  // workers of one name into one file.
  coordinator(threads, { message, failed }) {
    const worker = threads
      ? foreign('coordinator-threads.js') ?? new Worker(new URL('./coordinator-threads.js', import.meta.url), { type: 'module', name: 'windrow-threaded' })
      : foreign('coordinator.js') ?? new Worker(new URL('./coordinator.js', import.meta.url), { type: 'module', name: 'windrow' });
    return handle(watched(worker, failed, message));
  },

  thread({ message, failed }) {
    const worker = foreign('thread.js') ?? new Worker(new URL('./thread.js', import.meta.url), { type: 'module', name: 'windrow-thread' });
    return handle(watched(worker, failed, message));
  },

  worker(make, { failed }) {
    const own = () => foreign('worker.js') ?? new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'windrow-worker' });
    return handle(watched((make ?? own)(), failed));
  },

  module: (url) => new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href,

  /** Hears when a lock is free that the coordinator holds for life; gives what stops listening. */
  watch(lock, gone) {
    const listening = new AbortController();
    navigator.locks?.request(lock, { signal: listening.signal }, gone).catch(() => {});
    return () => listening.abort();
  },

  async folder(folder, name) {
    if (folder?.kind !== 'opfs') throw new WindrowError({ code: 'SETTING', message: `the folder ${name} is none that a browser can list`, fix: 'give source.folder(source.opfs(path)), or the files themselves' });
    const found = {};
    const walk = async (handle, path) => {
      for await (const [part, entry] of handle.entries()) {
        if (entry.kind === 'directory') await walk(entry, `${path}/${part}`);
        else found[`${path}/${part}`] = { kind: 'blob', blob: await entry.getFile() };
      }
    };
    await walk(await opfs(folder.path, (handle, last) => handle.getDirectoryHandle(last)), name);
    return found;
  },

  async file(file, name) {
    if (typeof file === 'string' || file instanceof URL) file = { kind: 'http', url: file, read: 'whole' };
    if (file instanceof Blob) return { kind: 'blob', blob: file };
    if (ArrayBuffer.isView(file) || file instanceof ArrayBuffer) return { kind: 'blob', blob: new Blob([file]) };
    if (file?.kind === 'http') return { ...file, url: new URL(file.url, globalThis.document?.baseURI ?? globalThis.location?.href).href };
    if (file?.kind === 'opfs') return { kind: 'blob', blob: await opfs(file.path, async (folder, last) => (await folder.getFileHandle(last)).getFile()) };
    throw new WindrowError({ code: 'SETTING', message: `the file ${name} is nothing that a browser can read`, fix: 'give bytes, a Blob or File, a URL, source.http() or source.opfs()' });
  },
};

/** A worker whose script is on another origin, as from a CDN: only a script of one's own may import it. */
function foreign(name) {
  const { href, origin, protocol } = new URL(import.meta.url);
  if (!globalThis.location || origin === location.origin || !/^https?:$/.test(protocol)) return undefined;
  const script = `import ${JSON.stringify(href.replace(/[^/]*$/, name))};`;
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  return new Worker(url, { type: 'module', name: 'windrow' });
}

const handle = (worker) => ({
  post: (message, transfer) => worker.postMessage(message, transfer),
  terminate: () => worker.terminate(),
});

function watched(worker, failed, message) {
  if (message) worker.onmessage = ({ data }) => message(data);
  worker.addEventListener('error', (event) => {
    event.preventDefault?.();
    failed(event.message);
  });
  return worker;
}

/** What `get` finds in the folder of a path of the origin private file system, by the path's last part. */
async function opfs(path, get) {
  try {
    let folder = await navigator.storage.getDirectory();
    const parts = path.split('/').filter(Boolean);
    const last = parts.pop();
    for (const part of parts) folder = await folder.getDirectoryHandle(part);
    return await get(folder, last);
  } catch (error) {
    const why = navigator.storage?.getDirectory ? error.message : 'this page has none; it takes https or localhost, and no private window';
    throw new WindrowError({ code: 'READ', message: `opening ${path} in the origin private file system: ${why}`, fix: 'write the file first, and give its whole path' }, { cause: error });
  }
}
