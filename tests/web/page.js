// The cases in a page: `run(name)` resolves to what went wrong, or to nothing.

import * as windrow from '/www/pkg/src/index.js';
import { MODES, cases } from './cases.js';
import { faults } from './faults.js';

const all = { ...cases, ...faults };
const here = {
  modes: MODES,
  browser: true,
  open: async (path) => (await fetch(`/${path}`)).blob(),
  json: async (path) => (await fetch(`/${path}`)).json(),
  url: (path) => new URL(`/${path}`, location.href).href,
};

globalThis.windrow = windrow;
globalThis.names = Object.keys(all);
globalThis.run = async (name) => {
  try {
    await all[name]({ windrow, here });
    return null;
  } catch (error) {
    return `${error.stack?.includes(error.message) ? error.stack : `${error}\n${error.stack}`}`;
  }
};
