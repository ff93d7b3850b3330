// What must hold of ends and losses that are nobody's sample, in Node and in every browser.

import { assert, equal, rejected } from './cases.js';
import { run } from './recovery.js';
import { all } from './transforms.js';

const later = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** A loader of a source that counts who opens it, and of whose third and fourth opening nothing comes. */
let blips = 0;
async function blinking({ loader, source }, here, more) {
  const options = { url: here.http(`blip/${(blips += 1)}`), length: 400 };
  return loader({ source: source.js('blinking', { options }), worker: here.worker, workers: 2, batchSize: 10, digest: true, ...more });
}

export const ends = {
  async 'an error that ends a loader is told once, and timers go on'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const stopping = new AbortController();
      const data = await loader({ source: source.range(1000), batchSize: 10, ...mode, signal: stopping.signal });
      await data.next();
      stopping.abort(Error('enough'));
      const got = [];
      while (got.length < 1000 && !got.at(-1)?.done) got.push(await data.next().catch((error) => error));
      equal(got.map((item) => item.message ?? item.done), ['enough', true]);
      equal((await rejected(data[Symbol.asyncIterator]().next())).code, 'CLOSED');
      await data.close();
    }
  },

  async 'of all that wait when a loader is aborted, one hears why'({ windrow }) {
    const { loader, source } = windrow;
    const stopping = new AbortController();
    const data = await loader({ source: source.range(400_000), batchSize: 100_000, backend: 'inline', signal: stopping.signal });
    const waiting = Array.from({ length: 9 }, () => data.next());
    stopping.abort(Error('enough'));
    const got = await Promise.allSettled(waiting);
    equal(got.filter(({ status }) => status === 'rejected').map(({ reason }) => reason.message), ['enough']);
    assert(got.at(-1).value.done, 'the last one has the end');
  },

  async 'returning an iterator that was never asked ends the loader'({ windrow, here }) {
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const data = await windrow.loader({ source: windrow.source.range(100), ...mode });
      const { done, value } = await data[Symbol.asyncIterator]().return('kept');
      equal([done, value], [true, 'kept']);
      equal(await data.next(), { done: true });
    }
  },

  async 'an onEvent that throws changes nothing, even when the coordinator is lost'({ windrow, here }) {
    const want = await run(windrow, { backend: 'inline' });
    const { started, restore } = here.patched();
    const { error } = console;
    let told = 0;
    console.error = (...all) => /onEvent threw/.test(all[0]) && (told += 1);
    try {
      const kill = () => started.filter(({ url }) => /coordinator/.test(url)).at(-1).worker.terminate();
      const onEvent = () => { throw Error('on purpose'); };
      const got = await run(windrow, { backend: 'workers', workers: 2, onEvent }, async (number) => number === 20 && kill());
      equal([got.digest, got.items], [want.digest, want.items]);
      assert(told > 0, 'it is told');
    } finally {
      console.error = error;
      restore();
    }
  },

  async 'an error that nobody catches in a worker costs that worker and its sample alone'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const data = await loader({ source: source.range(12), pipeline: [ops.js('tripping')], worker: here.worker, workers: 2 });
    const got = await all(data);
    equal(got.map((item) => item.code ?? Number(item.fields.value.data[0])), [0, 1, 2, 3, 4, 5, 6, 'SAMPLE', 8, 9, 10, 11]);
    assert(/tripped/.test(got[7].message), got[7].message);
  },

  async 'a worker that cannot be started again for a while costs nothing'({ windrow, here }) {
    const { digest: want } = await (async () => {
      const data = await blinking(windrow, here, { workers: 1 });
      await all(data);
      return data;
    })();
    const events = [];
    const { started, restore } = here.patched();
    try {
      const data = await blinking(windrow, here, { onEvent: (event) => events.push(event) });
      while (events.filter(({ kind }) => kind === 'ready').length < 2) await later(5);
      started.find(({ url }) => !/coordinator/.test(url)).worker.terminate();
      while (events.filter(({ kind }) => kind === 'ready').length < 3) await later(5);
      await all(data);
      equal(data.digest, want);
      const lost = events.filter(({ kind }) => kind === 'lost').map(({ why }) => why);
      equal(lost.length, 3, lost.join('; '));
      assert(lost.slice(1).every((why) => /status 503/.test(why)), lost.join('; '));
    } finally {
      restore();
    }
  },

  async 'what is given as worker and starts none gets a sentence'({ windrow, here }) {
    const { loader, source } = windrow;
    const one = here.worker();
    for (const [worker, says] of [['/w.js', /"\/w.js"/], [one, /not a function: \[object \w*\]/], [() => {}, /returned no Worker: undefined/], [async () => one, /returned no Worker: \[object Promise\]/], [() => one, /one Worker twice/]]) {
      const error = await rejected(loader({ source: source.range(9), worker, workers: 2 }));
      equal([error.name, error.code], ['WindrowError', 'SETTING'], error.message);
      assert(says.test(error.message) && /new Worker\(new URL/.test(error.fix), error.message);
    }
    one.terminate();
  },

  async 'a worker file that never calls serve is named within seconds'({ windrow, here }) {
    const { loader, source } = windrow;
    const { warn } = console;
    const said = [];
    console.warn = (text) => said.push(text);
    try {
      const opening = rejected(loader({ source: source.range(9), worker: here.silent, workers: 1, startupTimeout: 6000 }));
      const started = performance.now();
      while (said.length === 0 && performance.now() - started < 60_000) await later(50);
      assert(/silent\.\w+\.js.* has not called serve\(\)/.test(said[0]), said[0]);
      const error = await opening;
      equal([error.name, error.code], ['WindrowError', 'WORKER_LOAD'], error.message);
      assert(/silent\.\w+\.js.*has not called serve\(\) of windrow\/worker within 6000 ms/.test(error.message), error.message);
    } finally {
      console.warn = warn;
    }
  },

  async 'a source that never opens is named when the time to start is over'({ windrow, here }) {
    const { loader, source } = windrow;
    const error = await rejected(loader({ source: source.js('neverOpens'), worker: here.worker, workers: 2, startupTimeout: 10_000 }));
    equal([error.name, error.code], ['WindrowError', 'WORKER_LOAD'], error.message);
    assert(/worker \d did not start within 10000 ms: .*source/.test(error.message), error.message);
  },
};
