// What goes wrong in a browser: each ends in the right stream or in an error with a code.

import { assert, equal, rejected } from './cases.js';

export const faults = {
  async 'a page of the server where bytes were expected is named as such'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const read of ['whole', 'range']) {
      const error = await rejected(loader({ source: source.npy({ x: source.http('/spa/x.npy', { read }) }), backend: 'inline' }));
      equal(error.code, 'FORMAT', error.message);
      assert(/HTML/.test(error.message), error.message);
    }
    const missing = await rejected(loader({ source: source.npy({ x: here.url('nothing.npy') }), backend: 'inline' }));
    equal(missing.code, 'READ', missing.message);
    assert(/404/.test(missing.message), missing.message);
  },

  async 'ranges of a URL give the bytes that the whole gives'({ windrow, here }) {
    const { loader, source } = windrow;
    const digests = [];
    for (const read of ['whole', 'range']) {
      for (const mode of here.modes) {
        const data = await loader({ source: source.npy({ x: source.http('/tests/data/c_f4_v1.npy', { read }) }), shuffle: true, digest: true, ...mode });
        for await (const _ of data);
        digests.push(data.digest);
      }
    }
    assert(digests[0] && digests.every((digest) => digest === digests[0]), digests.join());
  },

  async 'a server without ranges and a source that changes are named'({ windrow }) {
    const { loader, source } = windrow;
    const open = (path) => loader({ source: source.npy({ x: source.http(path, { read: 'range' }) }), backend: 'inline' });
    const none = await rejected(open('/norange/tests/data/c_f4_v1.npy'));
    equal(none.code, 'NO_RANGE', none.message);
    const changed = await rejected(open('/changing/tests/data/c_f4_v1.npy'));
    equal(changed.code, 'SOURCE_CHANGED', changed.message);
  },

  async 'a run that goes offline has errors with their reason, and an end'({ windrow }) {
    const { loader, source } = windrow;
    const data = await loader({ source: source.npy({ x: source.http('/offline/tests/data/c_f4_v1.npy', { read: 'range' }) }), epochs: 20, backend: 'workers', workers: 1 });
    const codes = new Set();
    for (;;) {
      const item = await data.next().catch((error) => error);
      if (item.done) break;
      codes.add(item.code ?? 'ok');
    }
    equal([...codes].at(-1), 'READ');
  },

  async 'a wasm that is missing, a page, or cut short is named when the loader opens'({ windrow, here }) {
    for (const fault of ['wasm404', 'wasmhtml', 'wasmcut']) {
      const { loader, source } = await import(here.url(`${fault}/www/pkg/src/index.js`));
      for (const backend of ['inline', 'workers']) {
        const error = await rejected(loader({ source: source.range(9), backend, workers: 1 }));
        equal(error.code, 'WASM_LOAD', `${fault}: ${error.message}`);
      }
    }
  },

  async 'a worker script that does not load is named'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const path of ['nothing.js', 'spa/worker.js', 'tests/web/broken.worker.js']) {
      const worker = () => new Worker(here.url(path), { type: 'module' });
      const error = await rejected(loader({ source: source.range(9), worker, workers: 1 }));
      equal(error.code, 'WORKER_LOAD', `${path}: ${error.message}`);
      assert(error.fix, 'it says what to do');
    }
  },

  async 'a worker script that answers nothing is given up after the time to start'({ windrow, here }) {
    const { loader, source } = windrow;
    const worker = () => new Worker(here.url('tests/web/module.js'), { type: 'module' });
    const error = await rejected(loader({ source: source.range(9), worker, workers: 1, startTimeout: 200 }).then((data) => data.next()));
    equal(error.code, 'WORKER_LOAD', error.message);
  },
};
