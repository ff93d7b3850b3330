// What a user of a bundler writes: every backend, and a function of a worker file.

import { loader, ops, source } from 'windrow';

const worker = () => new Worker(new URL('./loader.worker.js', import.meta.url), { type: 'module' });

async function digest(options) {
  const data = await loader({ source: source.range(20), batchSize: 5, digest: true, ...options });
  for await (const batch of data) if (batch.fields.value.data.length !== 5) throw Error('five a batch');
  return { backend: data.mode.backend, digest: data.digest, functions: 'pipeline' in options };
}

async function all() {
  const results = [await digest({ backend: 'inline' }), await digest({ backend: 'workers', workers: 2 })];
  results.push(await digest({ pipeline: [ops.js('double')], worker, workers: 2 }));
  if (globalThis.crossOriginIsolated) results.push(await digest({ backend: 'threads', workers: 2 }));
  return results;
}

globalThis.result = all();
