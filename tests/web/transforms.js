// What must hold of functions of the user, in Node and in every browser.

import { assert, equal, rejected } from './cases.js';
import { WRONG } from './functions.js';

/** Everything to the end, errors in their places; an error that ends the loader is thrown. */
export const all = async (data, each = async () => {}) => {
  const got = [];
  for (;;) {
    const item = await data.next().catch((error) => error);
    if (item.done) return got;
    // An error with no place in the stream ends it.
    if (item.code && item.position === undefined) throw item;
    got.push(item.code ? item : item.value);
    await each(got.length);
  }
};

export const transforms = {
  async 'a function of the worker file gives the same stream for every number of workers'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const run = async (workers, resume) => {
      const data = await loader({
        source: source.range(60), seed: 9, shuffle: true, epochs: 2, batchSize: 7, digest: true,
        pipeline: [ops.js('jitter', { amount: 3 })], worker: here.worker, workers, resume,
      });
      equal(data.mode.backend, 'workers');
      const batches = await all(data);
      return { digest: data.digest, batches };
    };
    const { digest, batches } = await run(1);
    equal(batches.length, 18);
    assert(batches[0].fields.moved.dtype === 'f64' && batches[0].fields.below.dtype === 'u64', 'dtypes are kept');
    assert(new Set(batches.flatMap(({ fields }) => [...fields.below.data])).size === 120, 'every sample and epoch has numbers of its own');
    for (const workers of [2, 4]) equal((await run(workers)).digest, digest, `${workers} workers`);
    equal((await run(3, batches[5].state)).digest, digest, 'resumed');
  },

  async 'a function by URL works without a worker file'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const data = await loader({ source: source.range(4), pipeline: [ops.js({ module: here.url('tests/web/module.js'), export: 'double' })], workers: 1 });
    equal((await all(data)).map(({ fields }) => Number(fields.value.data[0])), [0, 2, 4, 6]);
  },

  async 'a function that is not served is named when the loader opens'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const range = source.range(4);
    for (const options of [
      { pipeline: [ops.js('nobody')], worker: here.worker },
      { pipeline: [ops.js('nobody')] },
      { pipeline: [ops.js('jitter')], backend: 'inline' },
      { pipeline: [ops.js({ module: here.url('tests/web/module.js'), export: 'triple' })] },
      { pipeline: [ops.js({ module: here.url('tests/web/nothing.js'), export: 'double' })] },
    ]) {
      const error = await rejected(loader({ source: range, workers: 1, ...options }));
      equal(error.code, 'NOT_SERVED', error.message);
    }
  },

  async 'what a function throws is its sample’s error, and the others are there'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    for (const [name, position, count, says] of [['throwing', 5, 1, /five is not for us/], ['deep', 3, 1, /./], ['nothing', 0, 9, /nothing of index 0: the result is undefined/]]) {
      const data = await loader({ source: source.range(9), pipeline: [ops.js(name)], worker: here.worker, workers: 2 });
      const got = await all(data);
      await data.close();
      const errors = got.filter(({ code }) => code);
      equal([errors[0].code, errors[0].position, got.length], ['SAMPLE', position, 9], errors[0].message);
      assert(says.test(errors[0].message), errors[0].message);
      equal(errors.length, count, name);
    }
  },

  async 'what is no sample is its sample’s error, which names the function, the field and what came'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const length = WRONG.length + 1;
    for (const later of [false, true]) {
      const options = { length, later };
      for (const from of [{ source: source.range(length), pipeline: [ops.js('wrong', options)] }, { source: source.js('wrong', { options }) }]) {
        const got = await all(await loader({ ...from, worker: here.worker, workers: 1 }));
        equal(got.map((item) => item.code ?? item.fields.x.data[0]), [...WRONG.map(() => 'SAMPLE'), WRONG.length]);
        for (const [index, [, says]] of WRONG.entries()) {
          const { message, position } = got[index];
          assert(message.startsWith(`position ${index}: wrong of index ${index}: `) && message.includes(says), `${message} lacks ${says}`);
          equal(position, index);
        }
      }
    }
  },

  async 'a field may be a typed array, a tensor, numbers or booleans, and arrays of those'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    // What comes out goes in again.
    const data = await loader({ source: source.range(3), pipeline: [ops.js('forms'), ops.js('same')], worker: here.worker, workers: 1 });
    const got = await all(data);
    const { fields } = got[2];
    const values = [1, 2, 3, 2];
    for (const name of ['typed', 'whole', 'plain', 'rows', 'bare']) {
      equal([fields[name].dtype, [...fields[name].data]], ['f64', values], name);
      equal(fields[name].shape, name === 'whole' || name === 'rows' ? [2, 2] : [4], name);
    }
    equal([fields.yes, fields.number, fields.empty, fields.clamped].map(({ dtype, shape, data }) => [dtype, shape, [...data]]), [['bool', [2], [1, 0]], ['f64', [], [2]], ['f64', [0], []], ['u8', [2], [1, 255]]]);
    equal([fields.half.dtype, fields.half.shape, Number(fields.half.data[0])], ['f16', [1], globalThis.Float16Array ? 1 : 0x3c00]);
    const own = Object.getOwnPropertyDescriptor(fields, '__proto__');
    equal([own?.value.dtype, own?.value.data[0]], ['f64', 5], 'a field of any name');
  },

  async 'a sample that never ends costs its workers and is one error'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const data = await loader({ source: source.range(20), pipeline: [ops.js('endless')], worker: here.worker, workers: 2, sampleTimeout: 400 });
    const got = await all(data);
    equal(got.map((item) => item.code ?? Number(item.fields.value.data[0])), Array.from({ length: 20 }, (_, i) => (i === 7 ? 'SAMPLE' : i)));
    assert(/took longer than 400 ms/.test(got[7].message), got[7].message);
  },

  async 'a worker terminated from outside costs nothing'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const handles = [];
    const events = [];
    const data = await loader({
      source: source.range(300), shuffle: 4, batchSize: 5, digest: true, pipeline: [ops.js('slow', { milliseconds: 2 })], workers: 2,
      worker: () => (handles.push(here.worker()), handles.at(-1)), onEvent: (event) => events.push(event),
    });
    for (let i = 0; i < 5; i++) await data.next();
    handles[0].terminate();
    for (let i = 0; i < 5; i++) await data.next();
    handles[1].terminate();
    const rest = await all(data);
    equal(rest.length, 50);
    assert(handles.length >= 3, 'workers were started again');
    assert(events.some(({ kind }) => kind === 'lost'), 'the loss was told');
    const whole = await loader({ source: source.range(300), shuffle: 4, batchSize: 5, digest: true, pipeline: [ops.js('slow', { milliseconds: 0 })], worker: here.worker, workers: 1 });
    await all(whole);
    // Options are part of the pipeline, not of its batches.
    equal(data.digest, whole.digest);
  },
};
