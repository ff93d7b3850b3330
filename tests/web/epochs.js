// What must hold of epochs, splits and the order of options, in Node and in every browser.

import { assert, equal, name, rejected } from './cases.js';

const values = ({ fields }) => [...fields.value.data].map(Number);
const sorted = (all) => all.flat().sort((a, b) => a - b);
const drain = async (data) => {
  const got = [];
  for await (const batch of data) got.push(batch);
  return got;
};

/** The values of each epoch. */
async function byEpoch(data) {
  const got = [];
  for await (const batch of data) (got[batch.epoch] ??= []).push(...values(batch));
  return got;
}

/** `[epoch number, numbers of its batches]` of each epoch; `each(batch)` says where one is left early. */
async function walk(data, each = () => false) {
  const got = [];
  for await (const epoch of data.epochs()) {
    const numbers = [];
    got.push([epoch.number, numbers]);
    for await (const batch of epoch) {
      equal(batch.epoch, epoch.number);
      numbers.push(batch.numberInEpoch);
      if (each(batch)) break;
    }
  }
  return got;
}

export const epochs = {
  async 'every batch tells its epoch and its number there, and none has samples of two'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const data = await loader({ source: source.range(10), shuffle: 5, epochs: 3, batchSize: 4, ...mode });
      equal([data.progress.epoch, data.progress.epochs, data.progress.positions, data.batchesPerEpoch], [0, 3, 30, 3], name(mode));
      const got = await drain(data);
      equal(got.map(({ number, epoch, numberInEpoch, fields }) => [number, epoch, numberInEpoch, fields.value.shape[0]]), [
        [0, 0, 0, 4], [1, 0, 1, 4], [2, 0, 2, 2], [3, 1, 0, 4], [4, 1, 1, 4], [5, 1, 2, 2], [6, 2, 0, 4], [7, 2, 1, 4], [8, 2, 2, 2],
      ], name(mode));
      equal(data.progress.epoch, 3, 'at the end');
      const orders = [0, 1, 2].map((epoch) => got.filter((batch) => batch.epoch === epoch).flatMap(values));
      for (const order of orders) equal(sorted(order), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      assert(new Set(orders.map(String)).size === 3, 'each epoch has an order of its own');
    }
  },

  async 'epochs come one after another, each with its batches, in every mode'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const data = await loader({ source: source.range(10), epochs: 2, batchSize: 4, ...mode });
      equal(await walk(data), [[0, [0, 1, 2]], [1, [0, 1, 2]]], name(mode));
      equal(await data.next(), { done: true }, 'the outer loop has ended it');
      equal((await rejected(data.epochs()[Symbol.asyncIterator]().next())).code, 'CLOSED');
    }
  },

  async 'after the last batch of an epoch the state is still that of this batch'({ windrow }) {
    const { loader, source } = windrow;
    const data = await loader({ source: source.range(10), epochs: 2, batchSize: 5, backend: 'inline' });
    const states = [];
    for await (const epoch of data.epochs()) {
      let last;
      for await (const batch of epoch) last = batch;
      if (epoch.number === 0) equal([data.state, data.progress.batches], [last.state, 2]);
      states.push(last.state);
    }
    const again = await loader({ source: source.range(10), epochs: 2, batchSize: 5, backend: 'inline', resume: states[0] });
    equal(await walk(again), [[0, []], [1, [0, 1]]], 'the rest of its epoch is empty');
  },

  async 'an epoch that is left early ends when the next one is asked for'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const data = await loader({ source: source.range(400), epochs: 3, batchSize: 4, ...mode });
      equal(await walk(data, ({ epoch, numberInEpoch }) => epoch < 2 ? numberInEpoch === epoch : false), [[0, [0]], [1, [0, 1]], [2, Array.from({ length: 100 }, (_, i) => i)]], name(mode));
    }
  },

  async 'what is left of an epoch is not made, and counts for nothing'({ windrow, here }) {
    const { loader, source } = windrow;
    // How far workers run ahead depends on their speed unless it is bounded.
    const options = { source: source.range(20_000), shuffle: 1, epochs: 3, batchSize: 4, digest: true, prefetch: 256 };
    const digests = new Set();
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      let made = 0;
      const data = await loader({ ...options, ...mode, onEvent: (event) => event.kind === 'task' && (made += event.count) });
      const [numbers, states] = [[], []];
      for await (const epoch of data.epochs()) {
        states.push(data.state);
        for await (const batch of epoch) {
          numbers.push([batch.number, batch.epoch, batch.numberInEpoch]);
          if (batch.numberInEpoch === 1) break;
        }
      }
      equal(numbers, [[0, 0, 0], [1, 0, 1], [2, 1, 0], [3, 1, 1], [4, 2, 0], [5, 2, 1]], name(mode));
      assert(made < 6000, `${made} of 60000 samples are made on ${name(mode)}`);
      equal([data.progress.epoch, data.progress.batches, data.state.batches], [3, 6, '6'], name(mode));
      digests.add(data.digest);
      equal(states[0], undefined);
      const again = await loader({ ...options, ...mode, resume: states[2] });
      equal((await again.next()).value.number, 4, name(mode));
      await again.close();
    }
    equal(digests.size, 1, [...digests].join());
  },

  async 'an epoch that was made to its end or past it is left in the same way'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    // Three samples of each epoch are errors, of which one is received.
    const options = { source: source.range(12), pipeline: [ops.oneHot({ field: 'value', classes: 9 })], epochs: 4 };
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const data = await loader({ ...options, ...mode });
      const got = [];
      for await (const epoch of data.epochs()) {
        const batches = epoch[Symbol.asyncIterator]();
        for (let taken = 0; taken < 3 * epoch.number + 1; taken += 1) {
          got.push(await batches.next().then(({ value }) => value.number, ({ position }) => `error ${position}`));
        }
      }
      equal(got, [...Array.from({ length: 21 }, (_, i) => i), 'error 45'], name(mode));
      equal([data.progress.epoch, data.progress.batches], [4, 21], name(mode));
    }
  },

  async 'who asks for the epochs again goes on with the next, and a resumed loader has its state'({ windrow, here }) {
    const { loader, source } = windrow;
    const options = { source: source.range(10), epochs: 3, batchSize: 4 };
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const data = await loader({ ...options, ...mode });
      const got = [];
      for (let epoch; (epoch = (await data.epochs().next()).value) && got.length < 9; ) {
        const numbers = [];
        got.push([epoch.number, numbers]);
        for await (const batch of epoch) if (numbers.push(batch.numberInEpoch) > epoch.number) break;
      }
      equal(got, [[0, [0]], [1, [0, 1]], [2, [0, 1, 2]]], name(mode));
      const some = await loader({ ...options, ...mode });
      const { state } = (await some.next()).value;
      await some.close();
      const again = await loader({ ...options, ...mode, resume: state });
      equal(again.state, state, name(mode));
      await again.close();
    }
  },

  async 'batches have their own shapes after an epoch was left, wherever its shorter batch was'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const data = await loader({ source: source.range(10), batchSize: 4, epochs: 60, digest: true, ...mode });
      const got = [];
      for await (const epoch of data.epochs()) {
        for await (const batch of epoch) {
          got.push(values(batch));
          if (batch.numberInEpoch === epoch.number % 3) break;
        }
      }
      const epoch = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]];
      equal(got, Array.from({ length: 60 }, (_, number) => epoch.slice(0, 1 + (number % 3))).flat(), name(mode));
    }
  },

  async 'epochs may be left whose batches are all there, and with others who wait'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const short = await loader({ source: source.range(12), batchSize: 4, epochs: 3, ...mode });
      // All batches are on their way before anybody goes from epoch to epoch.
      equal(values((await short.next()).value), [0, 1, 2, 3]);
      equal(await walk(short, () => true), [[0, [1]], [1, [0]], [2, [0]]], name(mode));
      const data = await loader({ source: source.range(400), batchSize: 4, epochs: 4, ...mode });
      const all = data.epochs()[Symbol.asyncIterator]();
      await all.next();
      const waiting = Array.from({ length: 40 }, () => data.next());
      equal((await all.next()).value.number, 1);
      const epochs = (await Promise.all(waiting)).map(({ value }) => value.epoch);
      assert(epochs.every((epoch) => epoch < 2), `${epochs}`);
      // Whoever takes batches of a later epoch is there.
      while ((await data.next()).value.epoch < 2);
      equal((await all.next()).value.number, 2, name(mode));
      await data.close();
    }
  },

  async 'what was skipped in an epoch that was read counts although the next one is left'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const pipeline = [ops.oneHot({ field: 'value', classes: 8 })];
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const data = await loader({ source: source.range(10), pipeline, batchSize: 4, dropRemainder: true, onError: 'skip', epochs: 3, ...mode });
      const skipped = [];
      for await (const epoch of data.epochs()) {
        if (epoch.number === 1) continue;
        for await (const batch of epoch) skipped.push(batch.state.skipped?.count);
      }
      equal(skipped, [undefined, undefined, '2', '2'], name(mode));
    }
  },

  async 'a coordinator that is lost while an epoch is left costs nothing'({ windrow, here }) {
    const { loader, source } = windrow;
    const { started, restore } = here.patched();
    try {
      const data = await loader({ source: source.range(400), epochs: 5, batchSize: 4, backend: 'inline' });
      const numbers = [];
      for await (const epoch of data.epochs()) {
        for await (const batch of epoch) {
          numbers.push([batch.number, batch.epoch, batch.numberInEpoch]);
          if (batch.numberInEpoch === 1) break;
        }
        const coordinator = started.filter(({ url }) => /coordinator/.test(url)).at(-1).worker;
        // Before it can hear that the epoch is left, and after.
        if (epoch.number % 2 === 0) coordinator.terminate();
        else setTimeout(() => coordinator.terminate());
      }
      equal(numbers, Array.from({ length: 10 }, (_, i) => [i, i >> 1, i % 2]));
    } finally {
      restore();
    }
  },

  async 'leaving the outer loop closes the loader, and an epoch of before gives nothing more'({ windrow }) {
    const { loader, source } = windrow;
    const data = await loader({ source: source.range(10), epochs: Infinity, batchSize: 4, backend: 'inline' });
    equal(data.progress.positions, Infinity);
    let before;
    for await (const epoch of data.epochs()) {
      if (before) equal(await before.next(), { done: true });
      before = epoch[Symbol.asyncIterator]();
      equal((await before.next()).value.epoch, epoch.number);
      if (epoch.number === 5) break;
    }
    equal(await data.next(), { done: true });
  },

  async 'epochs without a batch are there, and errors of samples that are left out are not'({ windrow }) {
    const { loader, source, ops } = windrow;
    const none = ops.filter({ field: 'value', is: '>', value: 99 });
    equal(await walk(await loader({ source: source.range(9), pipeline: [none], epochs: 3, batchSize: 4, backend: 'inline' })), [[0, []], [1, []], [2, []]]);
    // Only the first sample of each epoch can be made.
    const first = { source: source.range(9), pipeline: [ops.oneHot({ field: 'value', classes: 1 })], epochs: 2, backend: 'inline' };
    equal(await walk(await loader(first), () => true), [[0, [0]], [1, [0]]]);
    const error = await rejected(loader(first).then((data) => walk(data)));
    equal([error.code, error.position, error.fatal], ['SAMPLE', 1, false]);
  },

  async 'a state of one epoch more or less resumes, and less than is done is an error'({ windrow, here }) {
    const { loader, source } = windrow;
    const options = { source: source.range(10), shuffle: true, batchSize: 4, digest: true };
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const short = await loader({ ...options, epochs: 2, ...mode });
      await drain(short);
      const long = await loader({ ...options, epochs: 5, ...mode });
      await drain(long);
      const rest = await loader({ ...options, epochs: 5, ...mode, resume: short.state });
      equal((await drain(rest)).map(({ epoch }) => epoch), [2, 2, 2, 3, 3, 3, 4, 4, 4], name(mode));
      equal(rest.digest, long.digest);
      const error = await rejected(loader({ ...options, epochs: 1, ...mode, resume: short.state }));
      equal([error.name, error.fatal], ['WindrowError', true], error.message);
      assert(/epoch/.test(error.message), error.message);
    }
  },

  async 'a coordinator that is lost between epochs costs nothing'({ windrow, here }) {
    const { loader, source } = windrow;
    const { started, restore } = here.patched();
    try {
      const recovered = [];
      const onEvent = (event) => event.kind === 'recovered' && recovered.push(event);
      const data = await loader({ source: source.range(400), epochs: 4, batchSize: 4, backend: 'inline', onEvent });
      const kill = ({ numberInEpoch }) => numberInEpoch === 99 && (started.filter(({ url }) => /coordinator/.test(url)).at(-1).worker.terminate(), false);
      equal(await walk(data, kill), [0, 1, 2, 3].map((epoch) => [epoch, Array.from({ length: 100 }, (_, i) => i)]));
      assert(recovered.length >= 1, 'it was lost');
    } finally {
      restore();
    }
  },

  async 'parts of a split share no sample, whatever shuffles them, and stay the same in each epoch'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const parts = [0.5, 0.3, 0.2];
    const lengths = [50, 30, 20];
    for (const mode of here.modes.filter(({ workers }) => workers !== 4)) {
      const run = async (more) => byEpoch(await loader({ source: source.range(100), shuffle: true, epochs: 3, batchSize: 7, ...mode, ...more }));
      const all = [];
      for (const part of [0, 1, 2]) {
        const got = await run({ split: { seed: 3, parts, part } });
        equal(got.map((epoch) => epoch.length), [lengths[part], lengths[part], lengths[part]]);
        for (const epoch of got) equal(sorted(epoch), sorted(got[0]), `part ${part} on ${name(mode)}`);
        assert(String(got[0]) !== String(got[1]), 'but another order');
        equal(await run({ pipeline: [ops.split({ seed: 3, parts, part })] }), got, 'as an op');
        all.push(got[0]);
      }
      equal(sorted(all), Array.from({ length: 100 }, (_, i) => i));
    }
  },

  async 'a shuffle comes after what chooses samples, and before shards'({ windrow }) {
    const { loader, source, ops } = windrow;
    const run = async (...pipeline) => byEpoch(await loader({ source: source.range(40), shuffle: true, epochs: 2, batchSize: 9, backend: 'inline', pipeline }));
    const [first, last] = [await run(ops.slice({ end: 30 })), await run(ops.slice({ start: 30 }))];
    for (const epoch of [0, 1]) equal([sorted(first[epoch]), sorted(last[epoch])], [Array.from({ length: 30 }, (_, i) => i), [30, 31, 32, 33, 34, 35, 36, 37, 38, 39]]);
    const once = await run(ops.shuffleOnce({ seed: 1 }), ops.slice({ end: 10 }));
    equal(sorted(once[0]), sorted(once[1]));
    assert(String(sorted(once[0])) !== String([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), 'others than the first');
    const ranks = [await run(ops.shard({ index: 0, count: 2 })), await run(ops.shard({ index: 1, count: 2 }))];
    for (const epoch of [0, 1]) equal(sorted([ranks[0][epoch], ranks[1][epoch]]), Array.from({ length: 40 }, (_, i) => i));
    assert(String(sorted(ranks[0][0])) !== String(sorted(ranks[0][1])), 'a rank sees others in each epoch');
    const sample = await run(ops.sample({ count: 10 }));
    assert(sample[0].length === 10 && String(sorted(sample[0])) !== String(sorted(sample[1])), 'a sample is another one in each epoch');
  },

  async 'shards, weighted draws, balanced classes and caches come as they are asked for'({ windrow }) {
    const { loader, source, ops } = windrow;
    const run = async (pipeline, more) => byEpoch(await loader({ source: source.range(10), seed: 3, epochs: 2, batchSize: 20, backend: 'inline', pipeline, ...more }));
    const shard = { index: 3, count: 4 };
    equal(await run([ops.shard({ ...shard, padRemainder: true })]), [[9, 0, 1], [9, 0, 1]]);
    equal(await run([ops.shard({ ...shard, padRemainder: true, strided: true })]), [[3, 7, 1], [3, 7, 1]]);
    const weights = [0, 1, 0, 2, 0, 3, 0, 4, 0, 5];
    const drawn = await run([ops.weightedSample({ weights, count: 15 })]);
    assert(drawn.every((epoch) => epoch.length === 15 && epoch.every((value) => value % 2 === 1)), String(drawn));
    assert(String(drawn[0]) !== String(drawn[1]), 'other draws in each epoch');
    const once = await run([ops.weightedSample({ weights, count: 5, replacement: false })]);
    for (const epoch of once) equal(sorted([epoch]), [1, 3, 5, 7, 9]);
    const balanced = await run([ops.classBalanced({ labels: [0, 0, 0, 0, 0, 0, 0, 0, 0, 1n], count: 18 })], { shuffle: true });
    for (const epoch of balanced) equal(sorted([epoch]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
    const plain = { shuffle: true, epochs: 3 };
    equal(await run([ops.cache({ bytes: 1e6 })], plain), await run([], plain), 'a cache changes nothing');
    const error = await rejected(loader({ source: source.range(10), backend: 'inline', pipeline: [ops.shuffle(), ops.cache({ bytes: 1e6 })] }));
    assert(/cache/.test(error.message), error.message);
  },

  async 'parts of a source have ops and files of their own'({ windrow }) {
    const { loader, source, ops } = windrow;
    const run = async (from, options) => byEpoch(await loader({ source: from, backend: 'inline', batchSize: 20, ...options }));
    const numbers = source.concat([source.range(3), { source: source.range(10, 12), pipeline: [ops.reverse()] }]);
    equal(await run(numbers), [[0, 1, 2, 11, 10]]);
    equal(await run(source.mix([{ source: numbers, weight: 2n }, source.range(20, 22)])), [[0, 1, 20, 2, 11, 21, 10]]);
    equal(await run(source.mix([{ ...source.range(4), weight: 2 }, source.range(20, 22)])), [[0, 1, 20, 2, 3, 21]]);
    equal(await run(source.concat([{ ...source.range(1, 3), pipeline: [ops.reverse()] }, source.range(1)])), [[2, 1, 0]]);
    const arrays = source.concat([{ value: [1, 2] }, { value: [3] }].map((fields) => source.arrays(fields)));
    equal(await run(source.concat([arrays, source.arrays({ value: [4] })])), [[1, 2, 3, 4]]);
    const wrong = source.concat([source.range(3), { source: source.range(3), pipeline: [ops.cast({ field: 'x', dtype: 'f32' })] }]);
    const error = await rejected(loader({ source: wrong, backend: 'inline' }));
    assert(/^source\.parts\[1\]\.pipeline\[0\]: .*"x"/.test(error.message), error.message);
    assert(/part 0/.test((await rejected((async () => source.mix([3]))())).message), 'a part is a source');
  },

  async 'buckets, budgets, rows and rows of batches come as the stages say'({ windrow }) {
    const { loader, source, ops } = windrow;
    const run = async (stages, options) => byEpoch(await loader({ source: source.range(10), backend: 'inline', stages, ...options }));
    const bucket = { stage: 'bucket_by_length', field: 'value', boundaries: [5n], size: 4 };
    equal(await run([bucket, { stage: 'unbatch' }], { batchSize: 20 }), [[0, 1, 2, 3, 5, 6, 7, 8, 4, 9]]);
    equal(await run([{ ...bucket, drop_remainder: true }, { stage: 'unbatch' }], { batchSize: 20 }), [[0, 1, 2, 3, 5, 6, 7, 8]]);
    equal(await run([{ stage: 'batch_by_budget', field: 'value', budget: 9 }, { stage: 'skip', count: 2 }, { stage: 'unbatch' }], { batchSize: 20 }), [[6, 7, 8, 9]]);
    const lengths = { value: 4 };
    const pipeline = [ops.reshape({ field: 'value', shape: [1] })];
    equal(await run([{ stage: 'pack', lengths, open: 1, fit: 'best', pad: 7 }, { stage: 'skip', count: 1 }], { pipeline }), [[4, 5, 6, 7, 8, 9, 7, 7]]);
    equal(await run([{ stage: 'concat_then_split', lengths, drop_remainder: true }, { stage: 'limit', count: 1 }], { pipeline }), [[0, 1, 2, 3]]);
    const error = await rejected(loader({ source: source.range(3), backend: 'inline', stages: [{ stage: 'skip', count: 1 }, { stage: 'pack', lengths, open: 0 }] }));
    assert(/^stages\[1\]: .*pack\.open is 0/.test(error.message), error.message);
  },

  async 'windows, reversed orders, chosen indices and repeated orders come as they are asked for'({ windrow }) {
    const { loader, source, ops } = windrow;
    const run = async (...pipeline) => byEpoch(await loader({ source: source.range(10), seed: 3, epochs: 2, batchSize: 20, backend: 'inline', pipeline }));
    equal(await run(ops.reverse(), ops.slice({ end: 3 })), [[9, 8, 7], [9, 8, 7]]);
    equal(await run(ops.subset({ indices: [4, 0n, 4] })), [[4, 0, 4], [4, 0, 4]]);
    const windows = await run(ops.windowShuffle({ window: 5 }));
    for (const epoch of windows) equal([sorted([epoch.slice(0, 5)]), sorted([epoch.slice(5)])], [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]);
    assert(String(windows[0]) !== String(windows[1]), 'another order in each epoch');
    const [joined] = await run(ops.shuffle(), ops.repeat({ epochs: 2, sameEachEpoch: true }));
    equal(joined.slice(0, 10), joined.slice(10));
    const [first] = await byEpoch(await loader({ source: source.range(10), shuffle: true, batchSize: 10, backend: 'inline', pipeline: [ops.subset({ indices: [1, 2] })] }));
    equal(sorted([first]), [1, 2]);
    const error = await rejected(loader({ source: source.range(10), backend: 'inline', pipeline: [ops.repeat({ epochs: 2, sameEachEpoch: 'yes' })] }));
    assert(/^pipeline\[0\]\.sameEachEpoch: /.test(error.message), error.message);
  },

  async 'errors number ops as they were given'({ windrow }) {
    const { loader, source, ops } = windrow;
    const bad = ops.cast({ field: 'value', dtype: 'f99' });
    for (const [options, says] of [
      [{ pipeline: [ops.slice({ end: 5 }), bad], shuffle: true }, /^pipeline\[1\]\.dtype: /],
      [{ pipeline: [bad], shuffle: true, split: { parts: [0.5, 0.5], part: 0 } }, /^pipeline\[0\]\.dtype: /],
      [{ pipeline: [ops.reshape({ field: 'value', shape: [1] }), ops.slice({ end: 5 })], shuffle: true }, /^pipeline\[1\]: .*shuffle_once/],
      [{ split: { parts: [0.5, 0.6], part: 0 }, shuffle: true }, /^split: /],
      [{ split: { parts: [0.5, 0.5], part: 0, sed: 1 }, shuffle: true }, /^split\.sed: /],
      [{ split: [0.5, 0.5] }, /^split is of type Array/],
      [{ shuffle: 2n ** 64n }, /^shuffle: /],
      [{ shuffle: 'yes' }, /^shuffle is "yes"/],
      [{ stages: [{ stage: 'limit', count: 1 }], batchSize: 0 }, /^batchSize: /],
      [{ stages: [{ stage: 'limit', count: 'x' }], batchSize: 1 }, /^stages\[0\]\.count: /],
      [{ seed: -1 }, /^seed: /],
      [{ pipeline: [ops.scale({ field: 'value', factor: NaN })], shuffle: true }, /^pipeline\[0\]\.factor is NaN/],
      [{ pipeline: [ops.cast({ field: () => 1, dtype: 'f32' })], shuffle: true }, /^pipeline\[0\]\.field is a function/],
      [{ pipeline: [ops.js('nobody')], shuffle: true }, /^(?!.*\$\.ops).*nobody/],
      [{ pipeline: ops.slice() }, /^pipeline is of type Object/],
      [{ dropRemainder: true }, /^dropRemainder is given without batchSize/],
    ]) {
      const error = await rejected(loader({ source: source.range(10), backend: 'workers', workers: 1, ...options }));
      assert(error.name === 'WindrowError' && says.test(error.message), `${error.message} is not ${says}`);
    }
    const error = await rejected(loader({ spec: { version: 1, source: { kind: 'range', end: 3 }, ops: [bad] }, backend: 'inline' }));
    assert(error.message.startsWith('$.ops[0].dtype'), error.message);
  },
};
