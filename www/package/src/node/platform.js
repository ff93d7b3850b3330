// @ts-check
// The platform in Node: starts workers and prepares files.

import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

import { WindrowError } from '../shared/errors.js';
import { execArgv } from './flags.js';
import { shared } from './reader.js';
import { shareable } from '../page/probe.js';

/** The time in milliseconds to wait for the end of a worker. A worker that waits for a file may never end. */
const PATIENCE = 5000;
/** The timer that keeps the program running, and the number of awaited promises. */
let alive, awaited = 0;

export const platform = {
  isolated: () => true,
  cores: () => Math.min(availableParallelism(), 8),

  threads: () => shareable(),

  module: (url) => (/^[a-z]+:/i.test(url) ? url : pathToFileURL(url).href),

  coordinator(threads, hear) {
    return this.handle(new Worker(new URL(threads ? './coordinator-threads.js' : './coordinator.js', import.meta.url), { execArgv }), hear);
  },

  thread(hear) {
    return this.handle(new Worker(new URL('./thread.js', import.meta.url), { execArgv }), hear);
  },

  worker(hear) {
    return this.handle(new Worker(new URL('./worker.js', import.meta.url), { execArgv }), hear);
  },

  /** Connects a worker to a loader. A worker keeps the program running only while a caller waits. */
  handle(worker, { message, failed }) {
    worker.on('message', message);
    worker.on('error', (error) => failed(told(error)));
    worker.on('exit', (code) => failed(`ended with exit code ${code}`));
    worker.unref();
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      terminate() {
        this.serving ??= false;
        return Promise.race([worker.terminate(), setTimeout(PATIENCE, undefined, { ref: false })]);
      },
    };
  },

  /** Returns the promise, and keeps the program running until the promise settles. */
  held(promise) {
    alive ??= setInterval(() => {}, 2 ** 31 - 1);
    alive.ref();
    awaited += 1;
    const done = () => (awaited -= 1) || alive.unref();
    promise.then(done, done);
    return promise;
  },

  async folder(folder, name) {
    const root = resolve(folder?.path ?? folder);
    try {
      const all = await readdir(root, { recursive: true, withFileTypes: true });
      const files = all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
      return Object.fromEntries(files.map((path) => [`${name}/${relative(root, path).replaceAll(sep, '/')}`, { kind: 'path', path }]));
    } catch (error) {
      throw new WindrowError({ code: 'READ', message: `listing ${root}: ${error.message}` }, { cause: error });
    }
  },

  async file(file, name) {
    if (file instanceof URL && file.protocol === 'file:') file = { kind: 'path', path: fileURLToPath(file) };
    if (typeof file === 'string') file = /^https?:/.test(file) ? { kind: 'http', url: file } : { kind: 'path', path: file };
    if (file instanceof URL) file = { kind: 'http', url: file.href };
    if (file instanceof Blob) file = await file.arrayBuffer();
    if (ArrayBuffer.isView(file) || file instanceof ArrayBuffer) return shared(file);
    if (file?.kind === 'path') return { kind: 'path', path: resolve(file.path) };
    if (file?.kind === 'http') return { ...file, url: String(file.url) };
    throw new WindrowError({ code: 'SETTING', message: `Node cannot read the file ${name}`, fix: 'give bytes, a Blob, a path or a URL' });
  },
};

/** Returns the message of a worker's error. For a syntax error, only the stack has the place. */
function told({ message, stack }) {
  const [, where] = /^((?:file:|\/)\S+:\d+)\n/.exec(stack) ?? [];
  return where ? `${message} (${where})` : message;
}
