// @ts-check
// Chooses a backend for a loader. The check for threads tries what threads need.

import { setting } from './document.js';
import { WindrowError } from '../shared/errors.js';

/** A WebAssembly module with shared memory, an atomic load and a `try`. */
const THREADED = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 4, 1, 3, 1, 1,
  10, 15, 1, 13, 0, 6, 64, 25, 11, 65, 0, 254, 16, 2, 0, 26, 11,
);

/**
 * Returns the backend, the number of workers and the reason. `failed` says why threads did not start before.
 * @param {any} platform
 * @param {Record<string, any>} options
 * @param {boolean} calls
 * @param {string} [failed]
 */
export async function choose(platform, { backend = 'auto', workers, worker, coordinator, sampleTimeout, onEvent }, calls, failed) {
  const isolated = platform.isolated();
  const count = workers || platform.cores();
  const threads = (await platform.threads?.()) ?? 'this build of windrow does not support threads';
  const mode = (backend, workers, reason) => ({ backend, workers, isolated, reason });
  if (calls && (backend === 'inline' || backend === 'threads')) {
    throw new WindrowError({ code: 'NOT_SERVED', message: `backend ${backend} cannot call JavaScript functions and sources`, fix: 'use backend workers or auto' });
  }
  if (backend === 'inline') return mode('inline', 1, 'asked for');
  if (workers === 0 && !calls) {
    if (backend !== 'auto') throw setting('workers', `is 0 with backend ${backend}`, 'give 1 or more, or backend inline');
    return mode('inline', 1, 'workers is 0');
  }
  if (backend === 'threads') {
    if (worker) throw setting('worker', 'is given with backend threads', 'use backend workers for the functions of a worker file');
    if (coordinator) throw setting('coordinator', 'is given with backend threads', 'use backend workers or inline for your own coordinator file');
    if (threads !== true) {
      throw new WindrowError({ code: 'UNSUPPORTED', message: `backend threads is not available: ${threads}`, fix: 'use backend auto or workers' });
    }
    return mode('threads', count, 'asked for');
  }
  if (backend === 'workers') return mode('workers', count, 'asked for');
  if (calls) return mode('workers', count, 'JavaScript functions run in workers');
  if (worker) return mode('workers', count, 'a worker file is given');
  if (coordinator) return mode('workers', count, 'a coordinator file is given');
  if (sampleTimeout !== undefined) return mode('workers', count, 'only a worker can be stopped when a sample takes too long');
  if (onEvent) return mode('workers', count, 'only workers tell onEvent what they do');
  const why = threads === true ? (failed ?? doubtful()) : threads;
  if (why) return { ...mode('workers', count, why), fallback: platform.browser };
  return mode('threads', count, 'memory can be shared here');
}

/** Returns why threads must be asked for in WebKit, where a sample once came out without its fields. */
function doubtful() {
  const { userAgent = '' } = globalThis.navigator ?? {};
  return /AppleWebKit/.test(userAgent) && !/Chrom/.test(userAgent) ? 'WebKit threads are not reliable yet; to use them, set backend threads' : undefined;
}

/** The result of `probed`, kept because each try allocates memory that stays until the page collects garbage. */
let found;

/** Returns `true`, or the reason why threads are not available. */
export const shareable = () => (found ??= probed());

function probed() {
  if (globalThis.crossOriginIsolated === false) return 'the page is not cross-origin isolated; threads need the headers COOP and COEP';
  if (typeof SharedArrayBuffer !== 'function') return 'this environment has no SharedArrayBuffer';
  try {
    const { port1 } = new MessageChannel();
    port1.postMessage(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }));
    port1.close();
    return WebAssembly.validate(THREADED) || 'this environment has no WebAssembly threads with exceptions';
  } catch (error) {
    return `memory cannot be shared with workers: ${error.message}`;
  }
}
