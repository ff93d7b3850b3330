// What must hold wherever the package runs: each case is a sentence of promise and a function.
//
// The same cases run in Node and in every browser. `here` is the place: `open(path)` gives a file
// of the repository as the platform reads files, `json(path)` its content.

export const assert = (holds, what) => {
  if (!holds) throw Error(`not so: ${what}`);
};

export const equal = (got, want, what = 'value') => {
  const text = (value) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : ArrayBuffer.isView(v) ? [...v] : v));
  if (text(got) !== text(want)) throw Error(`${what}: got ${text(got)}, want ${text(want)}`);
};

/** The error that something rejects with. */
export const rejected = async (promise) => {
  let got;
  try {
    got = await promise;
  } catch (error) {
    return error;
  }
  throw Error(`nothing was thrown; got ${got}`);
};

const COUNTS = [1, 2, 4];

/** Every backend with every number of workers. */
export const modes = (threads) => [
  { backend: 'inline' },
  ...COUNTS.map((workers) => ({ backend: 'workers', workers })),
  ...(threads ? COUNTS.map((workers) => ({ backend: 'threads', workers })) : []),
];

export const name = ({ backend, workers }) => (workers ? `${backend} ${workers}` : backend);

/** The path of a file that a document names, from where the document is. */
export const beside = (path, name) => new URL(name, `https://x/${path}`).pathname.slice(1);

/** The options of a golden document: the document, and its files from beside it. */
async function golden(here, path) {
  const spec = await here.json(path);
  return { spec, files: await filesOf(spec, path, here) };
}

/** The files that a document names, from beside it. */
export async function filesOf({ source: { file, files: several = [], folder } }, path, here) {
  const files = {};
  for (const name of [...(file ? [file] : []), ...several]) files[name] = await here.open(beside(path, name));
  if (folder !== undefined) {
    const all = beside(path, folder);
    for (const name of await here.list(all)) files[`${folder}/${name}`] = await here.open(`${all}/${name}`);
  }
  return files;
}

async function drain(data) {
  let batches = 0;
  for await (const batch of data) batches = batch.number + 1;
  return batches;
}

const small = (more) => ({ backend: 'workers', workers: 2, ...more });

/** Runs golden documents in every mode, and compares each digest with the native one. */
async function nativeDigests({ windrow, here }, documents) {
  for (const [path, want] of documents) {
    for (const mode of here.modes) {
      const data = await windrow.loader({ ...(await golden(here, path)), digest: true, ...mode });
      const what = `${path} on ${name(mode)}`;
      equal(data.mode.backend, mode.backend, `the mode of ${what}`);
      const batches = await drain(data);
      equal([data.digest, batches], [want.digest, want.batches], what);
    }
  }
}

