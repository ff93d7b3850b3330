// What goes wrong in a browser: each ends in the right stream or in an error with a code.

import { assert, equal, rejected } from './cases.js';
import { run } from './recovery.js';

/** The package's coordinators, the first so many of them with a trap at a call. */
const trapping = (here, lives, at) => here.patched((url, lived) => {
  if (/\/coordinator\.js$/.test(url) && (lives -= 1) >= 0) return here.url(`tests/web/trapping.coordinator.js?at=${at}`);
});

export const faults = {
  async 'a trap in the coordinator costs nothing, wherever it comes'({ windrow, here }) {
    const want = await run(windrow, { backend: 'inline' });
    for (const mode of [{ backend: 'inline' }, { backend: 'workers', workers: 2 }]) {
      // More than three traps cost nothing if batches come in between: how many calls a batch takes depends on the workers.
      for (const [lives, at] of [[1, 1], [1, 13], [3, 2], [9, mode.workers ? 30 : 9]]) {
        const { restore } = trapping(here, lives, at);
        try {
          const got = await run(windrow, mode);
          equal([got.digest, got.items], [want.digest, want.items], `${lives} traps at call ${at} on ${mode.backend}`);
          assert(got.recovered.length >= 1 && got.recovered.length <= lives, `${got.recovered.length} recoveries`);
          assert(/trapped.*unreachable/i.test(got.recovered[0].why), got.recovered[0].why);
        } finally {
          restore();
        }
      }
    }
  },

  async 'a trap that comes again and again in one place is an error that says so'({ windrow, here }) {
    const { started, restore } = trapping(here, 99, 1);
    try {
      const data = await windrow.loader({ source: windrow.source.range(9), backend: 'inline' });
      const error = await rejected(data.next());
      equal([error.name, error.code], ['WindrowError', 'SAMPLE'], error.message);
      assert(/trapped.*unreachable/i.test(error.message) && error.fix, error.message);
      equal(started.length, 4, 'one coordinator and three more');
    } finally {
      restore();
    }
  },

  async 'a program that is lost on its way is compiled again'({ windrow, here }) {
    const want = await run(windrow, { backend: 'inline' });
    const deaf = (more) => here.patched((url) => (/\/coordinator\.js$/.test(url) ? here.url(`tests/web/deaf.coordinator.js${more}`) : undefined));
    for (const mode of [{ backend: 'inline' }, { backend: 'workers', workers: 2 }]) {
      const { started, restore } = deaf('');
      try {
        const got = await run(windrow, mode);
        equal([got.digest, got.items, got.recovered], [want.digest, want.items, []], mode.backend);
        equal(started.filter(({ url }) => /coordinator/.test(url)).length, 2, 'one that could not read it, and one more');
      } finally {
        restore();
      }
    }
    const { restore } = deaf('?all');
    try {
      const error = await rejected(windrow.loader({ source: windrow.source.range(9), backend: 'inline' }));
      equal([error.name, error.code], ['WindrowError', 'WORKER_LOAD'], error.message);
      assert(/could not read/.test(error.message) && error.fix, error.message);
    } finally {
      restore();
    }
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
    for (const [path, says] of [
      ['nothing.js', /status 404/], ['spa/worker.js', /text\/html/], ['tests/web/broken.worker.js', /broken on purpose/],
      ['tests/web/unfinished.worker.js', /syntax error|SyntaxError/],
    ]) {
      const worker = () => new Worker(here.url(path), { type: 'module' });
      const error = await rejected(loader({ source: source.range(9), worker, workers: 1 }));
      equal(error.code, 'WORKER_LOAD', `${path}: ${error.message}`);
      assert(error.fix && error.message.includes(here.url(path)), error.message);
      assert(says.test(error.message), error.message);
    }
  },

  async 'a browser that refuses locks has every other thing'({ windrow, here }) {
    const want = await run(windrow, { backend: 'inline' });
    const worker = () => new Worker(here.url('tests/web/refusing.worker.js'), { type: 'module' });
    for (const coordinators of [false, true]) {
      const { restore } = here.patched((url) => (coordinators && /\/coordinator\.js$/.test(url) ? here.url('tests/web/refusing.coordinator.js') : undefined));
      try {
        // A worker that seems terminated, because nobody holds its lock, would be lost again and again.
        const lost = [];
        const got = await run(windrow, { backend: 'workers', workers: 2, worker, startupTimeout: 20_000, onEvent: ({ kind, why }) => kind === 'lost' && lost.push(why) });
        equal([got.digest, got.items, lost], [want.digest, want.items, []], coordinators ? 'both refused' : 'workers refused');
      } finally {
        restore();
      }
    }
  },

  async 'the time that the program takes to come is not counted'({ here }) {
    const { loader, source } = await import(here.url('wasmslow/www/pkg/src/index.js'));
    for (const backend of ['inline', 'workers']) {
      const data = await loader({ source: source.range(9), backend, workers: 1, startupTimeout: 10_000 });
      equal((await data.next()).value.number, 0);
      await data.close();
    }
  },

  async 'scripts of another origin leave no blob behind'({ windrow }) {
    const { createObjectURL, revokeObjectURL } = URL;
    const left = new Set();
    URL.createObjectURL = (blob) => {
      const url = createObjectURL.call(URL, blob);
      left.add(url);
      return url;
    };
    URL.revokeObjectURL = (url) => (left.delete(url), revokeObjectURL.call(URL, url));
    try {
      for (const backend of ['inline', 'workers']) {
        const data = await windrow.loader({ source: windrow.source.range(9), backend, workers: 2 });
        await data.next();
        for (let tries = 0; left.size > 0 && tries < 500; tries++) await new Promise((later) => setTimeout(later, 10));
        equal([...left], [], backend);
        await data.close();
      }
    } finally {
      Object.assign(URL, { createObjectURL, revokeObjectURL });
    }
  },

  async 'a worker script that answers nothing is given up after the time to start'({ windrow, here }) {
    const { loader, source } = windrow;
    const worker = () => new Worker(here.url('tests/web/module.js'), { type: 'module' });
    const error = await rejected(loader({ source: source.range(9), worker, workers: 1, startupTimeout: 200 }).then((data) => data.next()));
    equal(error.code, 'WORKER_LOAD', error.message);
  },
};
