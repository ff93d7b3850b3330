// The guide's examples and the types of what they give, for `tsc --strict`.

import { type Batch, type State, type Tensor, WindrowError, loader, ops, source } from 'windrow';
import { serve } from 'windrow/worker';

/** The first example. */
export async function first(): Promise<State | undefined> {
  // A thousand pictures of 28 by 28 pixels, and a label for each.
  const image = { shape: [1000, 28, 28], data: Uint8Array.from({ length: 1000 * 28 * 28 }, (_, i) => i) };
  const label = Uint8Array.from({ length: 1000 }, (_, i) => i % 10);

  const data = await loader({
    source: source.arrays({ image, label }),
    split: { seed: 1, parts: [0.9, 0.1], part: 0 },
    shuffle: true,
    seed: 7,
    pipeline: [ops.scale({ field: 'image', factor: 1 / 255 })],
    batchSize: 32,
    epochs: 3,
  });

  let saved: State | undefined;
  for await (const epoch of data.epochs()) {
    for await (const batch of epoch) {
      const { image, label } = batch.fields;
      const pixels: Float32Array = image.data;
      const labels: Uint8Array = label.data;
      if (pixels.length === 0 || labels.length === 0) break;
      saved = batch.state; // resumes right after this batch: loader({ …, resume: saved })
    }
    console.log(`epoch ${epoch.number}: ${data.progress.batches} batches so far`);
  }
  return saved;
}

type Digits = { image: Tensor<'f32'>; label: Tensor<'u8'> };

export async function train(saved: State | undefined, signal: AbortSignal): Promise<State | undefined> {
  const data = await loader<Digits>({
    source: source.npy({ image: '/images.npy', label: source.http('/labels.npy', { read: 'range' }) }),
    pipeline: [ops.scale({ field: 'image', factor: 1 / 255 }), ops.js('jitter', { amount: 0.2 })],
    batchSize: 32, seed: 7n, shuffle: true, epochs: 3, digest: true, signal, ...(saved ? { resume: saved } : {}),
  });
  let state: State | undefined;
  for await (const batch of data) {
    const pixels: Float32Array = batch.fields.image.data;
    const labels: Uint8Array = batch.fields.label.data;
    if (pixels.length === 0 || labels.length === 0) break;
    state = batch.state;
  }
  return state;
}

export async function any(): Promise<number> {
  const data = await loader({ source: source.arrays({ x: [1, 2, 3] }), backend: 'inline' });
  try {
    const { value, done } = await data.next();
    if (done) return 0;
    const batch: Batch = value;
    const x = batch.fields['x'];
    // A dtype tells the array.
    if (x?.dtype === 'u64') return Number(x.data[0] satisfies bigint | undefined);
    return x?.shape.length ?? 0;
  } catch (error) {
    if (error instanceof WindrowError && error.code === 'SAMPLE') return error.position ?? -1;
    throw error;
  } finally {
    await data.close();
  }
}

// @ts-expect-error There is no such option.
export const wrong = () => loader({ source: source.range(3), batchsize: 3 });
// @ts-expect-error A document says its batches itself.
export const both = () => loader({ spec: {}, batchSize: 3 });

// @ts-expect-error There is no such dtype.
export const banana = () => source.csv('/t.csv', { fields: [{ name: 'x', columns: 0, dtype: 'banana' }] });
// @ts-expect-error A field is no text.
export const texts = () => source.arrays({ x: ['a', 'b'] });

/** Sources of every kind. */
export const sources = [
  source.images([new Blob(), '/pets/cat/1.png', source.http('/pets/dog/2.png', { read: 'range' })], { label: true }),
  source.images({ 'cat/1.png': new Uint8Array(3) }),
  source.images(source.folder('/data/pets')),
  source.csv('/t.csv', { fields: [{ name: 'x', columns: ['a', 3], dtype: 'f32' }, { name: 'y', columns: 'all', dtype: 'u8' }], header: true }),
  source.jsonl('/t.jsonl', { fields: [{ name: 'x', dtype: 'f32', at: '/meta/x' }] }),
  source.arrays({ x: [[1, 2], [3, 4]], y: [true, false], z: { shape: [2, 2], data: new Uint8Array(4) }, w: new Float32Array(2) }),
  source.images(source.folder(source.opfs('pets'))),
  source.js('tiles', { identity: '2026-05', options: { zoom: 3 } }),
  source.js({ module: '/tiles.js', export: 'tiles' }),
];

const tiles = async ({ zoom }: { zoom: number }) => {
  const { length } = await (await fetch(`/tiles/${zoom}.json`)).json();
  return {
    length,
    async get(index: number) {
      const bytes = await (await fetch(`/tiles/${zoom}/${index}.png`)).arrayBuffer();
      return { image: new Uint8Array(bytes), place: { dtype: 'u32', shape: [], data: Uint32Array.of(index) } as const };
    },
  };
};

serve(
  {
    jitter: (sample, { amount }, { rng }) => ({ ...sample, noise: amount * rng.unit() }),
    later: async (sample) => ({ ...sample, late: true, rows: [[1, 2], [3, 4]], bytes: new Uint8Array(3) }),
  },
  { tiles, squares: { length: 9n, get: (index) => ({ x: index * index }) } },
);

// @ts-expect-error A sample is an object of its fields.
serve({ pixels: () => [1, 2] });
// @ts-expect-error A source has a length.
serve({}, { endless: { get: () => ({ x: 1 }) } });
