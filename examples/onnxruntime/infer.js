// Shows inference over a whole data set: batches go from windrow into ONNX Runtime, and each prediction
// is written beside the key of its sample. A run that was stopped goes on after the last batch whose
// predictions are in the file.
//
//     npm install   # before windrow is published: scripts/build-web, then
//                   # npm install --no-save "$(npm pack --silent ../../www/pkg)"
//     node infer.js [table.csv] [predictions.csv]
//
// The table is `www/data/digits.csv.gz` of this repository unless the command line names another.
// `model.js` makes the ONNX model here, from the mean picture of each digit in the first half of the
// table. The other half is classified. In a browser the same code runs with URLs in place of paths.

import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { InferenceSession, Tensor, env } from 'onnxruntime-web';
import { loader, ops, source } from 'windrow';

import { centroids, encode } from './model.js';

const digits = fileURLToPath(new URL('../../www/data/digits.csv.gz', import.meta.url));
const [table = digits, file = 'predictions.csv'] = process.argv.slice(2);
const HALF = 900, HEADER = 'sample,digit\n';

const options = {
  source: source.csv(table, {
    header: false,
    fields: [
      { name: 'image', columns: { start: 0, end: 64 }, dtype: 'u8' },
      { name: 'label', columns: 64, dtype: 'u8' },
    ],
  }),
  batchSize: 64,
  keys: true,
};
const scale = ops.scale({ field: 'image', factor: 1 / 16 });

const training = await loader({ ...options, pipeline: [ops.slice({ end: HALF }), scale] });
const model = encode(await centroids(training));

env.wasm.numThreads = 1; // the cores are windrow's
const session = await InferenceSession.create(model);

const kept = existsSync(`${file}.state`) ? JSON.parse(readFileSync(`${file}.state`, 'utf8')) : null;
if (kept) truncateSync(file, kept.bytes);
else writeFileSync(file, HEADER);

let { bytes, right, seen } = kept ?? { bytes: HEADER.length, right: 0, seen: 0 };
const data = await loader({ ...options, pipeline: [ops.slice({ start: HALF }), scale], resume: kept?.state });
for await (const { fields: { image, label }, keys, state } of data) {
  const { digit } = await session.run({ image: new Tensor('float32', image.data, image.shape) });
  const lines = keys.map((key, i) => `${key},${digit.data[i]}\n`).join('');
  appendFileSync(file, lines);
  bytes += lines.length;
  seen += keys.length;
  right += keys.filter((_, i) => Number(digit.data[i]) === label.data[i]).length;
  writeFileSync(`${file}.new`, JSON.stringify({ state, bytes, right, seen }));
  renameSync(`${file}.new`, `${file}.state`); // replaced as a whole or not at all
}
console.log(`${seen} samples in ${file}, ${((100 * right) / seen).toFixed(1)} % right`);
rmSync(`${file}.state`, { force: true });
await session.release();
