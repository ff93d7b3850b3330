// What must hold when the coordinator itself is lost, or a worker's wasm: the same stream, or an
// error with a code. `here.patched` tells of the workers that the package starts.

import { assert, equal, name, rejected } from './cases.js';
import { all } from './transforms.js';

const isCoordinator = ({ url }) => /coordinator/.test(url);
const shown = (items) => items.map((item) => item.code ?? [...item.fields.value.data].map(Number));

/** A pipeline with errors, skips of gaps, epochs, and batches that stages hold back. */
const pipeline = ({ source, ops }) => ({
  source: source.range(240), seed: 5, shuffle: true, epochs: 2, batchSize: 9, digest: true,
  pipeline: [ops.filter({ field: 'value', is: '!=', value: 17 }), ops.oneHot({ field: 'value', classes: 239 }), ops.cast({ field: 'value', dtype: 'u8' })],
});

/** Runs to the end; `each(number)` comes after each item. */
export async function run(windrow, options, each = async () => {}) {
  const events = [];
  const data = await windrow.loader({ ...pipeline(windrow), onEvent: (event) => events.push(event), ...options });
  const got = await all(data, each);
  const items = got.map(({ code, position, state }) => (code ? `${code} ${position}` : `${state.position} ${state.digest.slice(0, 8)}`));
  return { digest: data.digest, items, states: got.map(({ state }) => state), recovered: events.filter(({ kind }) => kind === 'recovered') };
}

