// Runs the benchmarks in browsers: `node tests/web/bench.mjs COMMAND [PLACE]…`, where
// COMMAND is the native `windrow`, built for release, whose speed on one core is the measure of wasm's.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';

import { launch } from './browser.mjs';
import { ISOLATED, root, serve } from './server.mjs';

const [command, ...places] = process.argv.slice(2);
const ROUNDS = 3;
const round = (number) => (number < 100 ? number.toFixed(2) : Math.round(number));

/** Documents with work for about a second, and their files. */
function documents() {
  const digits = JSON.parse(readFileSync(join(root, 'www/data/digits.json')));
  digits.ops[1].epochs = 40;
  const pictures = JSON.parse(readFileSync(join(root, 'tests/golden/specs/pictures.json')));
  pictures.ops[0].epochs = 100;
  const emoji = JSON.parse(readFileSync(join(root, 'www/data/emoji.json')));
  emoji.ops.unshift({ op: 'repeat', epochs: 10 });
  return {
    digits: { spec: digits, files: { 'digits.csv.gz': 'www/data/digits.csv.gz' } },
    'the demo page’s pictures': { spec: emoji, files: { 'emoji.tar': 'www/data/emoji.tar' } },
    'small pictures in batches of 5': { spec: pictures, files: { '../data/pictures.tar': 'tests/golden/data/pictures.tar' } },
  };
}

/** Samples a second of the native command on one core, without its start. */
function native({ spec, files }) {
  const folder = mkdtempSync(join(tmpdir(), 'windrow-bench-'));
  try {
    let text = JSON.stringify(spec);
    for (const [name, path] of Object.entries(files)) text = text.replace(JSON.stringify(name), JSON.stringify(join(root, path)));
    writeFileSync(join(folder, 'spec.json'), text);
    const told = execFileSync(command, ['run', join(folder, 'spec.json'), '--root', root, '--backend', 'inline', '--json'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const { samples, seconds } = JSON.parse(String(told).trim().split('\n').at(-1));
    return samples / seconds;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

console.log(`load ${loadavg()[0].toFixed(1)}`);
for (const place of places.length > 0 ? places : ['chromium', 'firefox']) {
  const browser = await launch(place);
  if (browser.missing) {
    console.log(`skipped ${place}: ${browser.missing}`);
    continue;
  }
  const server = await serve({ headers: ISOLATED });
  const { page } = await browser.page(`${server.origin}/tests/web/page.html`);
  await page.waitForFunction('globalThis.bench', { timeout: 30_000 });
  console.log(browser.version);
  for (const name of await page.evaluate('benchNames')) {
    const numbers = await page.evaluate((name) => globalThis.bench(name), name);
    const told = Object.entries(numbers).map(([what, number]) => `${what} ${round(number)}`);
    console.log(`  ${name}: ${told.join(', ')}`);
  }
  for (const [name, document] of Object.entries(documents())) {
    let [here, there] = [0, 0];
    for (let turn = 0; turn < ROUNDS; turn++) {
      here = Math.max(here, await page.evaluate((spec, files) => globalThis.speed(spec, files), document.spec, document.files));
      there = Math.max(there, native(document));
    }
    console.log(`  ${name} on one core: ${Math.round(here)} samples a second, ${round(here / there)} of native`);
  }
  for (const { what, best } of await page.evaluate('globalThis.against()')) {
    console.log(`  ${what}, 2 workers:`);
    for (const [name, { start, rest, gap }] of Object.entries(best)) {
      console.log(`    ${name.padEnd(11)} ${String(round(rest)).padStart(7)} ms after ${round(start)} ms to the first batch, ${round(best.windrow.rest / rest)} x windrow's speed; longest gap on the page ${round(gap)} ms`);
    }
  }
  await browser.close();
  server.close();
}
