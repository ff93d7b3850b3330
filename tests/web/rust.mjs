// A Rust program for WebAssembly with windrow in it, on pages, in workers and in Node:
// `node tests/web/rust.mjs WASM PLACE…`, where WASM is what cargo built of `tests/web/rust`.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import { absent, launch, within } from './browser.mjs';
import { equal } from './cases.js';
import { root, serve } from './server.mjs';

const LIMIT = Number(process.env.WINDROW_CASE_LIMIT ?? 120_000);
const [wasm, ...places] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'windrow-rust-'));
const SPEC = 'tests/golden/specs/filtered.json';
const document = readFileSync(join(root, SPEC), 'utf8');
const { digest, state } = JSON.parse(readFileSync(join(root, 'tests/golden/digests.json'), 'utf8'))[SPEC];
let failed = 0;

/** What must hold wherever the program runs; `blocking` calls may block. */
async function holds({ free, blocking }) {
  equal(await free('all_async', document), { value: digest }, 'without blocking');
  equal(await blocking('all_blocking', document), { value: digest }, 'by the iterator');
  const { value } = await free('some_async', document, undefined, 3);
  const { pipeline: _, ...there } = JSON.parse(value);
  const { pipeline: __, digest: ___, ...want } = state;
  equal(Object.fromEntries(Object.keys(want).map((key) => [key, there[key]])), want, 'the state after three batches');
  equal(await blocking('all_blocking', document, value), { value: digest }, 'resumed by the iterator');
  equal(await free('all_async', document, JSON.stringify(state)), { value: digest }, 'resumed from the native state');
  const { value: [one, two, ...errors] } = await free('closures');
  equal([Number(one), Number(two), errors.map(Number)], [2 * (5000 * 5000 - 4999), 2 * (5000 * 5000 - 4999), [1, 1]], 'closures');
  const { error } = await free('wrong', '{"version": 1}');
  equal(error, '$: "source" is missing');
}

async function attempt(place, calls) {
  try {
    await within(LIMIT, holds(calls), place);
    console.log(`ok ${place}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${place}: ${error.stack}`);
  }
}

try {
  const bindgen = resolve(process.env.WINDROW_WEB_TOOLS ?? 'target/web-tools', 'bindgen/debug/windrow-bindgen');
  execFileSync(bindgen, [wasm, join(folder, 'pkg'), 'app']);
  for (const name of ['app.js', 'index.html']) cpSync(join(root, 'tests/web/rust', name), join(folder, name));
  for (const place of places) {
    if (place === 'node') {
      const program = await import(pathToFileURL(join(folder, 'pkg/app.js')).href);
      program.initSync({ module: readFileSync(join(folder, 'pkg/app_bg.wasm')) });
      const call = async (name, ...all) => {
        try {
          return { value: await program[name](...all) };
        } catch (error) {
          return { error: error.message };
        }
      };
      await attempt('node', { free: call, blocking: call });
      continue;
    }
    const browser = await launch(place);
    if (browser.missing) {
      absent(place, browser.missing);
      continue;
    }
    const server = await serve({ folder });
    const { page } = await browser.page(`${server.origin}/index.html`);
    await page.waitForFunction('globalThis.inWorker', { timeout: 30_000 });
    // Numbers beyond 2^53 do not cross to here; none of these are.
    const through = (who) => async (...all) => JSON.parse(await page.evaluate(
      async (who, all) => JSON.stringify(await globalThis[who](...all.map((one) => one ?? undefined)), (_, value) => (typeof value === 'bigint' ? Number(value) : ArrayBuffer.isView(value) ? Array.from(value, Number) : value)),
      who, all,
    ));
    await attempt(`${place}, on a page`, { free: through('onPage'), blocking: through('onPage') });
    await attempt(`${place}, in a worker`, { free: through('inWorker'), blocking: through('inWorker') });
    await browser.close();
    server.close();
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed > 0 ? 1 : 0);
