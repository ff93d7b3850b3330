// Prints the size of each part of the built package: `node scripts/web-sizes.mjs FOLDER`.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const src = join(process.argv[2], 'src');
const loads = ['loader', 'stream', 'arrivals', 'events', 'settings', 'epochs', 'document', 'batch', 'source', 'probe'];
const page = ['index.js', ...loads.map((name) => `page/${name}.js`), 'browser/platform.js', ...['dtypes', 'errors', 'patience'].map((name) => `shared/${name}.js`)];
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} KB`.padStart(9);
const told = (name, bytes) =>
  console.log(`${name.padEnd(28)} ${kb(bytes.length)} ${kb(gzipSync(bytes, { level: 9 }).length)} gz ${kb(brotliCompressSync(bytes).length)} br`);

told('page', Buffer.concat(page.map((name) => readFileSync(join(src, name)))));
for (const build of ['plain', 'threaded']) {
  for (const name of ['windrow_bg.wasm', 'windrow.js']) told(`${build}/${name}`, readFileSync(join(src, build, name)));
}
