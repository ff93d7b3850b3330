// What must hold of sources and promises of the user, in Node and in every browser.

import { assert, equal, rejected } from './cases.js';
import { all } from './transforms.js';

export const served = {
  async 'a served source gives the same stream whether it promises or not, for every number of workers'({ windrow, here }) {
    const { loader, source } = windrow;
    const run = async (name, workers, resume) => {
      const data = await loader({ source: source.js(name, { identity: 'rows of May' }), seed: 3, shuffle: true, epochs: 2, batchSize: 7, digest: true, worker: here.worker, workers, resume });
      equal(data.mode.backend, 'workers');
      return { batches: await all(data), digest: data.digest };
    };
    const { batches, digest } = await run('rows', 1);
    equal(batches.length, 16);
    equal(batches[0].fields.pixels.shape, [7, 2, 3]);
    equal([batches[0].fields.pixels.dtype, batches[0].fields.number.dtype, batches[0].fields.yes.dtype], ['f32', 'i64', 'bool']);
    const numbers = batches.flatMap(({ fields }) => [...fields.number.data]).map(Number);
    equal(numbers.slice(0, 50).sort((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i - 5), 'the first epoch');
    for (const workers of [2, 3]) equal((await run('rows', workers)).digest, digest, `${workers} workers`);
    for (const workers of [1, 3]) equal((await run('rowsLater', workers)).digest, digest, `promised, ${workers} workers`);
    equal((await run('rows', 2, batches[4].state)).digest, digest, 'resumed');
  },

  async 'a source may be opened with options, in its own time, and by URL without a worker file'({ windrow, here }) {
    const { loader, source } = windrow;
    const made = await loader({ source: source.js('made', { options: { length: 5, step: 3 } }), worker: here.worker, workers: 2, batchSize: 9 });
    const { value } = await made.next();
    equal([value.fields.x.dtype, [...value.fields.x.data]], ['u16', [0, 3, 6, 9, 12]]);
    await made.close();
    const tens = await loader({ source: source.js({ module: here.url('tests/web/module.js'), export: 'tens' }), workers: 2 });
    equal((await all(tens)).map(({ fields }) => Number(fields.value.data[0])), [0, 10, 20, 30]);
    const document = await loader({ spec: { version: 1, source: { kind: 'served', name: 'rows' } }, worker: here.worker, workers: 1 });
    equal([document.mode.backend, document.progress.positions], ['workers', 50]);
    await document.close();
  },

  async 'a state tells served sources by name, length, options and identity'({ windrow, here }) {
    const { loader, source } = windrow;
    const open = (name, more, resume) => loader({ source: source.js(name, more), worker: here.worker, workers: 1, resume });
    const data = await open('made', { identity: 7, options: { length: 9 } });
    const { value: { state } } = await data.next();
    await data.close();
    await (await open('made', { identity: 7, options: { length: 9 } }, state)).close();
    for (const [name, more, says] of [
      ['made', { identity: 8, options: { length: 9 } }, /identity 7/],
      ['made', { identity: 7, options: { length: 8 } }, /len 9/],
      ['made', { identity: 7, options: { length: 9, step: 2 } }, /options/],
      ['rows', { identity: 7 }, /name made/],
    ]) {
      const error = await rejected(open(name, more, state));
      equal(error.code, 'STATE_MISMATCH', error.message);
      assert(says.test(error.message), error.message);
    }
  },

  async 'what is wrong with one sample of a source is that sample’s error, named by its index'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const [name, says] of [
      ['throws', /throws of index 4: four is not there/], ['rejects', /rejects of index 4: four will not come/],
    ]) {
      const data = await loader({ source: source.js(name), worker: here.worker, workers: 2 });
      const got = await all(data);
      equal(got.map((item) => item.code ?? item.fields.x.data[0]), [0, 1, 2, 3, 'SAMPLE', 5, 6], name);
      assert(says.test(got[4].message) && /of index 4/.test(got[4].message), got[4].message);
      equal(got[4].position, 4);
    }
    const skipping = await loader({ source: source.js('rejects'), worker: here.worker, workers: 2, onError: 'skip', batchSize: 6 });
    equal([...(await skipping.next()).value.fields.x.data], [0, 1, 2, 3, 5, 6]);
    await skipping.close();
  },

  async 'a source that cannot be is named when the loader opens'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const [what, code, says] of [
      ['huge', 'SETTING', '9007199254740992'], ['hugeBig', 'SETTING', '2^53'], ['half', 'SETTING', '2.5'], ['negative', 'SETTING', '-1'],
      ['lengthless', 'SETTING', 'undefined'], ['getless', 'SETTING', 'get(index)'], ['closed', 'READ', 'no key'], ['nobody', 'NOT_SERVED', 'nobody'],
      [{ module: here.url('tests/web/module.js'), export: 'elevens' }, 'NOT_SERVED', 'elevens'],
      [{ module: here.url('tests/web/nothing.js'), export: 'tens' }, 'NOT_SERVED', 'nothing.js'],
    ]) {
      const error = await rejected(loader({ source: source.js(what), worker: here.worker, workers: 2 }));
      equal([error.name, error.code], ['WindrowError', code], error.message);
      assert(error.message.includes(says), `${error.message} lacks ${says}`);
    }
    const inline = await rejected(loader({ source: source.js('rows'), worker: here.worker, backend: 'inline' }));
    equal(inline.code, 'NOT_SERVED', inline.message);
  },

  async 'the largest source that numbers can count is read to its last sample'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const data = await loader({ source: source.js('most'), pipeline: [ops.slice({ start: 2n ** 53n - 4n })], worker: here.worker, workers: 2 });
    equal((await all(data)).map(({ fields }) => fields.index.data[0]), [2n ** 53n - 4n, 2n ** 53n - 3n, 2n ** 53n - 2n]);
  },

  async 'async functions give the stream that sync ones give'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const run = async (name, workers, resume) => {
      const data = await loader({ source: source.range(60), seed: 9, shuffle: true, epochs: 2, batchSize: 7, digest: true, pipeline: [ops.js(name, { amount: 3 })], worker: here.worker, workers, resume });
      const batches = await all(data);
      return { digest: data.digest, batches };
    };
    const { digest } = await run('jitter', 2);
    const later = await run('jitterLater', 1);
    equal(later.digest, digest, 'one worker');
    equal((await run('jitterLater', 3)).digest, digest, 'three workers');
    equal((await run('jitterLater', 2, later.batches[5].state)).digest, digest, 'resumed');
  },

  async 'async functions and sources stand anywhere in a pipeline, and each sample comes by once'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const data = await loader({
      source: source.js('made', { options: { length: 100, step: 2 } }), worker: here.worker, workers: 1, batchSize: 10,
      pipeline: [ops.cast({ field: 'x', dtype: 'u64' }), ops.js('renamed'), ops.js('counted'), ops.scale({ field: 'value', factor: 2, dtype: 'f32' }), ops.js('same')],
    });
    const got = await all(data);
    equal(got.length, 10);
    equal(got.flatMap(({ fields }) => [...fields.value.data]), Array.from({ length: 100 }, (_, i) => 4 * i));
    assert(got.every(({ fields }) => fields.times.data.every((times) => times === 1)), 'what lies below a promise is made once');
  },

  async 'a batch made in workers waits for all its samples'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const data = await loader({ source: source.js('rowsLater'), pipeline: [ops.batch({ size: 20 })], worker: here.worker, workers: 2 });
    equal((await all(data)).map(({ fields }) => fields.pixels.shape), [[20, 2, 3], [20, 2, 3], [10, 2, 3]]);
  },

  async 'a promise that is broken is its sample’s error, one that is never kept costs its worker'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const broken = await all(await loader({ source: source.range(9), pipeline: [ops.js('throwingLater')], worker: here.worker, workers: 2 }));
    equal(broken.map((item) => item.code ?? Number(item.fields.value.data[0])), [0, 1, 2, 3, 4, 'SAMPLE', 6, 7, 8]);
    assert(/throwingLater of index 5: five is not for us, later/.test(broken[5].message), broken[5].message);
    const never = await all(await loader({ source: source.range(12), pipeline: [ops.js('never')], worker: here.worker, workers: 2, sampleTimeout: 300 }));
    equal(never.map((item) => item.code ?? Number(item.fields.value.data[0])), [0, 1, 2, 3, 4, 5, 6, 'SAMPLE', 8, 9, 10, 11]);
    assert(/took longer than 300 ms/.test(never[7].message), never[7].message);
  },

  async 'two modules cannot serve one name'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const pipeline = ['a.js', 'b.js'].map((module) => ops.js({ module: here.url(module), export: 'double' }));
    equal((await rejected(loader({ source: source.range(4), pipeline }))).code, 'SETTING');
  },
};
