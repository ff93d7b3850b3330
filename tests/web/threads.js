// What must hold of threads, on pages that may have them, and where they do not start.

import { assert, equal, rejected } from './cases.js';

const drain = async (data) => {
  for await (const _ of data);
  return data.digest;
};

/** A copy of the package of its own: what one has learned of threads, another does not know. */
const another = (here, fault) => import(here.url(`${fault}/www/pkg/src/index.js`));

export const threads = {
  async 'a page that is isolated has threads by itself'({ windrow }) {
    const { loader, source } = windrow;
    for (const backend of ['auto', 'threads']) {
      const data = await loader({ source: source.range(9), workers: 2, backend });
      // WebKit's must be asked for.
      const want = backend === 'auto' && /WebKit/.test(data.mode.reason) ? 'workers' : 'threads';
      equal([data.mode.backend, data.mode.workers, data.mode.isolated], [want, 2, true], data.mode.reason);
      await data.close();
    }
  },

  async 'what threads cannot do has workers by itself'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    for (const [more, why] of [
      [{ sampleTimeout: 60_000 }, /too long/],
      [{ onEvent() {} }, /tell/],
      [{ pipeline: [ops.js('jitter', { amount: 1 })], worker: here.worker }, /functions/],
    ]) {
      const data = await loader({ source: source.range(9), workers: 1, ...more });
      equal(data.mode.backend, 'workers');
      assert(why.test(data.mode.reason), data.mode.reason);
      await data.close();
    }
  },

  async 'a page without shared memory is told why it has no threads'({ windrow }) {
    const { loader, source } = windrow;
    const data = await loader({ source: source.range(9), workers: 1 });
    equal([data.mode.backend, data.mode.isolated], ['workers', true]);
    assert(/SharedArrayBuffer/.test(data.mode.reason), data.mode.reason);
    await data.close();
    equal((await rejected(loader({ source: source.range(9), backend: 'threads' }))).code, 'UNSUPPORTED');
  },

  async 'threads that do not load are an error where asked for, else workers and the reason'({ here }) {
    for (const fault of ['nothreads', 'nothread']) {
      const { loader, source } = await another(here, fault);
      // Firefox does not tell of an import that fails, so there this takes the time to start.
      const options = { source: source.range(9), workers: 2, startupTimeout: 15_000 };
      const error = await rejected(loader({ ...options, backend: 'threads' }));
      assert(/_LOAD$/.test(error.code), `${error.code}: ${error.message}`);
      const data = await loader(options);
      equal(data.mode.backend, 'workers', fault);
      assert(/threads did not start/.test(data.mode.reason), data.mode.reason);
      await drain(data);
    }
  },

  async 'threads that trap are an error where asked for, else workers when the loader opens'({ here }) {
    const { loader, source } = await another(here, 'trapthread');
    const options = { source: source.range(9), workers: 2 };
    const error = await rejected(loader({ ...options, backend: 'threads' }));
    equal([error.code, error.message], ['SAMPLE', 'the program trapped: unreachable']);
    assert(/workers/.test(error.fix), error.fix);
    const data = await loader(options);
    equal(data.mode.backend, 'workers');
    assert(/trapped/.test(data.mode.reason), data.mode.reason);
    await drain(data);
  },

  async 'threads that never answer become workers after the time to start, once a page'({ here }) {
    const { loader, source } = await another(here, 'mutethread');
    const modes = [];
    for (const startupTimeout of [15_000, 15_001]) {
      const data = await loader({ source: source.range(9), workers: 2, startupTimeout });
      modes.push(data.mode);
      await drain(data);
    }
    equal(modes.map(({ backend }) => backend), ['workers', 'workers']);
    assert(/within 15000 ms/.test(modes[0].reason), modes[0].reason);
    equal(modes[1].reason, modes[0].reason);
  },

  async 'threads that need more memory than they share are an error that says so'({ windrow }) {
    const { loader, source, ops } = windrow;
    // 8 MB a sample: before the batch is full, there is no more.
    const data = await loader({
      source: source.range(400), backend: 'threads', workers: 2, batchSize: 400,
      pipeline: [ops.oneHot({ field: 'value', classes: 1_000_000, dtype: 'f64' })],
    });
    const error = await rejected(drain(data));
    assert(/^(OUT_OF_MEMORY|SAMPLE)$/.test(error.code) && /memory/.test(error.message), `${error.code}: ${error.message}`);
    const next = await loader({ source: source.range(9), backend: 'threads', workers: 2, digest: true });
    assert(await drain(next), 'the next loader has memory of its own');
  },

  async 'threads share what is large, and give the digest that one alone gives'({ windrow }) {
    const { loader, source, ops } = windrow;
    const digests = [];
    for (const mode of [{ backend: 'inline' }, { backend: 'threads', workers: 4 }]) {
      // 160 KB a sample, 8 MB a batch: memory comes and goes between threads all the time.
      const data = await loader({
        source: source.range(400), shuffle: 3, batchSize: 50, digest: true, ...mode,
        pipeline: [ops.oneHot({ field: 'value', classes: 20_000, dtype: 'f64' })],
      });
      digests.push(await drain(data));
    }
    equal(digests[1], digests[0]);
  },
};
