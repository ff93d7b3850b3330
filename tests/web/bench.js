// What the package does in a second, measured in the page it runs on. Ratios within one run count;
// the machine may be busy.

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];

async function drain(data, each) {
  for await (const batch of data) each?.(batch);
}

export const benches = {
  /** Milliseconds for 200 samples of 2 ms, with 1 and with 2 workers. */
  async 'two workers against one, 200 samples of 2 ms'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    const took = {};
    for (const workers of [1, 2]) {
      const times = [];
      for (let round = 0; round < 3; round++) {
        const data = await loader({ source: source.range(200), pipeline: [ops.js('slow', { milliseconds: 2 })], worker: here.worker, workers, batchSize: 10 });
        const start = performance.now();
        await drain(data);
        times.push(performance.now() - start);
      }
      took[workers] = median(times);
    }
    return { one: took[1], two: took[2], ratio: took[1] / took[2] };
  },

  /** Milliseconds from the open loader to the last batch. */
  async '10,000 tiny samples in batches of 32'({ windrow, here }) {
    const { loader, source } = windrow;
    const results = {};
    for (const mode of here.modes.filter(({ workers }) => workers === undefined || workers === 2)) {
      const times = [];
      for (let round = 0; round < 3; round++) {
        const data = await loader({ source: source.range(10_000), batchSize: 32, ...mode });
        const start = performance.now();
        await drain(data);
        times.push(performance.now() - start);
      }
      results[`${mode.backend} ${mode.workers ?? ''}`.trim()] = median(times);
    }
    return results;
  },

  /** Milliseconds from the call of `loader()` to the first batch. */
  async 'the first batch'({ windrow, here }) {
    const { loader, source } = windrow;
    const results = {};
    for (const mode of here.modes.filter(({ workers }) => workers === undefined || workers === 2)) {
      const times = [];
      for (let round = 0; round < 5; round++) {
        const start = performance.now();
        const data = await loader({ source: source.range(1000), batchSize: 32, ...mode });
        await data.next();
        times.push(performance.now() - start);
        await data.close();
      }
      results[`${mode.backend} ${mode.workers ?? ''}`.trim()] = median(times);
    }
    return results;
  },

  /** The longest gap of a 4 ms timer on the page while two workers are busy, and a large batch's cost. */
  async 'the page meanwhile'({ windrow, here }) {
    const { loader, source, ops } = windrow;
    let last = performance.now();
    let gap = 0;
    const timer = setInterval(() => {
      gap = Math.max(gap, performance.now() - last);
      last = performance.now();
    }, 4);
    await drain(await loader({ source: source.range(400), pipeline: [ops.js('slow', { milliseconds: 2 })], worker: here.worker, workers: 2, batchSize: 8 }));
    clearInterval(timer);
    const data = await loader({ source: source.arrays({ x: { data: new Uint8Array(6 * 19_300_000), shape: [6, 19_300_000] } }), batchSize: 1, workers: 1 });
    const costs = [];
    await data.next();
    await new Promise((later) => setTimeout(later, 500));
    for (let i = 0; i < 2; i++) {
      // These are here already: what is left is the page's own work.
      const start = performance.now();
      const { value } = await data.next();
      value.fields.x.data.at(-1);
      costs.push(performance.now() - start);
    }
    await data.close();
    return { longestGap: gap, pageCostOf19MB: Math.max(...costs) };
  },
};

/** Samples a second of a document, one core: inline. */
export async function speed({ loader }, spec, files) {
  const data = await loader({ spec, files, backend: 'inline' });
  let samples = 0;
  const start = performance.now();
  await drain(data, ({ fields }) => (samples += Object.values(fields)[0].shape[0]));
  return (1000 * samples) / (performance.now() - start);
}
