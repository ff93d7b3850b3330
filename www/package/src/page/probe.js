// @ts-check
// Which backend a loader gets, and whether this page may have threads: found out by doing what threads need.

import { setting } from './document.js';
import { WindrowError } from '../shared/errors.js';

/** A shared memory, an atomic load and a `try`. */
const THREADED = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 4, 1, 3, 1, 1,
  10, 15, 1, 13, 0, 6, 64, 25, 11, 65, 0, 254, 16, 2, 0, 26, 11,
);

/**
 * Which backend, with how many workers, and why; `failed` says why threads did not start before.
 * @param {any} platform
 * @param {Record<string, any>} options
 * @param {boolean} calls
 * @param {string} [failed]
 */
export async function choose(platform, { backend = 'auto', workers, worker, coordinator, sampleTimeout, onEvent }, calls, failed) {
  const isolated = platform.isolated();
  const count = workers || platform.cores();
  const threads = (await platform.threads?.()) ?? 'this build of windrow has no threads';
  const mode = (backend, workers, reason) => ({ backend, workers, isolated, reason });
  if (calls && (backend === 'inline' || backend === 'threads')) {
    throw new WindrowError({ code: 'NOT_SERVED', message: `functions and sources of JavaScript cannot be called with backend ${backend}`, fix: 'use backend workers or auto' });
  }
  if (backend === 'inline') return mode('inline', 1, 'asked for');
  if (workers === 0 && !calls) {
    if (backend !== 'auto') throw setting('workers', `is 0 with backend ${backend}`, 'give 1 or more, or backend inline');
    return mode('inline', 1, 'workers is 0');
  }
  if (backend === 'threads') {
    if (worker) throw setting('worker', 'is given with backend threads', 'functions of a worker file run with backend workers');
    if (coordinator) throw setting('coordinator', 'is given with backend threads', 'a coordinator file of your own runs with backend workers or inline');
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
  if (onEvent) return mode('workers', count, 'only workers tell what they do');
  const why = threads === true ? (failed ?? doubtful()) : threads;
  if (why) return { ...mode('workers', count, why), fallback: platform.browser };
  return mode('threads', count, 'memory can be shared here');
}

/** Why threads must be asked for here although there are some: in WebKit a sample once came out without its fields. */
function doubtful() {
  const { userAgent = '' } = globalThis.navigator ?? {};
  return /AppleWebKit/.test(userAgent) && !/Chrom/.test(userAgent) ? 'threads of WebKit are not trusted yet; ask for them with backend threads' : undefined;
}

/** What `probed` found: each try takes a memory, which a page has until its garbage is collected. */
let found;

/** True, or why there are no threads. */
export const shareable = () => (found ??= probed());

function probed() {
  if (globalThis.crossOriginIsolated === false) return 'the page is not cross-origin isolated (headers COOP and COEP), so it has no threads';
  if (typeof SharedArrayBuffer !== 'function') return 'there is no SharedArrayBuffer here';
  try {
    const { port1 } = new MessageChannel();
    port1.postMessage(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }));
    port1.close();
    return WebAssembly.validate(THREADED) || 'WebAssembly has no threads with exceptions here';
  } catch (error) {
    return `memory cannot be shared with workers: ${error.message}`;
  }
}
