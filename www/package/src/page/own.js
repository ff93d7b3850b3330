// @ts-check
// Workers that a function of the caller starts, from a file that must call `serve`.

import { setting } from './document.js';

/** The time in milliseconds before a warning about a worker that has not called `serve`. */
const QUIET = 2500;
const fixOf = (what) => `give a function that starts a worker each time: () => new Worker(new URL('./loader.${what}.js', import.meta.url), { type: 'module' })`;
/** The workers that a function has returned before. */
const given = new WeakSet();

/**
 * Returns an object that starts workers with the function `make` of the option `what` (`worker` or `coordinator`).
 *
 * `file` is the workers' file, as far as known.
 */
export function own(make, what) {
  const FIX = fixOf(what);
  if (typeof make !== 'function') throw setting(what, `is ${typeof make === 'string' ? JSON.stringify(make) : `not a function: ${make}`}`, FIX);
  return {
    file: String(make).slice(0, 200),
    start(platform, hear, index) {
      const [worker, url] = seen(make);
      if (url) this.file = url;
      if (typeof worker?.postMessage !== 'function') throw setting(what, `returned no Worker: ${worker}`, FIX);
      if (given.has(worker)) throw setting(what, 'returned one Worker twice', FIX);
      given.add(worker);
      const started = platform.handle(worker, hear);
      if (what === 'coordinator') return started;
      const quiet = setTimeout(() => {
        if (started.serving === undefined) console.warn(`windrow: worker ${index} (${this.file}) has not called serve() of windrow/worker within ${QUIET} ms`);
      }, QUIET);
      quiet.unref?.();
      return started;
    },
  };
}

/** Returns the result of `make` and the URL of its worker, which browsers do not report. */
function seen(make) {
  const { Worker } = globalThis;
  if (!Worker) return [make()];
  let url;
  const construct = (Worker, all, made) => {
    url = new URL(all[0], globalThis.document?.baseURI ?? globalThis.location?.href).href;
    return Reflect.construct(Worker, all, made);
  };
  globalThis.Worker = new Proxy(Worker, { construct });
  try {
    return [make(), url];
  } finally {
    globalThis.Worker = Worker;
  }
}
