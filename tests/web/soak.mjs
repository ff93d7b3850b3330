// Loaders opened and closed again and again, in every mode: `node tests/web/soak.mjs [PLACE]…
// [--cycles=COUNT] [--workers=COUNT]`. Prints counts; fails when one hangs, a digest differs, a worker
// is left, or memory is.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { PLACES, absent, hasThreads, launch, within } from './browser.mjs';
import { ISOLATED, root, serve } from './server.mjs';

const flag = (name, other) => Number(process.argv.find((argument) => argument.startsWith(`--${name}=`))?.split('=')[1] ?? other);
const cycles = flag('cycles', 100);
const workers = flag('workers', 4);
const chosen = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const MODES = [{ backend: 'inline' }, { backend: 'workers', workers }, { backend: 'threads', workers }];
/** Milliseconds that a cycle may take. */
const LIMIT = 120_000;
/** Megabytes that may be there after the second half of the cycles and were not after the first. A
 * loader that is not given back takes 15 to 60 in every cycle; browsers are slow to collect. */
const LEAK = 400;
let failed = 0;

/** So many cycles, one after the other: how long each took, and the digests. Runs in the page. */
async function cycle({ loader, source, ops }, mode, cycles) {
  const times = [], digests = [];
  for (let i = 0; i < cycles; i++) {
    const start = performance.now();
    const data = await loader({
      source: source.range(300), shuffle: 5, batchSize: 20, digest: true, startupTimeout: 100_000, ...mode,
      pipeline: [ops.oneHot({ field: 'value', classes: 300 })],
    });
    if (data.mode.backend !== mode.backend) throw Error(`${data.mode.backend}: ${data.mode.reason}`);
    // Every second one is closed in the middle.
    for (let batches = 0; ; batches++) {
      const { done } = await data.next();
      if (done || (i % 2 === 1 && batches === 3)) break;
    }
    if (i % 2 === 0) digests.push(data.digest);
    await data.close();
    times.push(performance.now() - start);
  }
  return { times, digests };
}

/** Megabytes in memory of a process and those it started, and how many threads they have. */
function usage(pid) {
  const parents = new Map();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [, , parent] = /\) (\S) (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, 'utf8'));
      parents.set(Number(entry), Number(parent));
    } catch {
      // It has ended meanwhile.
    }
  }
  const family = new Set([pid]);
  for (let size = 0; size < family.size; ) {
    size = family.size;
    for (const [child, parent] of parents) if (family.has(parent)) family.add(child);
  }
  const sum = { memory: 0, threads: 0 };
  for (const member of family) {
    try {
      const status = readFileSync(`/proc/${member}/status`, 'utf8');
      sum.memory += Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
      sum.memory += Number(/RssShmem:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
      sum.threads += Number(/Threads:\s+(\d+)/.exec(status)?.[1] ?? 0);
    } catch {
      // As above.
    }
  }
  return sum;
}

/** The least of several looks: what is only waiting to be taken away goes meanwhile. */
async function settled(pid, settle) {
  let least = { memory: Infinity, threads: Infinity };
  for (let look = 0; look < 6; look++) {
    await settle();
    await new Promise((later) => setTimeout(later, 500));
    const now = usage(pid);
    least = { memory: Math.min(least.memory, now.memory), threads: Math.min(least.threads, now.threads) };
  }
  return least;
}

async function soak(place, run, { pid, settle = () => {}, left = () => 0 }) {
  const digests = new Set();
  for (const mode of MODES.filter(({ backend }) => backend !== 'threads' || hasThreads(place))) {
    const what = `${place}, ${mode.backend}`;
    try {
      const half = Math.ceil(cycles / 2);
      const all = (result) => within(LIMIT * half, result, what);
      const first = await all(run(mode, half));
      const before = await settled(pid, settle);
      const second = await all(run(mode, cycles - half));
      const after = await settled(pid, settle);
      const times = [...first.times, ...second.times].sort((a, b) => a - b);
      for (const digest of [...first.digests, ...second.digests]) digests.add(digest);
      const grown = after.memory - before.memory;
      const workers = await left();
      console.log(
        `${what}: ${times.length} cycles, 0 hung, median ${times[times.length >> 1].toFixed(0)} ms, longest ${times.at(-1).toFixed(0)} ms; ` +
          `${workers} workers left, threads ${before.threads} → ${after.threads}, memory ${before.memory.toFixed(0)} → ${after.memory.toFixed(0)} MB`,
      );
      if (workers > 0 || grown > LEAK || after.threads - before.threads > 8) throw Error('something is left');
      if (digests.size !== 1) throw Error(`digests ${[...digests]}`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${what}: ${error.message}`);
    }
  }
  console.log(`${place}: digest ${[...digests]}`);
}

const places = chosen.length > 0 ? chosen : PLACES;
// Alone: a browser that runs meanwhile would be a child of the process that is measured.
if (places.includes('node')) {
  const windrow = await import(join(root, 'www/pkg/src/node/index.js'));
  await soak('node', (mode, count) => cycle(windrow, mode, count), { pid: process.pid, settle: globalThis.gc });
}
await Promise.all(places.filter((place) => place !== 'node').map(async (place) => {
  const browser = await launch(place);
  if (browser.missing) {
    absent(place, browser.missing);
    return;
  }
  const server = await serve({ headers: ISOLATED });
  try {
    const { page } = await browser.page(`${server.origin}/tests/web/page.html`);
    await page.waitForFunction('globalThis.run', { timeout: 120_000 });
    console.log(`${place}: ${browser.version}`);
    const run = (mode, count) => page.evaluate(`(${cycle})(globalThis.windrow, ${JSON.stringify(mode)}, ${count})`);
    const settle = () => page.evaluate('globalThis.gc?.()');
    await soak(place, run, { pid: browser.pid, settle, left: async () => page.workers?.().length ?? 0 });
  } finally {
    await browser.close();
    server.close();
  }
}));
process.exit(failed > 0 ? 1 : 0);
