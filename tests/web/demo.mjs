// The demo page, clicked through: `node tests/web/demo.mjs COMMAND [chromium] [firefox] [webkit]
// [--only=TEXT]`, where COMMAND is a built `windrow`. Screenshots go to tests/web/shots.

import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { serve } from '../../scripts/demo-serve.mjs';
import { absent, verdict, within } from './browser.mjs';
import { demo, over } from './demo-cases.mjs';
import { front } from './demo-front.mjs';
import { judged } from './demo-judged.mjs';
import { root } from './server.mjs';
import { browser } from './tab.mjs';

const LIMIT = 300_000;
const SHOTS = join(root, 'tests/web/shots');
const [command, ...chosen] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice(7) ?? '';
const places = chosen.length > 0 ? chosen : ['chromium', 'firefox', 'webkit'];
let failed = 0;
let passed = 0;
mkdirSync(SHOTS, { recursive: true });

/** Whether a case held; nothing where it was not asked for. */
async function attempt(place, name, run, log = []) {
  if (!`${place} ${name}`.includes(only)) return;
  const from = log.length;
  const started = Date.now();
  try {
    const more = await within(LIMIT, run(), name);
    passed += 1;
    console.log(`${place}: ok ${name} (${Date.now() - started} ms)${typeof more === 'string' ? `: ${more}` : ''}`);
    return true;
  } catch (error) {
    failed += 1;
    console.log(`${place}: FAILED ${name} (${Date.now() - started} ms)\n  ${String(error.stack).replaceAll('\n', '\n  ')}`);
    for (const line of log.slice(from)) console.log(`  console ${line}`);
    return false;
  }
}

async function on(name) {
  const made = await browser(name);
  if (made.missing) {
    absent(name, made.missing);
    return;
  }
  console.log(`${name}: ${made.version}`);
  try {
    for (const isolated of [false, true]) {
      const server = await serve({ isolated });
      const place = `${name}, ${isolated ? 'isolated' : 'plain'} page`;
      const tab = await made.tab(`${server.origin}/?lang=en`);
      await tab.size(1024, 768);
      // Whether threads can be had is the browser's to say, whatever the headers.
      const threads = isolated && (await tab.evaluate(() => !document.querySelector('[value=threads]').disabled));
      const context = { isolated: threads, command: resolve(command), origin: server.origin, browser: made, shots: SHOTS };
      const cases = isolated ? Object.entries(demo).slice(0, 2) : [...Object.entries(demo), ...Object.entries(front), ...Object.entries(judged)];
      for (const [what, run] of cases) {
        const held = await attempt(place, what, async () => {
          await over(tab);
          return run(tab, context);
        }, tab.log);
        // What one case left half done is not the next one's.
        if (held === false) await tab.goto(`${server.origin}/?lang=en`).catch(({ message }) => console.log(`  ${message}`));
      }
      await tab.close();
      await attempt(place, 'the console has no error and no warning', async () => {
        // A worker that starts slowly is a matter of the machine, and the warning says so.
        const bad = tab.log.filter((line) => /^(error|warn|warning|uncaught|failed)/.test(line) && !/has not called serve\(\) .* within \d+ ms$/.test(line));
        if (bad.length > 0) throw Error(bad.join('\n'));
      });
      server.close();
    }
  } finally {
    await made.close();
  }
}

for (const place of places) {
  try {
    await on(place);
  } catch (error) {
    failed += 1;
    console.log(`${place}: FAILED ${error.stack}`);
  }
}
verdict(passed, failed);
