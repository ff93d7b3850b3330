// What must hold of files, wherever they come from, in Node and in every browser.

import { assert, equal, rejected } from './cases.js';
import { all } from './transforms.js';

const drained = async (data) => {
  for await (const _ of data);
  return data.digest;
};

/** A golden document without its source: what `loader()` takes beside one. */
const without = ({ seed, ops, stages: [{ size }] }) => ({ seed, pipeline: ops, batchSize: size });
const GOLDEN = { archive: 'tests/golden/specs/archive.json', lines: 'tests/golden/specs/lines.json', folder: 'tests/golden/specs/folder.json' };

/** Keeps what the server counts apart. */
let unique = 0;

export const files = {
  async 'a tar archive through source.tar gives the native digest, as one archive and in memory'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const { digest } = (await here.json('tests/golden/digests.json'))[GOLDEN.archive];
    const spec = await here.json(GOLDEN.archive);
    const pipeline = [
      ops.repeat({ epochs: 3 }), ops.decodeImage({ field: 'png', channels: 1 }), ops.resize({ field: 'png', height: 12, width: 12 }),
      ops.normalize({ field: 'png', mean: [0.7], std: [0.3], factor: 0.00392156862745098 }),
      ops.decodeNumber({ field: 'cls', dtype: 'u8' }), ops.oneHot({ field: 'cls', classes: 10 }),
    ];
    const bytes = await (await fetch(here.http('tests/golden/data/digits.tar'))).arrayBuffer();
    for (const file of [await here.open('tests/golden/data/digits.tar'), bytes, new Uint8Array(bytes), new Blob([bytes]), here.http('tests/golden/data/digits.tar'), source.http(here.http('tests/golden/data/digits.tar'), { read: 'range' })]) {
      const options = { source: source.tar(file, { fields: ['png', 'cls'] }), seed: spec.seed, shuffle: true, batchSize: 7, pipeline, digest: true };
      for (const mode of [{ backend: 'inline' }, { backend: 'workers', workers: 2 }]) equal(await drained(await loader({ ...options, ...mode })), digest);
    }
    const two = await loader({ source: source.tar([bytes, new Blob([bytes])], { fields: ['cls', '__key__'] }), batchSize: 80, backend: 'inline' });
    const { value: { fields } } = await two.next();
    equal([fields.cls.shape[0], fields.__key__.dtype], [80, 'u8']);
    await two.close();
  },

  async 'pictures decoded, resized and normalized through their helpers have the shapes they say'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const options = { source: source.tar(await here.open('tests/golden/data/digits.tar'), { fields: ['png'] }), batchSize: 40, backend: 'inline' };
    for (const [pipeline, dtype, shape] of [
      [[ops.decodeImage({ field: 'png' })], 'u8', [40, 8, 8, 1]],
      [[ops.decodeImage({ field: 'png', channels: 3 })], 'u8', [40, 8, 8, 3]],
      [[ops.decodeImage({ field: 'png' }), ops.resize({ field: 'png', height: 5, width: 3, filter: 'lanczos3' })], 'u8', [40, 5, 3, 1]],
      [[ops.decodeImage({ field: 'png' }), ops.normalize({ field: 'png', mean: [0], std: [2] })], 'f32', [40, 8, 8, 1]],
    ]) {
      const data = await loader({ ...options, pipeline });
      const { png } = (await data.next()).value.fields;
      equal([png.dtype, png.shape], [dtype, shape]);
      await data.close();
    }
    const twice = await rejected(loader({ ...options, pipeline: [ops.decodeImage({ field: 'png' }), ops.decodeImage({ field: 'png' })] }));
    equal([twice.code, twice.message.startsWith('pipeline[1]: field "png": expected the bytes of a picture file')], ['SPEC', true], twice.message);
    const digits = source.tar(await here.open('tests/golden/data/digits.tar'), { fields: ['cls'] });
    const wrong = await rejected(drained(await loader({ ...options, source: digits, pipeline: [ops.decodeImage({ field: 'cls' })] })));
    equal([wrong.code, wrong.position], ['SAMPLE', 0], wrong.message);
    const setting = await rejected(loader({ ...options, pipeline: [ops.resize({ field: 'png', height: 0, width: 3 })] }));
    equal(setting.code, 'SPEC', setting.message);
  },

  async 'lines through source.jsonl give the native digest'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const { digest } = (await here.json('tests/golden/digests.json'))[GOLDEN.lines];
    const spec = await here.json(GOLDEN.lines);
    const file = await here.open('tests/golden/data/digits.jsonl');
    const options = { seed: 3, shuffle: true, pipeline: [ops.repeat({ epochs: 2 })], digest: true, stages: spec.stages };
    for (const mode of here.modes) equal(await drained(await loader({ source: source.jsonl(file, { fields: spec.source.fields }), ...options, ...mode })), digest);
    const wrong = await rejected(loader({ source: source.jsonl(file, { fields: [{ name: 'id' }] }), backend: 'inline' }));
    equal(wrong.code, 'SPEC', wrong.message);
  },

  async 'pictures as many files, URLs, paths by name and a folder give the native digest in every order'({ windrow, here }) {
    const { loader, source } = windrow;
    const { digest } = (await here.json('tests/golden/digests.json'))[GOLDEN.folder];
    const spec = await here.json(GOLDEN.folder);
    const names = await here.list('tests/golden/data/folder');
    const bytes = async (name) => (await fetch(here.http(`tests/golden/data/folder/${name}`))).arrayBuffer();
    const picked = await Promise.all(names.map(async (name) => Object.defineProperty(new File([await bytes(name)], name.split('/').at(-1)), 'webkitRelativePath', { value: `my folder/${name}` })));
    const urls = names.map((name) => here.http(`tests/golden/data/folder/${name}`));
    const ways = {
      files: picked,
      'files, the other way round': [...picked].reverse(),
      urls,
      'ranges of URLs': urls.map((url) => source.http(url, { read: 'range' })),
      'paths by name': Object.fromEntries(names.map((name, number) => [name, picked[number]])),
      ...(here.folder ? { 'a folder': source.folder(here.folder('tests/golden/data/folder')) } : {}),
    };
    for (const [way, given] of Object.entries(ways)) {
      for (const mode of here.modes.filter(({ workers }) => workers !== 1)) {
        const data = await loader({ source: source.images(given, { label: true }), seed: spec.seed, pipeline: spec.ops, batchSize: 4, digest: true, ...mode });
        equal(await drained(data), digest, `${way} on ${mode.backend}`);
      }
    }
  },

  async 'pictures that cannot be told apart, or are none, are named'({ windrow, here }) {
    const { loader, source } = windrow;
    const png = new File(['x'], 'a.png');
    for (const [files, label, code, says] of [
      [() => [png, png], false, 'SETTING', 'a.png'],
      [() => [], false, 'FORMAT', 'no picture'],
      [() => ({ 'a.txt': png }), false, 'FORMAT', '.jpeg'],
      [() => [png], true, 'FORMAT', 'a.png'],
      [() => [here.http('nothing/a.png'), here.http('nothing/b.png')], false, 'READ', '404'],
    ]) {
      const error = await rejected((async () => loader({ source: source.images(files(), { label }), backend: 'workers', workers: 1 }))());
      equal([error.name, error.code], ['WindrowError', code], error.message);
      assert(error.message.includes(says), error.message);
    }
  },

  async 'files that together are more than is kept give their own rows, across every boundary'({ windrow, here }) {
    const { loader, source } = windrow;
    const rows = 1000, width = 40_000;
    const table = (plus) => {
      const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${rows}, ${width}), }`.padEnd(117) + '\n';
      const bytes = new Uint8Array(128 + rows * width);
      bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), 1, 0, 118, 0, ...new TextEncoder().encode(header)]);
      for (let row = 0; row < rows; row++) bytes.fill((row + plus) % 251, 128 + row * width, 128 + (row + 1) * width);
      return new Blob([bytes]);
    };
    for (const mode of [{ backend: 'inline' }, { backend: 'workers', workers: 2 }]) {
      const data = await loader({ source: source.npy({ x: table(0), y: table(7) }), shuffle: 3, batchSize: 20, ...mode });
      const got = [];
      for await (const { fields: { x, y } } of data) {
        for (let row = 0; row < 20; row++) {
          const [one, other] = [x, y].map(({ data }) => data.subarray(row * width, (row + 1) * width));
          for (let at = 0; at < width; at += 997) assert(one[at] === one[0] && other[at] === other[0], 'one row, one value');
          equal([one.at(-1), other.at(-1), (other[0] - one[0] + 251) % 251], [one[0], other[0], 7]);
          got.push(one[0]);
        }
      }
      equal(got.sort((a, b) => a - b), Array.from({ length: rows }, (_, row) => row % 251).sort((a, b) => a - b));
    }
  },

  async 'ranges of a URL give what the whole gives, in every mode'({ windrow, here }) {
    const { loader, source } = windrow;
    const digests = [];
    for (const read of ['whole', 'range']) {
      for (const mode of here.modes) {
        const file = source.http(here.http('tests/data/c_f4_v1.npy'), { read });
        digests.push(await drained(await loader({ source: source.npy({ x: file }), shuffle: true, digest: true, ...mode })));
      }
    }
    assert(digests[0] && digests.every((digest) => digest === digests[0]), digests.join());
  },

  async 'a server that cannot be trusted with ranges is named, with the URL'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const [path, read, code, says] of [
      ['norange/tests/data/c_f4_v1.npy', 'range', 'NO_RANGE', /status 200/],
      ['nosize/tests/data/c_f4_v1.npy', 'range', 'NO_RANGE', /Content-Range/],
      ['changing/tests/data/c_f4_v1.npy', 'range', 'SOURCE_CHANGED', /ETag was/],
      ['spa/x.npy', 'whole', 'FORMAT', /HTML/],
      ['spa/x.npy', 'range', 'FORMAT', /HTML/],
      ['nothing.npy', 'whole', 'READ', /404/],
      ['nothing.npy', 'range', 'READ', /404/],
      ['cut/tests/data/c_f4_v1.npy', 'whole', 'READ', /./],
    ]) {
      const file = source.http(here.http(path), { read });
      for (const mode of [{ backend: 'inline' }, { backend: 'workers', workers: 2 }]) {
        const error = await rejected(loader({ source: source.npy({ x: file }), ...mode }));
        equal([error.name, error.code], ['WindrowError', code], `${path}: ${error.message}`);
        assert(says.test(error.message) && error.message.includes(path), error.message);
      }
    }
  },

  async 'a source that changes, or goes away, between two ranges is the error of the samples it has'({ windrow, here }) {
    const { loader, source } = windrow;
    for (const [fault, code, says] of [['laterchanged', 'SOURCE_CHANGED', /changed after the start/], ['laternorange', 'NO_RANGE', /status 200/], ['laterless', 'READ', /status 404/], ['laterresized', 'SOURCE_CHANGED', /size|Last-Modified|ETag/], ['offline', 'READ', /the request failed/], ['latershifted', 'READ', /asked for bytes \d+-\d+, received bytes \d+-\d+/], ['latershort', 'READ', /received \d+ bytes instead of \d+/]]) {
      // One worker: another may still be opening the file when it goes away, which is an error of opening.
      for (const mode of [{ backend: 'inline' }, { backend: 'workers', workers: 1 }]) {
        const file = source.http(here.http(`${fault}/${(unique += 1)}/tests/data/c_f4_v1.npy`), { read: 'range' });
        const data = await loader({ source: source.npy({ x: file }), epochs: 16, ...mode });
        const got = await all(data);
        equal(got.length, data.progress.positions, fault);
        const last = got.at(-1);
        equal([last.name, last.code, last.position], ['WindrowError', code, got.length - 1], `${fault}: ${last.message}`);
        assert(says.test(last.message), last.message);
        assert(got.some(({ code }) => code === undefined), `${fault}: some came before`);
      }
    }
  },
};
