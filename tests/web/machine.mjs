// What must hold in Node alone: files of this machine, by their paths.

import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

import { assert, equal, rejected } from './cases.js';
import { root } from './server.mjs';
import { all } from './transforms.js';

const LIMIT = 120_000;
const run = promisify(execFile);
/** Runs a program of one's own in Node, with `windrow` in it and a flag of V8's; gives what it prints. */
const program = (text) => run(process.execPath, ['--expose-gc', '--input-type=module', '-e', `import { loader, ops, source } from ${JSON.stringify(pathToFileURL(join(root, 'www/pkg/src/node/index.js')).href)};\n${text}`], { timeout: LIMIT, killSignal: 'SIGKILL' });

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
  async 'the first examples of the READMEs and the guide run as they are pasted'() {
    for (const page of ['README.md', 'www/package/README.md', 'www/guide/browser.md']) {
      const text = await readFile(join(root, page), 'utf8');
      const [, example] = /```js\nimport \{ loader, ops, source \} from 'windrow';\n([^]*?)```/.exec(text);
      // 900 pictures are 29 batches.
      equal((await program(example)).stdout.trim().split('\n'), ['epoch 0: 29 batches so far', 'epoch 1: 58 batches so far', 'epoch 2: 87 batches so far']);
    }
  },

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
      const error = await rejected(loader({ source: source.range(9), worker, workers: 1, startupTimeout: 2000 }));
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

  async 'four hundred pictures are read with few descriptors'() {
    const folder = await mkdtemp(join(tmpdir(), 'windrow-many-'));
    try {
      const [picture] = await import('./server.mjs').then(({ list }) => list('tests/golden/data/folder'));
      const from = join(root, 'tests/golden/data/folder', picture);
      for (let number = 0; number < 400; number++) await copyFile(from, join(folder, `${1000 + number}.png`));
      const many = fileURLToPath(new URL('./many.node.mjs', import.meta.url));
      const { stdout } = await run('sh', ['-c', 'ulimit -n 256 && exec "$@"', 'sh', process.execPath, many, folder], { timeout: LIMIT, killSignal: 'SIGKILL' });
      equal(stdout.trim().split('\n'), ['inline 800 0', 'workers 800 0', 'threads 800 0'], 'backend, pictures, errors');
    } finally {
      await rm(folder, { recursive: true });
    }
  },

  async 'a file that another takes the place of, while more are read than are open, is the error of its samples'({ windrow }) {
    const { loader, source } = windrow;
    const folder = await mkdtemp(join(tmpdir(), 'windrow-changed-'));
    try {
      for (let number = 10; number < 50; number++) await writeFile(join(folder, `${number}.png`), `this is ${number}`);
      const data = await loader({ source: source.images(source.folder(folder)), backend: 'inline', epochs: 20 });
      await data.next();
      await writeFile(join(folder, 'other'), 'this is not 30');
      await rename(join(folder, 'other'), join(folder, '30.png'));
      const got = await all(data);
      const errors = got.filter(({ code }) => code);
      assert(errors.length > 5 && errors.every(({ code, position, message }) => code === 'SOURCE_CHANGED' && position % 40 === 20 && /30\.png/.test(message)), `${errors.length}: ${errors[0]?.message}`);
      assert(got.every(({ fields }) => !fields || /^this is \d\d$/.test(new TextDecoder().decode(fields.image.data))), 'nothing of another file');
    } finally {
      await rm(folder, { recursive: true });
    }
  },

  async 'what a browser keeps of files has a bound'() {
    // In a program of its own: what this one holds grows with the pages that it serves meanwhile.
    const { stdout } = await program(`
      const { reader } = await import(${JSON.stringify(pathToFileURL(join(root, 'www/pkg/src/browser/reader.js')).href)});
      const megabyte = 1 << 20;
      const file = (start, end) => ({ size: end - start, slice: (from, to) => file(start + from, start + to) });
      globalThis.FileReaderSync = class { readAsArrayBuffer = ({ size }) => new ArrayBuffer(size); };
      gc();
      const before = process.memoryUsage().arrayBuffers;
      const { read } = reader(Object.fromEntries(Array.from({ length: 400 }, (_, number) => [number, { kind: 'blob', blob: file(0, megabyte) }])));
      const lengths = Array.from({ length: 400 }, (_, number) => read(String(number), 0, megabyte).length);
      // Buffers that nobody holds are freed beside the program, some time after their collection.
      const held = () => (process.memoryUsage().arrayBuffers - before) / megabyte;
      for (const end = Date.now() + 60_000; held() >= 100 && Date.now() < end; await new Promise(setImmediate)) gc();
      console.log(JSON.stringify([new Set(lengths).size, lengths[0] / megabyte, held(), read('7', 5, 10).length]));
    `);
    const [different, megabytes, held, piece] = JSON.parse(stdout);
    equal([different, megabytes, piece], [1, 1, 10]);
    assert(held < 100, `${held.toFixed(0)} MB are held of 400`);
  },

  async 'closing a loader waits until its threads have ended'({ windrow, here }) {
    for (const mode of here.modes) {
      const { started, restore } = here.patched();
      try {
        const data = await windrow.loader({ source: windrow.source.range(1000), batchSize: 10, ...mode });
        await data.next();
        await data.close();
        equal([started.length > 0, started.filter(({ worker }) => worker.threadId !== -1).length], [true, 0], `threads left of ${mode.backend}`);
      } finally {
        restore();
      }
    }
  },

  async 'a loader that nobody waits for lets a program end, and one that is waited for does not'() {
    for (const backend of ['inline', 'workers', 'threads']) {
      const open = `const data = await loader({ source: source.range(1000), batchSize: 10, workers: 2, backend: '${backend}' });`;
      equal((await program(`${open} console.log((await data.next()).value.number);`)).stdout, '0\n', `left open, ${backend}`);
      equal((await program(`${open} let count = 0; for await (const batch of data) count += 1; console.log(count);`)).stdout, '100\n', `to the end, ${backend}`);
      equal((await program(`${open} await data.next(); await data.close(); console.log('closed');`)).stdout, 'closed\n', `closed, ${backend}`);
    }
  },

  async 'a syntax error in a worker file, and one that ends at once, is named with its file'({ windrow }) {
    const { loader, source } = windrow;
    for (const [worker, says] of [
      [() => new Worker(new URL('./unfinished.worker.js', import.meta.url)), /Unexpected token.*unfinished\.worker\.js:1/],
      [() => new Worker(new URL('./module.js', import.meta.url)), /module\.js.*exit code 0/],
    ]) {
      const error = await rejected(loader({ source: source.range(9), worker, workers: 1 }));
      equal([error.name, error.code], ['WindrowError', 'WORKER_LOAD'], error.message);
      assert(says.test(error.message), error.message);
    }
  },
};
