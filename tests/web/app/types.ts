// What the types tell of a loader's fields, and what they refuse, for `tsc --strict`.

import { type Batch, type DataFile, type Fields, type Loader, type PipelineDocument, type Tensor, loader, ops, source } from 'windrow';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Holds a loader to exactly these fields: each of them, and no other. */
const has = <F extends object>() => <G extends object>(_: Promise<Loader<G>>, ..._same: Same<{ [K in keyof G]: G[K] }, { [K in keyof F]: F[K] }> extends true ? [] : ['these are not its fields']): void => {};

declare const file: DataFile;
const table = source.csv(file, { fields: [{ name: 'x', columns: 'all', dtype: 'f32' }, { name: 'y', columns: 0, dtype: 'i64' }] });

has<{ readonly value: Tensor<'u64'> }>()(loader({ source: source.range(9), batchSize: 3 }));
has<{ readonly x: Tensor<'f32'>; readonly y: Tensor<'i64'> }>()(loader({ source: table }));
has<{ readonly x: Tensor<'u8'> }>()(loader({ source: source.jsonl(file, { fields: [{ name: 'x', dtype: 'u8', at: '/a/b' }] }) }));
has<{ readonly jpg: Tensor<'u8'>; readonly cls: Tensor<'u8'> }>()(loader({ source: source.tar(file, { fields: ['jpg', 'cls'] }) }));
has<{ readonly image: Tensor<'u8'> }>()(loader({ source: source.images(source.folder('/a')) }));
has<{ readonly image: Tensor<'u8'>; readonly label: Tensor<'u32'> }>()(loader({ source: source.images(source.folder('/a'), { label: true }) }));
has<{ readonly image: Tensor; readonly label: Tensor }>()(loader({ source: source.npy({ image: file, label: file }) }));
has<{ readonly image: Tensor }>()(loader({ source: source.idx({ image: file }) }));
has<Fields>()(loader({ source: source.js('tiles') }));
has<Fields>()(loader({ spec: { version: 1 }, files: {} }));
has<{ readonly image: Tensor<'f32'> }>()(loader<{ readonly image: Tensor<'f32'> }>({ source: source.npy({ image: file }) }));

/** Arrays tell their dtype. */
const arrays = source.arrays({
  a: new Float32Array(4), b: [[1, 2], [3, 4]], c: [true, false], d: { data: new Uint8ClampedArray(4), shape: [2, 2] }, e: new BigInt64Array(2),
  f: { dtype: 'f16', shape: [2], data: new Uint16Array(2) }, g: { shape: [2, 2], data: [1, 2, 3, 4] },
});
has<{
  readonly a: Tensor<'f32'>; readonly b: Tensor<'f64'>; readonly c: Tensor<'bool'>; readonly d: Tensor<'u8'>; readonly e: Tensor<'i64'>;
  readonly f: Tensor<'f16'>; readonly g: Tensor<'f64'>;
}>()(loader({ source: arrays }));

/** Ops change what fields there are. */
has<{ readonly x: Tensor<'u8'>; readonly y: Tensor<'f32'> }>()(loader({ source: table, pipeline: [ops.slice({ end: 9 }), ops.cast({ field: 'x', dtype: 'u8' }), ops.oneHot({ field: 'y', classes: 3 })] }));
has<{ readonly y: Tensor<'i64'> }>()(loader({ source: table, pipeline: [ops.filter({ field: 'y', is: '<=', value: 3 }), ops.select({ fields: ['y'] })] }));
has<{ readonly image: Tensor<'f32'> }>()(loader({ source: source.images(source.folder('/a')), pipeline: [ops.decodeImage({ field: 'image', channels: 3 }), ops.resize({ field: 'image', height: 8, width: 8, filter: 'lanczos3' }), ops.normalize({ field: 'image', mean: [0.5], std: [1], factor: 1 / 255 })] }));
has<{ readonly image: Tensor<'u8'> }>()(loader({
  source: source.images(source.folder('/a')),
  pipeline: [
    ops.decodeImage({ field: 'image' }), ops.randomCrop({ field: 'image', height: 8, width: 8, padding: 1 }), ops.randomFlip({ field: 'image', direction: 'vertical', seed: 7n }),
    ops.randomRotate90({ field: 'image' }), ops.randomBrightness({ field: 'image', lower: 0.8, upper: 1.2 }), ops.randomContrast({ field: 'image', lower: 0.8, upper: 1.2 }),
    ops.randomErase({ field: 'image', scale: [0.1, 0.2] }), ops.noise({ field: 'image', lower: -1, upper: 1 }), ops.gaussianNoise({ field: 'image', sigma: 2 }),
  ],
}));
has<Fields>()(loader({ source: table, pipeline: [ops.js('jitter')] }));
has<Fields>()(loader({ source: table, pipeline: [] as ReturnType<typeof ops.op>[] }));

/** Epochs, and what may be `null`. */
export async function epochs(saved: null, signal: undefined): Promise<number> {
  const data = await loader({
    source: source.range(9), split: { seed: 1, parts: [0.9, 0.1], part: 0 }, shuffle: 0, epochs: Infinity, batchSize: null, resume: saved, signal,
    workers: undefined, sampleTimeout: null, onError: 'throw', coordinator: () => new Worker('coordinator.js'), keys: true, stages: [{ stage: 'limit', count: 3n }],
  });
  for await (const epoch of data.epochs()) {
    for await (const { keys } of epoch) if (keys satisfies readonly (number | string)[] | undefined) break;
    for await (const batch of epoch) if (batch.fields.value.data[0] === 3n && batch.numberInEpoch < batch.epoch) return epoch.number;
    if (data.progress.epoch > 3 && data.batchesPerEpoch !== undefined) break;
  }
  return 0;
}

/** Names of the DOM mean what they mean there. */
export const dom = (picked: File, page: Document): [DataFile, string] => [picked, page.title];
export const document: PipelineDocument = { spec: '{}' };
export const batch = (one: Batch<{ x: Tensor<'u8'> }>): Uint8Array => one.fields.x.data;

// @ts-expect-error There is no field of that name.
loader({ source: table }).then(async (data) => (await data.next()).value?.fields.z);
// @ts-expect-error Dtypes are in lower case.
ops.cast({ field: 'x', dtype: 'F32' });
// @ts-expect-error Dtypes are in lower case.
source.csv(file, { fields: [{ name: 'x', columns: 0, dtype: 'F32' }] });
// @ts-expect-error A comparison is one of six.
ops.filter({ field: 'x', is: '=', value: 1 });
// @ts-expect-error A picture has 1, 3 or 4 channels.
ops.decodeImage({ field: 'image', channels: 2 });
// @ts-expect-error There is no such filter.
ops.resize({ field: 'image', height: 8, width: 8, filter: 'cubic' });
// @ts-expect-error Both sides are needed.
ops.resize({ field: 'image', height: 8 });
// @ts-expect-error A mean needs a deviation.
ops.normalize({ field: 'image', mean: [0.5] });
// @ts-expect-error A picture is mirrored in one of two directions.
ops.randomFlip({ field: 'image', direction: 'both' });
// @ts-expect-error A factor has two bounds.
ops.randomContrast({ field: 'image', upper: 2 });
// @ts-expect-error Scaling gives floats.
ops.scale({ field: 'x', factor: 2, dtype: 'u8' });
// @ts-expect-error There is no such stage.
loader({ source: table, stages: [{ stage: 'rebatch' }] });
// @ts-expect-error A part needs its number.
loader({ source: table, split: { parts: [0.5, 0.5] } });
