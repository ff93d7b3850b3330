// What must hold of ranges in Node, where one thread asks and another waits: every answer belongs to its
// question, however late it comes.

import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

import { assert, equal } from './cases.js';
import { root } from './server.mjs';
import { all } from './transforms.js';

const ROWS = 600, WIDTH = 8;
/** Rows of eight numbers, each of them the number of its row. */
function numbered() {
  const header = `{'descr': '<f8', 'fortran_order': False, 'shape': (${ROWS}, ${WIDTH}), }`.padEnd(117) + '\n';
  const rows = Float64Array.from({ length: ROWS * WIDTH }, (_, i) => Math.floor(i / WIDTH));
  return Buffer.concat([Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, header.length, 0]), Buffer.from(header), Buffer.from(rows.buffer)]);
}

/** The same numbers from 0 up to, but not including, 1 in every run. */
function dice(seed) {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

/** A server of these bytes by ranges, whose `whim` says after how many milliseconds an answer comes. */
async function unsteady(bytes, whim) {
  const server = createServer((request, response) => {
    const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range).map(Number);
    const wait = whim();
    const answer = () => response.writeHead(206, { 'Content-Range': `bytes ${start}-${end}/${bytes.length}`, ETag: '"one"' }).end(bytes.subarray(start, end + 1));
    if (wait === 0) answer();
    else if (wait < Infinity) setTimeout(answer, wait);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const close = () => (server.closeAllConnections(), server.close());
  return { url: `http://127.0.0.1:${server.address().port}/numbered.npy`, close };
}

/** What a thread says that asks for ranges one after another. */
const heard = (workerData) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./ranges.node.js', import.meta.url), { workerData });
    worker.on('message', resolve);
    worker.on('error', reject);
  });

export const ranges = {
  async 'ranges are read in a program that has flags of V8'() {
    const { url, close } = await unsteady(numbered(), () => 0);
    const folder = await mkdtemp(join(tmpdir(), 'windrow-flags-'));
    const file = join(folder, 'program.mjs');
    const text = `import { loader, source } from ${JSON.stringify(pathToFileURL(join(root, 'www/pkg/src/node/index.js')).href)};
      const data = await loader({ source: source.npy({ x: source.http(${JSON.stringify(url)}, { read: 'range' }) }), batchSize: 100 });
      let rows = 0;
      for await (const batch of data) rows += batch.fields.x.shape[0];
      console.log(rows);`;
    try {
      await writeFile(file, text);
      for (const how of [[file], ['--input-type=module', '-e', text]]) {
        const { stdout } = await promisify(execFile)(process.execPath, ['--max-old-space-size=1000', ...how], { timeout: 60_000, killSignal: 'SIGKILL' });
        equal(stdout, `${ROWS}\n`, how[0]);
      }
    } finally {
      close();
      await rm(folder, { recursive: true });
    }
  },

  async 'ranges answered late and soon give every sample its own bytes'({ windrow }) {
    const { loader, source } = windrow;
    const next = dice(1);
    const { url, close } = await unsteady(numbered(), () => (next() < 0.8 ? 0 : Math.floor(4 * next())));
    try {
      const data = await loader({ source: source.npy({ x: source.http(url, { read: 'range' }) }), batchSize: 100, retries: 2, backend: 'workers', workers: 2 });
      const rows = (await all(data)).flatMap(({ fields }) => [...fields.x.data]);
      const wrong = rows.filter((value, i) => value !== Math.floor(i / WIDTH)).length / WIDTH;
      equal([rows.length / WIDTH, wrong], [ROWS, 0], 'rows, and wrong ones');
    } finally {
      close();
    }
  },

  async 'an answer that comes after its question was given up is no answer to the next'() {
    const next = dice(2);
    // Of 8 questions, one is answered after the time that it has, and one never.
    const { url, close } = await unsteady(numbered(), () => [Infinity, 1400][Math.floor(8 * next())] ?? (next() < 0.5 ? 0 : 3));
    try {
      const file = { url, size: numbered().length };
      const { right, given, wrong } = await heard({ file, count: 40, patience: 600, first: 128, width: 8 * WIDTH });
      equal(wrong, [], 'answers to other questions');
      assert(right > 10 && given.length > 2, `${right} answers, ${given.length} given up`);
      // Twice the time is up where the thread that fetches has no turn on a busy machine.
      assert(given.every((why) => /^\[READ\] http.*no answer within (600|1200) ms/.test(why)), given.join('\n'));
    } finally {
      close();
    }
  },
};
