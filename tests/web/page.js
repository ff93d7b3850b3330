// The cases in a page: `run(name)` resolves to what went wrong, or to nothing.

import { benches, speed } from './bench.js';
import { cases, filesOf, modes } from './cases.js';
import { ends } from './ends.js';
import { epochs } from './epochs.js';
import { faults } from './faults.js';
import { files } from './files.js';
import { opfs } from './opfs.js';
import { options } from './options.js';
import { patience } from './patience.js';
import { places } from './places.js';
import { recovery } from './recovery.js';
import { served } from './served.js';
import { threads } from './threads.js';
import { transforms } from './transforms.js';

const kinds = { cases, epochs, options, transforms, served, files, recovery, ends, patience, opfs, faults, places, threads };
const all = Object.assign({}, ...Object.values(kinds));
// From another origin where the address says so.
const from = new URLSearchParams(location.search).get('from') ?? location.origin;
const windrow = await import(`${from}/www/pkg/src/index.js`);
const here = {
  // Where there are threads, one number of workers: the plain page tries all.
  modes: globalThis.crossOriginIsolated === true && typeof SharedArrayBuffer === 'function'
    ? modes(true).filter(({ backend, workers }) => backend !== 'workers' || workers === 2)
    : modes(false),
  cycles: Number(new URLSearchParams(location.search).get('cycles') ?? 10),
  open: async (path) => (await fetch(`/${path}`)).blob(),
  list: async (path) => (await fetch(`/list/${path}`)).json(),
  json: async (path) => (await fetch(`/${path}`)).json(),
  worker: () => new Worker(new URL('./functions.worker.js', import.meta.url), { type: 'module' }),
  coordinator: () => new Worker(new URL('./own.coordinator.js', import.meta.url), { type: 'module' }),
  silent: () => new Worker(new URL('./silent.worker.js', import.meta.url), { type: 'module' }),
  trapping: () => new Worker(new URL('./trapping.worker.js', import.meta.url), { type: 'module' }),
  url: (path) => new URL(`/${path}`, location.href).href,
  http: (path) => `/${path}`,
  panicking: () => import(`${location.origin}/panic/www/pkg/src/index.js`),
  patched: patchWorkers,
};

/** Workers started by the package, and what makes one of them another one: for this page, once. */
function patchWorkers(other = () => undefined) {
  const Plain = globalThis.Worker;
  const started = [];
  globalThis.Worker = class extends Plain {
    constructor(url, options) {
      super(other(String(url), started.length) ?? url, options);
      started.push({ url: String(url), worker: this });
    }
  };
  return { started, restore: () => (globalThis.Worker = Plain) };
}

// Code that WebKit has made fast by then does not see the first change of a global.
patchWorkers().restore();

Object.assign(globalThis, { windrow, here, filesOf });
globalThis.names = Object.fromEntries(Object.entries(kinds).map(([kind, each]) => [kind, Object.keys(each)]));
globalThis.run = async (name) => {
  try {
    await all[name]({ windrow, here });
    return null;
  } catch (error) {
    return `${error.stack?.includes(error.message) ? error.stack : `${error}\n${error.stack}`}`;
  }
};
globalThis.benchNames = Object.keys(benches);
globalThis.bench = (name) => benches[name]({ windrow, here });
globalThis.against = async () => (await import('./against.js')).against(windrow);
globalThis.speed = async (spec, paths) => {
  const files = {};
  for (const [name, path] of Object.entries(paths)) files[name] = await here.open(path);
  return speed(windrow, spec, files);
};
