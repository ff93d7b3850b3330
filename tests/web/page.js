// The cases in a page: `run(name)` resolves to what went wrong, or to nothing.

import { benches } from './bench.js';
import { cases, modes } from './cases.js';
import { faults } from './faults.js';
import { places } from './places.js';
import { threads } from './threads.js';
import { transforms } from './transforms.js';

const all = { ...cases, ...transforms, ...faults, ...places, ...threads };
// From another origin where the address says so.
const from = new URLSearchParams(location.search).get('from') ?? location.origin;
const windrow = await import(`${from}/www/pkg/src/index.js`);
const here = {
  modes: modes(globalThis.crossOriginIsolated === true && typeof SharedArrayBuffer === 'function'),
  cycles: Number(new URLSearchParams(location.search).get('cycles') ?? 10),
  open: async (path) => (await fetch(`/${path}`)).blob(),
  json: async (path) => (await fetch(`/${path}`)).json(),
  worker: () => new Worker(new URL('./functions.worker.js', import.meta.url), { type: 'module' }),
  url: (path) => new URL(`/${path}`, location.href).href,
};

globalThis.windrow = windrow;
globalThis.names = Object.fromEntries(Object.entries({ cases, transforms, faults, places, threads }).map(([kind, each]) => [kind, Object.keys(each)]));
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
