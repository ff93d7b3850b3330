// @ts-check
// A worker, which runs the random-access part of the pipeline in its own wasm instance.

import { plain, safely } from '../shared/errors.js';
import { caller, opened } from './functions.js';
import { hello } from './hello.js';
import { heldForLife } from '../shared/lock.js';

/** @import { FromWorker, ToWorker } from '../shared/protocol.js' */

/** Read once, because the value moves a little in WebKit, and a task must not end before its start. */
const ORIGIN = performance.timeOrigin;
const now = () => ORIGIN + performance.now();

/**
 * @param {any} endpoint
 * @param {Record<string, any>} platform
 * @param {Record<string, any>} [functions]
 * @param {Record<string, any>} [sources]
 */
export function work(endpoint, { glue, reader, locks }, functions = {}, sources = {}) {
  endpoint.addEventListener('message', ({ data }) => {
    if (data?.type !== 'windrow:port') return;
    endpoint.postMessage({ type: 'windrow:serving' });
    const { port } = data;
    /** @type {(message: FromWorker, transfer?: Transferable[]) => void} */
    const post = (message, transfer = []) => port.postMessage(message, transfer);
    const requests = [];
    let own, calls, answering = false;
    port.onmessage = (/** @type {{ data: ToWorker }} */ { data }) => {
      if (data.type === 'open') open(data).catch((error) => post({ type: 'error', error: plain(error, 'WORKER') }));
      else if (data.type === 'request') requests.push(data.bytes), answering || answer();
    };

    // Node ends a thread for a rejected promise, but a browser only logs the rejection. The awaited answer may never
    // come.
    endpoint.addEventListener('unhandledrejection', ({ reason }) => lost(`no code caught a rejected promise: ${reason?.message ?? reason}`));

    hello(port, () => own);

    /** Ends this worker. The page starts another in its place. */
    function lost(why) {
      own = undefined;
      post({ type: 'trap', why });
    }

    async function open({ document, files, module, modules, lock }) {
      const served = { functions: { ...functions }, sources: { ...sources } };
      for (const { kind, name, module } of modules) served[kind][name] = await imported(kind, name, module);
      const { name, options } = named(document);
      const has = name !== undefined && Object.hasOwn(served.sources, name);
      const open = has ? { [name]: await opened(name, served.sources[name], options) } : {};
      const watched = await heldForLife(locks, lock);
      glue.initSync({ module });
      glue.provide(reader(files));
      calls = caller(served.functions, open);
      glue.functions(calls);
      own = new glue.WebWorker(document);
      post({ type: 'ready', watched, fingerprint: own.fingerprint(), lengths: has ? { [name]: calls.length(name) } : {} });
    }

    /** Answers requests one after another, and awaits the promises of functions. */
    async function answer() {
      answering = true;
      for (let request; own && (request = requests.shift()); ) {
        const started = now();
        let bytes;
        try {
          while ((bytes = own.answer(request)) === undefined) await calls.settle(glue.settle);
        } catch (error) {
          // A trap may leave the memory inconsistent, so this worker ends.
          const panic = safely(() => glue.lastPanic());
          return lost(panic ?? `trapped: ${plain(error).message}`);
        }
        post({ type: 'reply', bytes, started, ended: now() }, [bytes.buffer]);
      }
      answering = false;
    }
  });
}

/** Returns the name and the options of the served source of a document, or an empty object. */
function named(document) {
  const { source } = safely(() => JSON.parse(document)) ?? {};
  return source?.kind === 'served' ? source : {};
}

async function imported(kind, name, url) {
  let module;
  try {
    module = await import(/* @vite-ignore */ /* webpackIgnore: true */ url);
  } catch (error) {
    throw Error(`[NOT_SERVED] ${url} cannot be imported: ${error.message}`);
  }
  const fits = kind === 'sources' ? module[name] !== undefined : typeof module[name] === 'function';
  if (!fits) throw Error(`[NOT_SERVED] ${url} has no ${kind === 'sources' ? 'source' : 'function'} ${name}`);
  return module[name];
}
