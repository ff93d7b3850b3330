// The options of the two loaders. Any other program that imports them gets the same batches.

import { ops, source } from 'windrow';

const wave = { shape: [2000, 16], data: Float32Array.from({ length: 2000 * 16 }, (_, i) => (i % 97) / 97) };
const common = { source: source.arrays({ wave }), shuffle: true, seed: 7, batchSize: 32, epochs: 2 };

export const pipelines = {
  waves: { ...common, pipeline: [ops.normalize({ field: 'wave', mean: [0.5], std: [0.25] })] },
  noisy: {
    ...common,
    pipeline: [ops.js('noise', { amount: 0.1 })],
    worker: () => new Worker(new URL('./loader.worker.js', import.meta.url), { type: 'module' }),
  },
};
