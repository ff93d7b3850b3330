// The training loop: the pipelines, the model, and the parts of a checkpoint.

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { loader, ops, source, type Tensor } from 'windrow';

import digits from '../../../www/data/digits.csv.gz?url';
import { read, write, type Checkpoint, type Row, type Saved } from './checkpoint';

type Digits = { image: Tensor<'f32'>; label: Tensor<'f32'> };

const EPOCHS = 8;
const PARTS = [0.8, 0.2];

const table = source.csv(digits, {
  header: false,
  fields: [
    { name: 'image', columns: { start: 0, end: 64 }, dtype: 'u8' },
    { name: 'label', columns: 64, dtype: 'u8' },
  ],
});
const scaled = [ops.scale({ field: 'image', factor: 1 / 16 }), ops.oneHot({ field: 'label', classes: 10 })];
const worker = () => new Worker(new URL('./loader.worker.ts', import.meta.url), { type: 'module' });

export interface Reports {
  /** The batches that an earlier visit has trained on. */
  started(batch: number): void;
  batch(done: number, total: number): void;
  epoch(row: Row): void;
}

export async function train(report: Reports): Promise<void> {
  await tf.setBackend('cpu');
  const kept = await read();
  const model = build();
  if (kept) await restore(model, kept);

  const validation = await wholePart(1);
  await using data = await loader<Digits>({
    source: table,
    split: { seed: 1, parts: PARTS, part: 0 },
    shuffle: true,
    seed: 7,
    pipeline: [ops.js('shift', { pixels: 1 }), ...scaled],
    batchSize: 32,
    epochs: EPOCHS,
    worker,
    resume: kept?.state,
  });

  const perEpoch = data.batchesPerEpoch!;
  const rows = kept?.rows ?? [];
  let sum = kept?.sum ?? 0;
  report.started(data.progress.batches);
  report.batch(data.progress.batches, perEpoch * EPOCHS);
  for (const row of rows) report.epoch(row);

  for await (const epoch of data.epochs()) {
    // A state from the end of an epoch resumes in that epoch, of which no batch is left.
    if (epoch.number < rows.length) continue;
    for await (const batch of epoch) {
      const [x, y] = tensors(batch.fields);
      sum += (await model.trainOnBatch(x, y)) as number;
      tf.dispose([x, y]);
      report.batch(data.progress.batches, perEpoch * EPOCHS);
      if (data.progress.batches % 10 === 0) await write({ ...(await weightsOf(model)), state: batch.state, rows, sum });
    }
    const row = { number: epoch.number, loss: sum / perEpoch, ...judge(model, validation) };
    rows.push(row);
    sum = 0;
    await write({ ...(await weightsOf(model)), state: data.state, rows, sum });
    report.epoch(row);
  }
}

/** Returns a classifier whose first weights are the same in each run. */
function build(): layers.LayersModel {
  const seeded = (seed: number) => layers.initializers.glorotUniform({ seed });
  const model = layers.sequential({
    layers: [
      layers.layers.dense({ units: 32, activation: 'relu', inputShape: [64], kernelInitializer: seeded(1) }),
      layers.layers.dense({ units: 10, activation: 'softmax', kernelInitializer: seeded(2) }),
    ],
  });
  model.compile({ optimizer: tf.train.momentum(0.02, 0.9), loss: 'categoricalCrossentropy' });
  return model;
}

function tensors({ image, label }: Digits): [tf.Tensor2D, tf.Tensor2D] {
  return [tf.tensor2d(image.data, image.shape as [number, number]), tf.tensor2d(label.data, label.shape as [number, number])];
}

/** Reads all samples of one part as one batch, in the order of the table. */
async function wholePart(part: number): Promise<[tf.Tensor2D, tf.Tensor2D]> {
  await using data = await loader<Digits>({
    source: table,
    split: { seed: 1, parts: PARTS, part },
    pipeline: scaled,
    batchSize: 10_000,
  });
  const { value } = await data.next();
  return tensors(value!.fields);
}

/** Returns the loss and the accuracy on the validation part. */
function judge(model: layers.LayersModel, [x, y]: [tf.Tensor2D, tf.Tensor2D]): { validation: number; accuracy: number } {
  return tf.tidy(() => {
    const odds = model.predict(x) as tf.Tensor2D;
    const validation = tf.neg(tf.mean(tf.sum(tf.mul(y, tf.log(tf.add(odds, 1e-7))), 1)));
    const accuracy = tf.mean(tf.cast(tf.equal(tf.argMax(odds, 1), tf.argMax(y, 1)), 'float32'));
    return { validation: validation.dataSync()[0], accuracy: accuracy.dataSync()[0] };
  });
}

/** Copies the weights of the model and the momentum of the optimizer, without which the losses would differ. */
async function weightsOf(model: layers.LayersModel): Promise<Pick<Checkpoint, 'model' | 'optimizer'>> {
  const copy = async (name: string, tensor: tf.Tensor): Promise<Saved> => ({ name, shape: tensor.shape, data: (await tensor.data()) as Float32Array });
  return {
    model: await Promise.all(model.getWeights().map((tensor) => copy('', tensor))),
    optimizer: await Promise.all((await model.optimizer.getWeights()).map(({ name, tensor }) => copy(name, tensor))),
  };
}

async function restore(model: layers.LayersModel, kept: Checkpoint): Promise<void> {
  model.setWeights(kept.model.map(({ data, shape }) => tf.tensor(data, shape)));
  await model.optimizer.setWeights(kept.optimizer.map(({ name, data, shape }) => ({ name, tensor: tf.tensor(data, shape) })));
}
