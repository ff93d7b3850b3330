// What must hold in Node alone: files of this machine, by their paths.

import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

import { assert, equal, rejected } from './cases.js';
import { all } from './transforms.js';

/** A file of 6 GB of which little is on the disk: rows of 100 bytes, the last ones with their number. */
async function large(path) {
  const [rows, width] = [60_000_000, 100];
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${rows}, ${width}), }`.padEnd(117) + '\n';
  const file = await open(path, 'w');
  await file.write(Buffer.concat([Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0]), Buffer.from(header)]));
  await file.truncate(10 + header.length + rows * width);
  for (let row = rows - 5; row < rows; row++) await file.write(Buffer.from([row % 251]), 0, 1, 10 + header.length + row * width + 7);
  await file.close();
  return rows;
}

export const machine = {
  async 'a file larger than memory is read where it is asked for'({ windrow }) {
    const { loader, source, ops } = windrow;
    const folder = await mkdtemp(join(tmpdir(), 'windrow-large-'));
    try {
      const path = join(folder, 'large.npy');
      const rows = await large(path);
      for (const file of [path, source.path(path), pathToFileURL(path)]) {
        for (const mode of [{ backend: 'inline' }, { backend: 'workers', workers: 2 }]) {
          const data = await loader({ source: source.npy({ x: file }), pipeline: [ops.slice({ start: rows - 5 })], batchSize: 5, ...mode });
          const { value: { fields: { x } } } = await data.next();
          equal([x.shape, [0, 1, 2, 3, 4].map((row) => x.data[row * 100 + 7])], [[5, 100], [0, 1, 2, 3, 4].map((row) => (rows - 5 + row) % 251)]);
          await data.close();
        }
      }
      const data = await loader({ source: source.npy({ x: path }), pipeline: [ops.slice({ start: rows - 60 })], backend: 'inline' });
      const cut = await open(path, 'r+');
      await cut.truncate(1000);
      await cut.close();
      const got = await all(data);
      // What was asked for ahead may have been read before.
      const after = got.slice(got.findIndex(({ code }) => code === 'SOURCE_CHANGED'));
      assert(got.length === 60 && after.length > 30, `${after.length} of ${got.length}`);
      equal(after.map(({ code }) => code), Array(after.length).fill('SOURCE_CHANGED'), after[0].message);
      assert(/large.npy ends at byte/.test(after[0].message), after[0].message);
    } finally {
      await rm(folder, { recursive: true });
    }
  },

  async 'a worker file that is not there, or answers nothing, is named'({ windrow }) {
    const { loader, source } = windrow;
    for (const [path, says] of [['./nothing.js', /nothing.js/], ['./module.js', /./]]) {
      const worker = () => new Worker(new URL(path, import.meta.url));
      const error = await rejected(loader({ source: source.range(9), worker, workers: 1, startTimeout: 2000 }));
      equal([error.name, error.code], ['WindrowError', 'WORKER_LOAD'], error.message);
      assert(says.test(error.message) && error.fix, error.message);
    }
  },

  async 'paths and folders that are not there are named'({ windrow }) {
    const { loader, source } = windrow;
    for (const given of [source.npy({ x: '/no/such/file.npy' }), source.images(source.folder('/no/such/folder'))]) {
      const error = await rejected(loader({ source: given, backend: 'inline' }));
      equal([error.name, error.code], ['WindrowError', 'READ'], error.message);
      assert(/\/no\/such\//.test(error.message), error.message);
    }
  },
};
