// Shows a training run in Node that survives `kill -9`: a table read by its path, another order in
// each epoch, and a checkpoint file with the model and the loader's state. A run that is killed and
// started again prints the same losses and the same digest as a run without a break.
//
//     npm install   # before windrow is published: scripts/build-web, then
//                   # npm install --no-save "$(npm pack --silent ../../www/pkg)"
//     node train.js [table.csv] [checkpoint.json]
//
// The table is `www/data/digits.csv.gz` of this repository unless the command line names another:
// 64 pixels from 0 to 16 and a label from 0 to 9 in each row. The model is a softmax regression.

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { loader, ops, source } from 'windrow';

const digits = fileURLToPath(new URL('../../www/data/digits.csv.gz', import.meta.url));
const [table = digits, file = 'checkpoint.json'] = process.argv.slice(2);

const PIXELS = 64, CLASSES = 10, EPOCHS = 40, RATE = 0.1;

// `batch` is the number of batches that the model has learnt from, `epoch` the number of epochs that are
// complete, `sum` the sum of the losses in the epoch that is not complete.
let model = { weights: Array(CLASSES * (PIXELS + 1)).fill(0), batch: 0, epoch: 0, sum: 0 };
let resume = null;
if (existsSync(file)) {
  ({ model, resume } = JSON.parse(readFileSync(file, 'utf8')));
  console.log(`goes on after batch ${model.batch}`);
}

const data = await loader({
  source: source.csv(table, {
    header: false,
    fields: [
      { name: 'image', columns: { start: 0, end: PIXELS }, dtype: 'u8' },
      { name: 'label', columns: PIXELS, dtype: 'u8' },
    ],
  }),
  shuffle: true,
  seed: 7,
  pipeline: [ops.scale({ field: 'image', factor: 1 / 16 })],
  batchSize: 32,
  epochs: EPOCHS,
  digest: true,
  resume,
});

for await (const epoch of data.epochs()) {
  // A state from the end of an epoch resumes in that epoch, of which no batch is left.
  if (epoch.number < model.epoch) continue;
  for await (const { fields, state } of epoch) {
    model.sum += train(fields.image.data, fields.label.data);
    model.batch += 1;
    if (model.batch % 10 === 0) save(state);
  }
  console.log(`epoch ${epoch.number}: loss ${model.sum / data.batchesPerEpoch}`);
  model.epoch += 1;
  model.sum = 0;
  save(data.state);
}
console.log(`digest ${data.digest}`);
rmSync(file, { force: true });

/** Writes the model and the loader's state to one file, which is replaced as a whole or not at all. */
function save(state) {
  writeFileSync(`${file}.new`, JSON.stringify({ model, resume: state }));
  renameSync(`${file}.new`, file);
}

/** Takes one step of gradient descent, and returns the mean loss before the step. */
function train(images, labels) {
  const { weights } = model;
  const gradient = new Float64Array(weights.length);
  let loss = 0;
  labels.forEach((label, i) => {
    const x = [1, ...images.subarray(i * PIXELS, (i + 1) * PIXELS)];
    const logits = Array.from({ length: CLASSES }, (_, k) => x.reduce((sum, v, j) => sum + v * weights[k * (PIXELS + 1) + j], 0));
    const highest = Math.max(...logits);
    const odds = logits.map((logit) => Math.exp(logit - highest));
    const total = odds.reduce((a, b) => a + b);
    loss -= Math.log(odds[label] / total);
    odds.forEach((odd, k) => x.forEach((v, j) => (gradient[k * (PIXELS + 1) + j] += v * (odd / total - (k === label ? 1 : 0)))));
  });
  gradient.forEach((slope, i) => (weights[i] -= (RATE * slope) / labels.length));
  return loss / labels.length;
}
