// What must be said where a page may not do something: a case for each kind of page.

import { equal, rejected } from './cases.js';

export const places = {
  async 'a page whose policy forbids wasm is told so'({ windrow }) {
    const { loader, source } = windrow;
    const error = await rejected(loader({ source: source.range(9), backend: 'inline' }));
    equal(error.code, 'WASM_LOAD', error.message);
  },

  async 'a page whose policy forbids workers is told so'({ windrow }) {
    const { loader, source } = windrow;
    for (const backend of ['inline', 'workers']) {
      const error = await rejected(loader({ source: source.range(9), backend, workers: 1 }));
      equal(error.code, 'WORKER_LOAD', error.message);
    }
  },

  async 'a page that is not isolated is told why it has no threads'({ windrow }) {
    const { loader, source } = windrow;
    const data = await loader({ source: source.range(9), workers: 2 });
    equal([data.mode.backend, data.mode.workers, data.mode.isolated], ['workers', 2, false]);
    if (!/isolated/.test(data.mode.reason)) throw Error(data.mode.reason);
    await data.close();
    const error = await rejected(loader({ source: source.range(9), backend: 'threads' }));
    equal(error.code, 'UNSUPPORTED', error.message);
  },
};
