// Runs the cases: `node tests/web/run.mjs [node] [chromium] [firefox] [--only=TEXT]`.
//
// Every case has a time limit; one that fails prints the browser's console.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { launch, within } from './browser.mjs';
import { MODES, cases } from './cases.js';
import { root, serve } from './server.mjs';

const LIMIT = Number(process.env.WINDROW_CASE_LIMIT ?? 120_000);
const chosen = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice(7) ?? '';
const places = chosen.length > 0 ? chosen : ['node', 'chromium', 'firefox'];
let failed = 0;
let passed = 0;

async function attempt(place, name, run, log = []) {
  if (!name.includes(only)) return;
  const from = log.length;
  const started = Date.now();
  const why = await within(LIMIT, run(), name).catch((error) => error.stack);
  const took = `${Date.now() - started} ms`;
  if (why) {
    failed += 1;
    console.log(`${place}: FAILED ${name} (${took})\n  ${String(why).replaceAll('\n', '\n  ')}`);
    for (const line of log.slice(from)) console.log(`  console ${line}`);
  } else {
    passed += 1;
    console.log(`${place}: ok ${name} (${took})`);
  }
}

async function inNode() {
  const windrow = await import(join(root, 'www/pkg/src/node.js'));
  const here = {
    modes: MODES,
    open: async (path) => join(root, path),
    json: async (path) => JSON.parse(await readFile(join(root, path), 'utf8')),
  };
  for (const [name, run] of Object.entries(cases)) await attempt('node', name, () => run({ windrow, here }).then(() => undefined));
}

async function inBrowser(place) {
  const browser = await launch(place);
  if (browser.missing) {
    console.log(`skipped ${place}: ${browser.missing}`);
    return;
  }
  const server = await serve();
  try {
    const { page, log } = await browser.page(`${server.origin}/tests/web/page.html`);
    await page.waitForFunction('globalThis.run', { timeout: 30_000 }).catch(() => {
      throw Error(`the test page did not load\n${log.join('\n')}`);
    });
    console.log(`${place}: ${browser.version}`);
    for (const name of await page.evaluate('names')) await attempt(place, name, () => page.evaluate((name) => globalThis.run(name), name), log);
  } finally {
    await browser.close();
    server.close();
  }
}

for (const place of places) {
  try {
    await (place === 'node' ? inNode() : inBrowser(place));
  } catch (error) {
    failed += 1;
    console.log(`${place}: FAILED ${error.stack}`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
