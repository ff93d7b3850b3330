// Shows a training run in a browser that goes on after a reload: a TensorFlow.js model that learns
// from workers' batches, with functions of a worker file, a training and a validation part, epochs,
// progress, and a checkpoint of model, optimizer and loader in IndexedDB. A run with reloads shows
// the same losses as a run without.
//
//     npm install   # before windrow is published: scripts/build-web, then
//                   # npm install --no-save "$(npm pack --silent ../../www/pkg)"
//     npm run dev
//
// `npm run build` checks the types and bundles, `npm run preview` serves the bundle. `train.ts` has
// the training loop, `loader.worker.ts` the functions that workers call, `checkpoint.ts` the storage.

import { clear } from './checkpoint';
import { train } from './train';

const at = (id: string) => document.getElementById(id)!;
const progress = at('progress') as HTMLProgressElement;

at('reload').onclick = () => location.reload();
at('again').onclick = async () => {
  await clear();
  location.reload();
};

train({
  started: (batch) => {
    at('status').textContent = batch > 0 ? `Goes on after batch ${batch}` : 'Trains from the start';
  },
  batch: (done, total) => {
    progress.max = total;
    progress.value = done;
  },
  epoch: ({ number, loss, validation, accuracy }) => {
    const row = document.createElement('tr');
    for (const text of [number, loss.toFixed(6), validation.toFixed(6), `${(100 * accuracy).toFixed(1)} %`]) {
      row.appendChild(document.createElement('td')).textContent = String(text);
    }
    at('epochs').append(row);
  },
}).then(
  () => {
    at('status').textContent += '. Done.';
  },
  (error) => {
    at('status').textContent = `${error.message} ${error.fix ?? ''}`;
  },
);
