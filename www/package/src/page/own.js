// @ts-check
// Workers of the user's own: started by a function, whose file has to call `serve`.

import { setting } from './document.js';

/** Milliseconds after which one hears of a worker that has not called `serve`. */
const QUIET = 2500;
const fixOf = (what) => `give a function that starts a worker each time: () => new Worker(new URL('./loader.${what}.js', import.meta.url), { type: 'module' })`;
/** Workers that were given before. */
const given = new WeakSet();

/**
 * What starts workers by the function `make` of the option `what`, `worker` or `coordinator`: `file` is where they come
 * from, as far as that can be seen.
 */
export function own(make, what) {
  const FIX = fixOf(what);
  if (typeof make !== 'function') throw setting(what, `is ${typeof make === 'string' ? JSON.stringify(make) : `no function: ${make}`}`, FIX);
  return {
    file: String(make).slice(0, 200),
    start(platform, hear, index) {
      const [worker, url] = seen(make);
      if (url) this.file = url;
      if (typeof worker?.postMessage !== 'function') throw setting(what, `gave no Worker: ${worker}`, FIX);
      if (given.has(worker)) throw setting(what, 'gave one Worker twice', FIX);
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

/** What a function gives, and the address of the worker that it starts: browsers tell nobody. */
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
