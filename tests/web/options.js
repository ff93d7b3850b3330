// What must hold of settings, of what a batch is, and of what comes after an end, in Node and in every browser.

import { assert, equal, name, rejected } from './cases.js';
import { all } from './transforms.js';

const values = ({ fields }) => [...fields.value.data].map(Number);

export const options = {
  async 'what is null or undefined is as if it were left out'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const names = [
      'resume', 'signal', 'backend', 'workers', 'worker', 'coordinator', 'digest', 'onError', 'retries', 'prefetch', 'prefetchBytes', 'sampleTimeout',
      'startupTimeout', 'onEvent', 'seed', 'split', 'shuffle', 'epochs', 'keys', 'batchSize', 'dropRemainder', 'stages', 'pipeline', 'files', 'spec',
    ];
    for (const nothing of [null, undefined]) {
      const data = await loader({ source: source.range(3), ...Object.fromEntries(names.map((name) => [name, nothing])), ...here.modes[0] });
      equal((await all(data)).map(values), [[0], [1], [2]]);
      const sliced = await loader({ source: source.range(3), pipeline: [ops.slice({ start: nothing, end: 2 })], ...here.modes[0] });
      equal((await all(sliced)).length, 2);
    }
  },

  async 'a loader describes its pipeline, and a field that no record has is refused at once'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const cast = (field) => [ops.slice({ end: 10 }), ops.cast({ field, dtype: 'f32' })];
    for (const mode of here.modes) {
      const data = await loader({ source: source.range(20), pipeline: cast('value'), ...mode });
      equal(data.describe().split('\n').slice(0, 3), [
        'range(start=0,end=20) -> 20 x {value: U64[]}', 'slice(start=0,end=10,step=1) -> 10 x {value: U64[]}', 'cast(field=value,dtype=F32) -> 10 x {value: F32[]}',
      ], name(mode));
      assert(data.describe({ mermaid: true }).startsWith('flowchart TD\n  n0["range(start=0,end=20)<br>20<br>{value: U64[]}"]'), data.describe({ mermaid: true }));
      await data.close();
      const error = await rejected(loader({ source: source.range(20), pipeline: cast('valeu'), ...mode }));
      equal([error.code, error.message], ['SPEC', 'pipeline[1]: the record has no field "valeu"; it has value'], name(mode));
    }
  },

  async 'an error names an option as the caller wrote it'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const range = source.range(3);
    const rows = { value: { data: [1, 2], shape: [2, 1] } };
    for (const [options, place] of [
      [{ stages: [{ stage: 'pack', lengths: { token_ids: -1 }, open: 1 }] }, 'stages[0].lengths.token_ids'],
      [{ stages: [{ stage: 'batch', size: 3, drop_remainder: 1 }] }, 'stages[0].drop_remainder'],
      [{ batchSize: 3, dropRemainder: 1 }, 'dropRemainder'],
      [{ pipeline: [ops.repeat({ epochs: 2, sameEachEpoch: 1 })] }, 'pipeline[0].sameEachEpoch'],
      [{ pipeline: [ops.js('f', { my_option: NaN })] }, 'pipeline[0].options.my_option'],
      [{ split: { parts: [1], part: 0, which_one: 1 } }, 'split.whichOne'],
      [{ source: source.npy({ my_field: new Uint8Array(9) }, { by_what: 1 }) }, 'source.by_what'],
      [{ source: source.concat([range, { source: range, pipeline: [ops.shard({ index: 0, count: 1, dropRemainder: 1 })] }]) }, 'source.parts[1].pipeline[0].dropRemainder'],
      [{ source: source.mix([{ ...range, weight: -1 }]) }, 'source.parts[0].weight'],
      [{ source: source.concat([source.concat([{ source: source.arrays(rows), pipeline: [ops.js('f', { ops: [{ a_b: NaN }] })] }])]) }, 'source.parts[0].source.parts[0].pipeline[0].options.ops[0].a_b'],
    ]) {
      const error = await rejected(loader({ source: range, backend: 'workers', workers: 1, ...options }));
      assert(error.message.startsWith(`${place}: `) || error.message.startsWith(`${place} `), `${place}, but: ${error.message}`);
    }
  },

  async 'a loader tells the time that its caller waits from the time that its caller is busy'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const busy = (time) => {
      const end = performance.now() + time;
      while (performance.now() < end);
    };
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const data = await loader({ source: source.range(20), pipeline: [ops.oneHot({ field: 'value', classes: 19 })], epochs: 2, batchSize: 4, ...mode });
      equal(data.stats(), { items: 0, waited: 0, busy: 0 }, name(mode));
      const began = performance.now();
      let epochs = 0, errors = 0;
      for await (const epoch of data.epochs()) {
        const batches = epoch[Symbol.asyncIterator]();
        for (let item; !item?.done; ) {
          item = await batches.next().catch(() => (errors += 1));
          if (!item?.done) busy(5);
        }
        epochs += 1;
      }
      const all = performance.now() - began;
      const stats = data.stats();
      equal([epochs, errors, stats.items], [2, 2, 12], name(mode));
      assert(stats.busy >= 60 && stats.waited > 0 && stats.waited + stats.busy <= all + 1, `${name(mode)}: ${JSON.stringify(stats)} in ${all}`);
    }
    // Several calls that wait together wait once.
    const data = await loader({ source: source.range(4), pipeline: [ops.js('slow', { milliseconds: 20 })], worker: here.worker, workers: 1 });
    const began = performance.now();
    await Promise.all([1, 2, 3, 4].map(() => data.next()));
    const { items, waited } = data.stats();
    assert(items === 4 && waited <= performance.now() - began, `${items} in ${waited}`);
    await data.close();
  },

  async 'a setting that cannot be is refused by its name'({ windrow }) {
    const { loader, source } = windrow;
    const bad = {
      sampleTimeout: [-1, 0, NaN, Infinity, '100', true, {}], startupTimeout: [-1, NaN, '1'], workers: [-1, 65, 1.5, NaN, '2'], retries: [-1, 0.5, NaN, '1', 2 ** 32],
      prefetch: [-1, NaN, 0.5, '3'], prefetchBytes: [-1, NaN, '3'], digest: ['yes', 1], onError: ['ignore', 1], resume: [7, true, []], signal: [{}, 1],
      onEvent: ['log', {}], backend: ['gpu', 1], epochs: [0, -1, NaN, 1.5, '3', -Infinity], worker: ['/w.js', 1], coordinator: ['/c.js', 1],
    };
    for (const [setting, all] of Object.entries(bad)) {
      for (const value of all) {
        const error = await rejected(loader({ source: source.range(3), backend: 'inline', [setting]: value }));
        equal([error.name, error.code, error.fatal], ['WindrowError', 'SETTING', true], `${setting} ${value}: ${error.message}`);
        assert(error.message.startsWith(`${setting} is `) && error.fix, `${error.message}; ${error.fix}`);
      }
    }
  },

  async 'options of an op that are no object are refused, never dropped'({ windrow }) {
    for (const [name, ...given] of [['shuffle', 7], ['shuffleOnce', 0], ['slice', 0, 5], ['slice', { start: 0 }, 5], ['select', 'value'], ['select', ['value']]]) {
      const error = await rejected((async () => windrow.ops[name](...given))());
      equal(error.code, 'SETTING', error.message);
      assert(error.message.startsWith(`ops.${name}() received `) && /one object/.test(error.fix), `${error.message}; ${error.fix}`);
    }
    const error = await rejected(windrow.loader({ source: [1, 2, 3] }));
    assert(error.message === 'source is of type Array', error.message);
  },

  async '0 is a seed of its own, and throw is another word for raise'({ windrow }) {
    const { loader, source, ops } = windrow;
    const order = async (shuffle, seed = 7) => (await all(await loader({ source: source.range(30), seed, shuffle, backend: 'inline' }))).flatMap(values);
    const none = await order(false);
    const zero = await order(0);
    assert(String(zero) !== String(none), 'it shuffles');
    equal(zero, await order(true, 0));
    equal(zero, await order(0n));
    assert(String(zero) !== String(await order(true)), 'and not by the seed of the loader');
    for (const onError of ['throw', 'raise']) {
      const data = await loader({ source: source.range(3), pipeline: [ops.oneHot({ field: 'value', classes: 2 })], onError, backend: 'inline' });
      equal((await all(data)).map(({ code }) => code), [undefined, undefined, 'SAMPLE']);
    }
  },

  async 'copies of a batch have its state'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const data = await loader({ source: source.range(20), batchSize: 5, digest: true, ...mode });
      const { value: batch } = await data.next();
      const { state } = batch;
      equal(state.batches, '1');
      assert(Object.hasOwn(batch, 'state') && Object.keys(batch).includes('state'), 'its own');
      for (const copy of [{ ...batch }, structuredClone(batch), JSON.parse(JSON.stringify({ ...batch, fields: null }))]) {
        equal([copy.state, copy.number, copy.epoch, copy.numberInEpoch], [state, 0, 0, 0], name(mode));
      }
      equal(structuredClone(batch).fields.value.data, batch.fields.value.data);
      await data.close();
      const again = await loader({ source: source.range(20), batchSize: 5, digest: true, ...mode, resume: structuredClone(batch).state });
      equal(values((await again.next()).value), [5, 6, 7, 8, 9]);
      await again.close();
    }
  },

  async 'with keys, a batch tells which samples it has, in every mode'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const folder = { 'b/2.png': Uint8Array.of(2, 2), 'a/1.png': Uint8Array.of(1), 'c.jpg': Uint8Array.of(3, 3, 3) };
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const options = { source: source.range(5, 25), shuffle: true, batchSize: 6, ...mode };
      const got = await all(await loader({ ...options, keys: true }));
      for (const batch of got) equal(batch.keys, values(batch).map((value) => value - 5), name(mode));
      equal(got.flatMap(({ keys }) => keys).sort((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i));
      assert(!('keys' in (await all(await loader(options)))[0]), 'none without');
      const paths = await all(await loader({ source: source.images(folder), keys: true, pipeline: [ops.select({ fields: ['image'] })], ...mode }));
      equal(paths.map(({ keys, fields }) => [keys, fields.image.data[0]]), [[['a/1.png'], 1], [['b/2.png'], 2], [['c.jpg'], 3]], name(mode));
    }
    equal((await rejected(loader({ source: source.range(3), keys: 'yes' }))).message, 'keys is "yes"');
  },

  async 'a second loop after the end is an error, never silently nothing'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      for (const end of [0, 20]) {
        const data = await loader({ source: source.range(end), batchSize: 5, ...mode });
        let batches = 0;
        for await (const _ of data) batches += 1;
        equal(batches, end / 5, name(mode));
        for (const again of [data[Symbol.asyncIterator](), data.epochs()[Symbol.asyncIterator]()]) {
          const error = await rejected(again.next());
          equal([error.name, error.code], ['WindrowError', 'CLOSED'], error.message);
          assert(/all its batches/.test(error.message) && error.fix, error.message);
        }
        equal(await data.next(), { done: true }, 'next() goes on to say that it is done');
      }
    }
  },

  async 'a fatal error is told once and as such, and a loop that goes on after errors leaves the page alive'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const { started, restore } = here.patched();
    try {
      const data = await loader({ source: source.range(3000), pipeline: [ops.oneHot({ field: 'value', classes: 1 })], backend: 'inline', startupTimeout: 2000 });
      const got = [];
      let alive = 0, done = false;
      const timer = setInterval(() => (alive += 1), 0);
      // Whoever goes on after every error ends all the same, and others have their turn.
      for (let calls = 0; !done && calls < 10_000; calls++) {
        if (calls === 1000) {
          // What is left comes to nobody: the coordinator is lost, again and again. Of one that had not started nobody hears but in time.
          for (const killed = new Set(); killed.size < 4; await new Promise((later) => setTimeout(later, 5))) {
            for (const one of started.filter(({ url }) => /coordinator/.test(url))) if (!killed.has(one)) killed.add(one), one.worker.terminate();
          }
        }
        try {
          ({ done } = await data.next());
        } catch (error) {
          got.push(error);
        }
      }
      clearInterval(timer);
      assert(done, 'it ends');
      assert(alive > 0, 'timers had their turn');
      const fatal = got.filter((error) => error.fatal);
      equal([fatal.length, fatal[0].code, got.at(-1) === fatal[0]], [1, 'WORKER', true], fatal[0]?.message);
      assert(got.slice(0, -1).every(({ fatal, code, position }) => fatal === false && code === 'SAMPLE' && position >= 1), 'the others are of samples');
    } finally {
      restore();
    }
  },

  async 'a stream that goes nowhere ends with one fatal error'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const data = await loader({ source: source.range(3), pipeline: [ops.filter({ field: 'value', is: '>', value: 9 })], epochs: Infinity, batchSize: 2, ...mode });
      const error = await rejected(data.next());
      equal([error.code, error.fatal], ['SETTING', true], error.message);
      assert(/epochs in a row/.test(error.message), error.message);
      equal(await data.next(), { done: true });
      equal((await rejected(data[Symbol.asyncIterator]().next())).code, 'CLOSED');
    }
  },

  async 'a coordinator file of one’s own coordinates'({ windrow, here }) {
    const { loader, source } = windrow;
    let started = 0;
    const coordinator = () => ((started += 1), here.coordinator());
    for (const mode of [{ backend: 'inline' }, { backend: 'workers', workers: 2, worker: here.worker }, { workers: 1 }]) {
      const data = await loader({ source: source.range(20), batchSize: 5, coordinator, ...mode });
      equal(data.mode.backend, mode.backend ?? 'workers', data.mode.reason);
      equal((await all(data)).map(values).flat().length, 20);
    }
    equal(started, 3);
    equal((await rejected(loader({ source: source.range(3), backend: 'threads', coordinator }))).code, 'SETTING');
    const silent = await rejected(loader({ source: source.range(3), backend: 'inline', coordinator: here.silent, startupTimeout: 200 }));
    equal(silent.code, 'WORKER_LOAD', silent.message);
    assert(/the coordinator \(.*silent/.test(silent.message), silent.message);
    for (const [wrong, says] of [[() => {}, /returned no Worker/], ['/c.js', /"\/c.js"/]]) {
      const error = await rejected(loader({ source: source.range(3), backend: 'inline', coordinator: wrong }));
      equal(error.code, 'SETTING');
      assert(error.message.startsWith('coordinator ') && says.test(error.message) && /loader\.coordinator\.js/.test(error.fix), error.message);
    }
  },

  async 'a promise that is rejected and not caught in a worker costs that worker and its sample alone'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const data = await loader({ source: source.range(12), pipeline: [ops.js('dropping')], worker: here.worker, workers: 2 });
    const got = await all(data);
    equal(got.map((item) => item.code ?? Number(item.fields.value.data[0])), [0, 1, 2, 3, 4, 5, 6, 'SAMPLE', 8, 9, 10, 11]);
    assert(/dropped on the way/.test(got[7].message), got[7].message);
  },
};
