// windrow beside what people use now: the same work by the same function, in the same page, in turns.
// Only ratios within one run count. `start` is from the call to the first batch, the rest from there on.

import { peers } from './dist/peers.js';
import { first } from './peers/work.js';

const ROUNDS = 3;
const JOBS = [
  { what: '200 samples of 2 ms, batches of 10', kind: 'slow', count: 200, size: 10 },
  { what: '10,000 tiny samples, batches of 32', kind: 'tiny', count: 10_000, size: 32 },
  { what: '160 pictures of 602 KB, batches of 8', kind: 'images', count: 160, size: 8 },
];
const urls = {
  comlink: new URL('./dist/comlink.worker.js', import.meta.url).href,
  workerpool: new URL('./dist/workerpool.worker.js', import.meta.url).href,
};
const ours = () => new Worker(new URL('./peers/windrow.worker.js', import.meta.url), { type: 'module' });

async function* batches(data) {
  for await (const { fields } of data) yield Object.values(fields)[0].data;
}

function sides({ loader, source, ops }) {
  return {
    async *windrow({ kind, count, size, workers }) {
      const options = { source: source.range(count), pipeline: [ops.js(kind)], worker: ours, workers, batchSize: size };
      yield* batches(await loader(options));
    },
    ...peers,
  };
}

/** The longest gap of a 4 ms timer on the page while `run` runs, and its result. */
async function watched(run) {
  let last = performance.now();
  let gap = 0;
  const look = () => {
    gap = Math.max(gap, performance.now() - last);
    last = performance.now();
  };
  const timer = setInterval(look, 4);
  const result = await run().finally(() => clearInterval(timer));
  look();
  return { ...result, gap };
}

async function drained(side, job) {
  const called = performance.now();
  let start;
  let number = 0;
  for await (const batch of side(job, urls)) {
    start ??= performance.now();
    const want = first[job.kind](number * job.size);
    if (batch[0] !== want) throw Error(`batch ${number} of ${job.kind} starts with ${batch[0]}, not ${want}`);
    number += 1;
  }
  if (number !== Math.ceil(job.count / job.size)) throw Error(`${number} batches of ${job.kind}`);
  return { start: start - called, rest: performance.now() - start };
}

/** Milliseconds of each side at each job, the best round of each, with 2 workers. */
export async function against(windrow) {
  const table = [];
  for (const { what, ...job } of JOBS) {
    const best = {};
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, side] of Object.entries(sides(windrow))) {
        const got = await watched(() => drained(side, { ...job, workers: 2 }));
        if (!best[name] || got.rest < best[name].rest) best[name] = got;
      }
    }
    table.push({ what, best });
  }
  return table;
}
