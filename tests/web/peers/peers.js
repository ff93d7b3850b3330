// What people use now, doing the work of windrow's side: each takes `{ kind, count, size, workers }` and
// an object that gives the URLs of the workers, and yields the batches in order.

import '@tensorflow/tfjs-backend-cpu';
import { setBackend, tensor1d } from '@tensorflow/tfjs-core';
import { generator } from '@tensorflow/tfjs-data';
import * as Comlink from 'comlink';
import workerpool from 'workerpool';
import { work } from './work.js';

/** What tfjs has, which is no f64. */
const asFloat = (numbers) => (numbers instanceof Float32Array ? numbers : Float32Array.from(numbers));
const starts = ({ count, size }) => Array.from({ length: Math.ceil(count / size) }, (_, number) => number * size);

/** Batches in order with two asked of each worker, which is what a careful engineer writes. */
async function* ahead(job, ask) {
  const queue = [];
  for (const start of starts(job)) {
    queue.push(ask(start, Math.min(start + job.size, job.count)));
    if (queue.length >= 2 * job.workers) yield await queue.shift();
  }
  while (queue.length > 0) yield await queue.shift();
}

export const peers = {
  /** tfjs-data has no workers: it works on the page's own thread. */
  async *'tfjs-data'({ kind, count, size }) {
    await setBackend('cpu');
    const numbers = function* () {
      for (let index = 0; index < count; index++) yield tensor1d(asFloat(work[kind](index)));
    };
    const batches = await generator(numbers).batch(size).iterator();
    for (;;) {
      const { value, done } = await batches.next();
      if (done) return;
      yield value.dataSync();
      value.dispose();
    }
  },

  /** A pool by hand, which hands batches round among its workers. */
  async *comlink(job, urls) {
    const workers = Array.from({ length: job.workers }, () => new Worker(urls.comlink, { type: 'module' }));
    const makers = workers.map((worker) => Comlink.wrap(worker));
    let next = 0;
    try {
      yield* ahead(job, (start, end) => makers[next++ % makers.length](job.kind, start, end));
    } finally {
      for (const worker of workers) worker.terminate();
    }
  },

  async *workerpool(job, urls) {
    const pool = workerpool.pool(urls.workerpool, { maxWorkers: job.workers, minWorkers: job.workers, workerOpts: { type: 'module' } });
    try {
      yield* ahead(job, (start, end) => pool.exec('make', [job.kind, start, end]));
    } finally {
      await pool.terminate(true);
    }
  },
};