export const cases = {
  async 'every golden document has its native digest in every mode'({ windrow, here }) {
    await nativeDigests({ windrow, here }, Object.entries(await here.json('tests/golden/digests.json')));
  },

  // What a page's headers or origin change is how workers start, not which batches a document has.
  async 'the golden archive has its native digest in every mode'({ windrow, here }) {
    const archive = 'tests/golden/specs/archive.json';
    await nativeDigests({ windrow, here }, [[archive, (await here.json('tests/golden/digests.json'))[archive]]]);
  },

  // `native.mjs` resumes each document in each mode; here each goes from one mode to the next.
  async 'the state after three batches is the native one and resumes to the native digest'({ windrow, here }) {
    const digests = await here.json('tests/golden/digests.json');
    for (const [number, [path, want]] of Object.entries(digests).entries()) {
      const [from, to] = [number, number + 1].map((place) => here.modes[place % here.modes.length]);
      const what = `${path} from ${name(from)} to ${name(to)}`;
      const options = { ...(await golden(here, path)), digest: true };
      const data = await windrow.loader({ ...options, ...from });
      for (let i = 0; i < 3; i++) await data.next();
      equal(data.state, want.state, `the state of ${what}`);
      await data.close();
      const again = await windrow.loader({ ...options, ...to, resume: want.state });
      await drain(again);
      equal(again.digest, want.digest, `the digest of ${what}`);
    }
  },

  async 'arrays come as the typed arrays they were, a sample a row'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const mode of here.modes) {
      const data = await loader({
        source: source.arrays({
          image: { data: Uint8Array.from({ length: 24 }, (_, i) => i), shape: [6, 2, 2] },
          label: [0, 1, 2, 3, 4, 5],
          big: BigInt64Array.from({ length: 6 }, (_, i) => 2n ** 62n - BigInt(i)),
          yes: [true, false, true, true, false, false],
        }),
        batchSize: 4,
        ...mode,
      });
      const batches = [];
      for await (const batch of data) batches.push(batch);
      equal(batches.map(({ fields }) => fields.image.shape), [[4, 2, 2], [2, 2, 2]]);
      equal(batches[1].fields.image.data, Uint8Array.of(16, 17, 18, 19, 20, 21, 22, 23));
      equal(batches[1].fields.label, { dtype: 'f64', shape: [2], data: [4, 5] });
      equal(batches[0].fields.big.data[1], 2n ** 62n - 1n);
      equal(batches[0].fields.yes, { dtype: 'bool', shape: [4], data: [1, 0, 1, 1] });
      assert(batches[0].fields.image.data instanceof Uint8Array, 'a Uint8Array');
      assert(batches[0].fields.image.data.buffer === batches[0].buffer, 'one buffer a batch');
    }
  },

  async 'arrays are what they hold, whoever made them, and what a batch has goes in again'({ windrow, here }) {
    const { loader, source } = windrow;
    const bytes = Uint8Array.of(1, 2, 3, 4);
    class Own extends Float32Array {}
    const given = {
      own: Own.of(1, 2, 3, 4), clamped: Uint8ClampedArray.of(1, 2, 3, 300), half: { dtype: 'f16', shape: [4], data: Uint16Array.of(0, 0, 0, 0x3c00) },
      yes: { dtype: 'bool', shape: [4, 1], data: Uint8Array.of(1, 0, 0, 1) }, rows: { shape: [4, 2], data: [1, 2, 3, 4, 5, 6, 7, 8] },
      ...(globalThis.Buffer && { buffer: Buffer.from(bytes) }),
    };
    const read = async (fields) => (await (await loader({ source: source.arrays(fields), batchSize: 4, ...here.modes[0] })).next()).value.fields;
    const fields = await read(given);
    equal(Object.entries(fields).map(([name, { dtype, shape }]) => [name, dtype, shape]).sort(), [
      ['own', 'f32', [4]], ['clamped', 'u8', [4]], ['half', 'f16', [4]], ['yes', 'bool', [4, 1]], ['rows', 'f64', [4, 2]], ...(globalThis.Buffer ? [['buffer', 'u8', [4]]] : []),
    ].sort());
    if (globalThis.Buffer) equal([...fields.buffer.data], [...bytes]);
    equal([...fields.clamped.data], [1, 2, 3, 255]);
    equal(await read(fields), fields);
  },

  async 'a table has its dtypes in lower case, and loses no first row of numbers'({ windrow, here }) {
    const { loader, source } = windrow;
    const open = (text, options, dtype = 'f32') => loader({ source: source.csv(new TextEncoder().encode(text), { fields: [{ name: 'x', columns: 'all', dtype }], ...options }), batchSize: 9, ...here.modes[0] });
    const rows = async (...given) => {
      const { x } = (await (await open(...given)).next()).value.fields;
      return [x.dtype, x.shape, [...x.data]];
    };
    equal(await rows('a,b\n3,4\n'), ['f32', [1, 2], [3, 4]]);
    equal(await rows('a,b\n3,4\n', {}, 'F32'), ['f32', [1, 2], [3, 4]]);
    equal(await rows('1,2\n3,4\n', { header: false }), ['f32', [2, 2], [1, 2, 3, 4]]);
    equal(await rows('1,2\n3,4\n', { header: true }), ['f32', [1, 2], [3, 4]]);
    const first = await rejected(open('1,2\n3,4\n'));
    equal(first.code, 'FORMAT', first.message);
    assert(/line 1: the first row .* set `header` to false/.test(first.message), first.message);
    const banana = await rejected(open('a,b\n3,4\n', {}, 'banana'));
    equal(banana.code, 'SPEC', banana.message);
    assert(/banana/.test(banana.message) && banana.message.includes('source.fields[0].dtype'), banana.message);
  },

  async 'shuffle, epochs and ops mean what the document means'({ windrow }) {
    const { loader, source, ops } = windrow;
    const run = async (options) => {
      const data = await loader({ digest: true, backend: 'inline', ...options });
      await drain(data);
      return data.digest;
    };
    const spec = {
      version: 1, seed: 5, epochs: 2, source: { kind: 'range', end: 50 },
      ops: [{ op: 'shuffle' }, { op: 'one_hot', field: 'value', classes: 50, dtype: 'U8' }],
      stages: [{ stage: 'batch', size: 8, drop_remainder: true }],
    };
    const options = {
      source: source.range(50), seed: 5, shuffle: true, epochs: 2, batchSize: 8, dropRemainder: true,
      pipeline: [ops.oneHot({ field: 'value', classes: 50, dtype: 'u8' })],
    };
    equal(await run(options), await run({ spec }));
    assert((await run({ ...options, seed: 6 })) !== (await run({ spec })), 'the seed matters');
  },

  async 'break, close, an aborted signal and await using all end it'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const mode of here.modes) {
      const open = (more) => loader({ source: source.range(1000), batchSize: 10, ...mode, ...more });
      const broken = await open();
      for await (const batch of broken) if (batch.number === 2) break;
      equal(await broken.next(), { done: true }, 'after break');
      equal(broken.state.batches, '3');
      equal((await rejected(broken[Symbol.asyncIterator]().next())).code, 'CLOSED');

      const closed = await open();
      await closed.next();
      await closed.close();
      await closed.close();
      equal(await closed.next(), { done: true }, 'after close');

      const controller = new AbortController();
      const aborted = await open({ signal: controller.signal });
      await aborted.next();
      controller.abort(Error('enough'));
      equal((await rejected(aborted.next())).message, 'enough');
      equal((await rejected(open({ signal: controller.signal }))).message, 'enough');

      const disposed = await open();
      await disposed[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]();
      equal(await disposed.next(), { done: true }, 'after await using');
    }
  },

  async 'closing while batches are awaited ends those who wait'({ windrow }) {
    const data = await windrow.loader(small({ source: windrow.source.range(100_000), batchSize: 50_000 }));
    const waiting = [data.next(), data.next(), data.next(), data.next()];
    await data.close();
    const ends = await Promise.all(waiting);
    assert(ends.at(-1).done, 'the last one waits no longer');
  },

  async 'one bad sample is one error in its place, and the stream goes on after it'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    for (const mode of here.modes) {
      const options = {
        source: source.arrays({ x: Uint8Array.of(0, 1, 9, 3, 4, 5) }),
        pipeline: [ops.oneHot({ field: 'x', classes: 8 })],
        ...mode,
      };
      const raising = await loader(options);
      const got = [];
      for (;;) {
        const item = await raising.next().catch((error) => error);
        if (item.done) break;
        got.push(item.code ?? item.value.fields.x.data.indexOf(1));
      }
      equal(got, [0, 1, 'SAMPLE', 3, 4, 5], name(mode));
      await raising.close();

      const error = await rejected(drain(await loader(options)));
      equal([error.name, error.code, error.position], ['WindrowError', 'SAMPLE', 2]);
      assert(/one_hot/.test(error.message), error.message);

      const skipping = await loader({ ...options, onError: 'skip', batchSize: 5 });
      const { value } = await skipping.next();
      equal(value.fields.x.shape, [5, 8]);
      equal(skipping.progress.skipped, 1);
      await skipping.close();
    }
  },

  async 'a state of another pipeline is refused, naming what differs'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const mode of here.modes) {
      const first = await loader({ source: source.range(100), batchSize: 10, ...mode });
      const { value } = await first.next();
      await first.close();
      const error = await rejected(loader({ source: source.range(100), batchSize: 20, resume: value.state, ...mode }));
      equal(error.code, 'STATE_MISMATCH');
      assert(/size 10/.test(error.message) && error.fix, error.message);
      const junk = await rejected(loader({ source: source.range(100), resume: '{}', ...mode }));
      equal(junk.code, 'STATE_MISMATCH');
    }
  },

  async 'what is wrong with the options is said before anything runs'({ windrow }) {
    const { loader, source, ops } = windrow;
    const range = source.range(10);
    for (const [options, code, says] of [
      [{}, 'SETTING', 'source'],
      [{ source: range, batchsize: 3 }, 'SETTING', 'batchsize'],
      [{ source: range, backend: 'gpu' }, 'SETTING', 'gpu'],
      [{ source: range, workers: -1 }, 'SETTING', '-1'],
      [{ source: range, backend: 'workers', workers: 0 }, 'SETTING', '0'],
      [{ source: range, batchSize: 0 }, 'SPEC', 'size'],
      [{ source: range, backend: 'inline', onError: 'ignore' }, 'SETTING', 'ignore'],
      [{ source: range, pipeline: [ops.op('shuffel')] }, 'SPEC', 'pipeline[0].op'],
      [{ source: range, pipeline: [ops.cast({ field: 'value', dtype: 'f16', by: () => 1 })] }, 'NOT_CLONEABLE', 'pipeline[0].by'],
      [{ source: source.csv(undefined) }, 'SETTING', 'data.csv'],
      [{ source: source.arrays({ x: [[1, 2], [3]] }) }, 'SETTING', 'source.arrays: x has an array of 1 at [1]'],
      [{ source: source.arrays({ x: [[1, 2], [3, 4, 5], [6]] }) }, 'SETTING', 'x has an array of 3 at [1]'],
      [{ source: source.arrays({ x: [1, 2n] }) }, 'SETTING', 'x has the bigint 2 at [1]'],
      [{ source: source.arrays({ x: [1, , 3] }) }, 'SETTING', 'x has undefined at [1]'],
      [{ source: source.arrays({ x: 'text' }) }, 'SETTING', 'the string text'],
      [{ source: source.arrays({ x: 5 }) }, 'SETTING', 'no rows'],
      [{ source: source.arrays({ x: new Map() }) }, 'SETTING', 'type Map'],
      [{ source: source.arrays({ x: new DataView(new ArrayBuffer(4)) }) }, 'SETTING', 'type DataView'],
      [{ source: source.arrays({ x: { width: 2, height: 1, data: new Uint8Array(8) } }) }, 'SETTING', 'with width'],
      [{ source: source.arrays({ x: { dtype: 'f32', data: Uint8Array.of(1) } }) }, 'SETTING', 'f32 and a Uint8Array'],
      [{ source: source.arrays({ x: { dtype: 'bf16', data: Uint16Array.of(1) } }) }, 'SETTING', 'bf16'],
      [{ source: source.arrays({ x: { shape: [2, 2], data: Uint8Array.of(1) } }) }, 'SETTING', 'has 1 elements and the shape [2,2]'],
      [{ source: source.npy({ x: new Uint8Array(4) }) }, 'FORMAT', 'x.npy'],
      [{ spec: { version: 1, source: { kind: 'npy', fields: { x: 'x.npy' } } }, files: {} }, 'READ', 'x.npy'],
    ]) {
      const open = async () => loader({ backend: 'workers', workers: 1, ...options });
      const error = await rejected(open());
      equal([error.name, error.code], ['WindrowError', code], error.message);
      assert(error.message.includes(says), `${error.message} lacks ${says}`);
    }
  },

  async 'u64 seeds beyond 2^53 keep their bits'({ windrow }) {
    const { loader, source } = windrow;
    const state = async (seed) => {
      const data = await loader({ source: source.range(9), shuffle: true, seed, backend: 'inline' });
      await data.next();
      await data.close();
      return data.state.pipeline;
    };
    assert((await state(2n ** 64n - 1n)).includes('18446744073709551615'), 'the whole seed');
  },

  async 'tasks are told with their worker and their time'({ windrow }) {
    const events = [];
    const data = await windrow.loader(small({ source: windrow.source.range(5000), batchSize: 100, onEvent: (event) => events.push(event) }));
    await drain(data);
    const tasks = events.filter(({ kind }) => kind === 'task');
    equal(tasks.reduce((sum, { count }) => sum + count, 0), 5000);
    assert(tasks.every(({ worker, started, ended }) => worker >= 0 && worker < 2 && ended >= started), 'sound events');
  },

  async 'loaders opened and closed again and again leave nothing behind'({ windrow, here }) {
    const { Memory } = WebAssembly;
    let taken = 0;
    // A page has room for about 120 memories, and gives them back when its garbage is collected.
    WebAssembly.Memory = new Proxy(Memory, { construct: (...args) => ((taken += 1), Reflect.construct(...args)) });
    for (const mode of here.modes.filter(({ workers }) => workers !== 1)) {
      for (let cycle = 0; cycle < (here.cycles ?? 10); cycle++) {
        const data = await windrow.loader({ source: windrow.source.range(1000), batchSize: 100, ...mode });
        const { value } = await data.next();
        equal(value.fields.value.shape, [100]);
        await data.close();
      }
    }
    WebAssembly.Memory = Memory;
    assert(taken <= 1, `the page took ${taken} memories of its own`);
  },
};
