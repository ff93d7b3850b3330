// Prints what each part of the built package weighs: `node scripts/web-sizes.mjs FOLDER`.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const src = join(process.argv[2], 'src');
const page = ['index.js', 'loader.js', 'stream.js', 'arrivals.js', 'events.js', 'settings.js', 'epochs.js', 'document.js', 'batch.js', 'errors.js', 'source.js', 'patience.js', 'platform.js', 'probe.js'];
const kb = (bytes) => `${(bytes / 1000).toFixed(1)} KB`.padStart(9);
const told = (name, bytes) =>
  console.log(`${name.padEnd(28)} ${kb(bytes.length)} ${kb(gzipSync(bytes, { level: 9 }).length)} gz ${kb(brotliCompressSync(bytes).length)} br`);

told('page', Buffer.concat(page.map((name) => readFileSync(join(src, name)))));
for (const build of readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
  for (const name of ['windrow_bg.wasm', 'windrow.js']) told(`${build.name}/${name}`, readFileSync(join(src, build.name, name)));
}
