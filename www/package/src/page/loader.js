// @ts-check
// `loader(options)` checks the options, chooses a backend and opens the stream of batches.

import { describe } from './document.js';
import { choose } from './probe.js';
import { checked } from './settings.js';
import { Loader } from './stream.js';

/** Returns `loader(options)` for a platform, which starts workers and prepares files. */
export const loaderOn = (platform) => async (given) => {
  const options = checked(given);
  options.signal?.throwIfAborted();
  const { document, files, modules, calls, served, words } = describe(options);
  const { own } = options.worker || options.coordinator ? await import('./own.js') : {};
  const owns = { worker: options.worker && own(options.worker, 'worker'), coordinator: options.coordinator && own(options.coordinator, 'coordinator') };
  const mode = await choose(platform, options, calls || served, failedThreads);
  const made = {};
  for (const [name, file] of Object.entries(files)) {
    if (file?.kind === 'folder') Object.assign(made, await platform.folder(file.folder, name));
    else made[name] = await platform.file(typeof file === 'function' ? await file() : file, name);
  }
  options.signal?.throwIfAborted();
  const pipeline = { document, served, files: made, modules: modules.map((one) => ({ ...one, module: platform.module(one.module) })) };
  const open = async (mode) => {
    const loader = new Loader(platform, options, mode, pipeline, owns, words);
    await loader.open();
    return loader;
  };
  const auto = (options.backend ?? 'auto') === 'auto';
  try {
    if (auto && mode.fallback) say(mode);
    return await open(mode);
  } catch (error) {
    if (!auto || mode.backend !== 'threads' || !/_LOAD$|^(OUT_OF_MEMORY|SAMPLE|FAILED)$/.test(error?.code)) throw error;
    mode.backend = 'workers';
    mode.reason = `threads did not start: ${error.message}`;
    // Later loaders do not wait for threads again.
    if (error.code !== 'OUT_OF_MEMORY') failedThreads = mode.reason;
    say(mode);
    return open(mode);
  }
};

/** The reason why threads did not start on this page. */
let failedThreads;

/** Logs the backend and its reason once for each page, to explain the speed. */
let said = false;
function say({ backend, reason }) {
  if (!said) console.info(`windrow: backend ${backend}, because ${reason}`);
  said = true;
}