export const recovery = {
  async 'a coordinator terminated from outside costs nothing in any mode'({ windrow, here }) {
    const want = await run(windrow, { backend: 'inline' });
    equal(want.items.filter((item) => item.startsWith('SAMPLE')).length, 2, 'errors in their places');
    for (const mode of here.modes.filter(({ workers }) => workers !== 1)) {
      const { started, restore } = here.patched();
      try {
        const kill = () => started.filter(isCoordinator).at(-1).worker.terminate();
        const got = await run(windrow, mode, async (number) => [1, 2, 20, 40].includes(number) && kill());
        equal([got.digest, got.items], [want.digest, want.items], name(mode));
        assert(got.recovered.length >= 1 && got.recovered.length <= 4, `${got.recovered.length} recoveries on ${name(mode)}`);
        const late = await run(windrow, { ...mode, resume: want.states[24] }, async (number) => number === 1 && kill());
        equal([late.digest, late.items], [want.digest, want.items.slice(25)], `${name(mode)}, resumed`);
      } finally {
        restore();
      }
    }
  },

  async 'a coordinator lost with all its workers, before anything came, costs nothing'({ windrow, here }) {
    const want = await run(windrow, { backend: 'inline' });
    const { started, restore } = here.patched();
    try {
      const data = await windrow.loader({ ...pipeline(windrow), backend: 'workers', workers: 2 });
      for (const { worker } of started) worker.terminate();
      const items = await all(data);
      equal([items.length, data.digest], [want.items.length, want.digest]);
    } finally {
      restore();
    }
  },

  async 'errors that came before a coordinator was lost are told once'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const { started, restore } = here.patched();
    try {
      const data = await loader({ source: source.range(40), pipeline: [ops.oneHot({ field: 'value', classes: 15 })], backend: 'inline' });
      const kill = () => started.filter(isCoordinator).at(-1).worker.terminate();
      const got = await all(data, async (number) => [14, 18, 25, 39].includes(number) && kill());
      equal(got.map((item) => item.position ?? 'sample'), Array.from({ length: 40 }, (_, i) => (i < 15 ? 'sample' : i)));
    } finally {
      restore();
    }
  },

  async 'closing ends a loader whose coordinator was just lost'({ windrow, here }) {
    const { started, restore } = here.patched();
    try {
      const data = await windrow.loader({ ...pipeline(windrow), backend: 'workers', workers: 2 });
      await data.next();
      started.filter(isCoordinator).at(-1).worker.terminate();
      const waiting = Array.from({ length: 8 }, () => data.next());
      await data.close();
      assert((await Promise.allSettled(waiting)).at(-1).value.done, 'the last one waits no longer');
    } finally {
      restore();
    }
  },

  async 'a coordinator that is lost again and again is given up with an error'({ windrow, here }) {
    const { started, restore } = here.patched();
    let done = false;
    try {
      const data = await windrow.loader({ source: windrow.source.range(1e9), batchSize: 1e7, backend: 'inline', startupTimeout: 4000 });
      const killed = (async () => {
        for (let seen = 0; !done; await new Promise((later) => setTimeout(later, 20))) {
          for (const { worker } of started.slice(seen)) worker.terminate();
          seen = started.length;
        }
      })();
      const error = await rejected(data.next());
      done = true;
      await killed;
      equal([error.name, error.code], ['WindrowError', 'WORKER'], error.message);
      assert(error.fix, 'it says what to do');
      equal(await data.next(), { done: true }, 'once is enough');
      equal((await rejected(data[Symbol.asyncIterator]().next())).code, 'CLOSED');
    } finally {
      done = true;
      restore();
    }
  },

  async 'a worker whose wasm traps costs its sample alone'({ windrow, here }) {
    const { loader, source } = windrow;
    const options = { source: source.range(24), backend: 'workers', workers: 2, worker: here.trapping };
    const got = await all(await loader(options));
    equal(got.map((item) => item.code ?? Number(item.fields.value.data[0])), Array.from({ length: 24 }, (_, i) => (i === 7 ? 'SAMPLE' : i)));
    assert(got[7].position === 7 && /unreachable|trapped/.test(got[7].message), got[7].message);
    const skipped = await loader({ ...options, onError: 'skip', batchSize: 23 });
    equal(shown([(await skipped.next()).value])[0].length, 23);
    equal(skipped.progress.skipped, 1);
    await skipped.close();
  },

  async 'a sample that panics is one error in its place, the same in every mode'({ here }) {
    const { loader, source } = await here.panicking();
    const data = Uint8Array.from({ length: 24 * 100 }, (_, i) => i / 100);
    const told = [];
    for (const mode of here.modes) {
      const options = { source: source.arrays({ x: { shape: [24, 100], data } }), seed: 3, shuffle: true, epochs: 2, digest: true, ...mode };
      const events = [];
      const first = await loader({ ...options, ...(mode.backend === 'threads' ? {} : { onEvent: (event) => events.push(event) }) });
      const got = await all(first);
      const errors = got.filter(({ code }) => code);
      equal([got.length, errors.map(({ code }) => code)], [48, ['SAMPLE', 'SAMPLE']], name(mode));
      assert(/panicked: assertion/.test(errors[0].message), errors[0].message);
      equal(events.filter(({ kind }) => kind === 'lost' || kind === 'recovered'), [], `nothing is lost on ${name(mode)}`);
      const skipping = await loader({ ...options, onError: 'skip', batchSize: 10 });
      await all(skipping);
      told.push([errors.map(({ message, position }) => [message, position]), first.digest, skipping.digest, skipping.progress.skipped]);
      equal(told.at(-1), told[0], name(mode));
    }
  },

  async 'a sample too large for memory is an error in its place'({ windrow }) {
    const { loader, source, ops } = windrow;
    // Each is 8 MiB; as many as the batch wants are more than wasm can have.
    const pipeline = [ops.oneHot({ field: 'value', classes: 1 << 20, dtype: 'f64' }), ops.batch({ size: 600 })];
    const data = await loader({ source: source.range(600), pipeline, backend: 'inline' });
    const [error, ...more] = await all(data);
    equal([error.code, error.position, more.length], ['SAMPLE', 0, 0], error.message);
    assert(/no memory for/.test(error.message), error.message);
  },
};
