// @ts-check
// The platform in a browser: starts workers and prepares files.

import { WindrowError } from '../shared/errors.js';
import { shareable } from '../page/probe.js';

export const platform = {
  browser: true,
  isolated: () => globalThis.crossOriginIsolated === true,
  cores: () => Math.min(Math.max(globalThis.navigator?.hardwareConcurrency ?? 2, 1), 8),

  threads: () => shareable(),

  // Bundlers see a script only if its full name stands where its worker is created. webpack puts workers with one name
  // into one file.
  coordinator(threads, hear) {
    const worker = threads
      ? foreign('coordinator-threads.js') ?? new Worker(new URL('./coordinator-threads.js', import.meta.url), { type: 'module', name: 'windrow-threaded' })
      : foreign('coordinator.js') ?? new Worker(new URL('./coordinator.js', import.meta.url), { type: 'module', name: 'windrow' });
    return this.handle(worker, hear);
  },

  thread(hear) {
    return this.handle(foreign('thread.js') ?? new Worker(new URL('./thread.js', import.meta.url), { type: 'module', name: 'windrow-thread' }), hear);
  },

  worker(hear) {
    return this.handle(foreign('worker.js') ?? new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'windrow-worker' }), hear);
  },

  /** Connects a worker to a loader. */
  handle(worker, { message, failed }) {
    // At the first message or error, the browser has read a script that was created for the worker.
    const read = () => URL.revokeObjectURL(worker.script);
    for (const sign of ['message', 'error']) worker.addEventListener(sign, read, { once: true });
    worker.addEventListener('message', ({ data }) => message(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault?.();
      failed(event.message && `${event.message}${event.filename ? ` (${event.filename}:${event.lineno})` : ''}`);
    });
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      terminate() {
        this.serving ??= false;
        worker.terminate();
        read();
      },
    };
  },

  module: (url) => new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href).href,

  /** Calls `gone` when the coordinator's lock is free. Returns a function that stops listening. */
  watch(lock, gone) {
    const listening = new AbortController();
    navigator.locks?.request(lock, { signal: listening.signal }, gone).catch(() => {});
    return () => listening.abort();
  },

  folder: async (folder, name) => (await import('./opfs.js')).files(folder, name),

  async file(file, name) {
    if (typeof file === 'string' || file instanceof URL) file = { kind: 'http', url: file, read: 'whole' };
    if (file instanceof Blob) return { kind: 'blob', blob: file };
    if (ArrayBuffer.isView(file) || file instanceof ArrayBuffer) return { kind: 'blob', blob: new Blob([/** @type {BlobPart} */ (file)]) };
    if (file?.kind === 'http') return { ...file, url: new URL(file.url, globalThis.document?.baseURI ?? globalThis.location?.href).href };
    if (file?.kind === 'opfs') return { kind: 'blob', blob: await (await import('./opfs.js')).file(file.path) };
    throw new WindrowError({ code: 'SETTING', message: `a browser cannot read the file ${name}`, fix: 'give bytes, a Blob or File, a URL, source.http() or source.opfs()' });
  },
};

/** Returns a worker for a script of another origin, such as a CDN. Only a script of the page's origin may import it. */
function foreign(name) {
  const { href, origin, protocol } = new URL(import.meta.url);
  if (!globalThis.location || origin === location.origin || !/^https?:$/.test(protocol)) return undefined;
  const script = `import ${JSON.stringify(href.replace(/[^/]*$/, name))};`;
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  return Object.assign(new Worker(url, { type: 'module', name: 'windrow' }), { script: url });
}
