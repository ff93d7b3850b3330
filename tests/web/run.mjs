// Runs the cases: `node tests/web/run.mjs [PLACE]… [--only=TEXT] [--site=TEXT] [--cycles=COUNT]`.
//
// Every case has a time limit; one that fails prints the browser's console.

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { PLACES, absent, launch, verdict, within } from './browser.mjs';
import { cases, modes } from './cases.js';
import { ends } from './ends.js';
import { epochs } from './epochs.js';
import { files } from './files.js';
import { machine } from './machine.mjs';
import { options } from './options.js';
import { patience } from './patience.js';
import { ranges } from './ranges.mjs';
import { recovery } from './recovery.js';
import { served } from './served.js';
import { CDN, ISOLATED, NO_WASM, NO_WORKER, STRICT, list, panicking, root, serve } from './server.mjs';
import { transforms } from './transforms.js';

const LIMIT = Number(process.env.WINDROW_CASE_LIMIT ?? 300_000);
const chosen = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice(7) ?? '';
const cycles = process.argv.find((argument) => argument.startsWith('--cycles='))?.slice(9) ?? '10';
const onSite = process.argv.find((argument) => argument.startsWith('--site='))?.slice(7) ?? '';
const places = chosen.length > 0 ? chosen : PLACES;
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
  const windrow = await import(join(root, 'www/pkg/src/node/index.js'));
  const server = await serve();
  const scratch = await mkdtemp(join(tmpdir(), 'windrow-web-'));
  const here = {
    list,
    async panicking() {
      const [folder, reader] = [join(scratch, 'panic'), join(scratch, 'panic/src/node/reader.js')];
      await cp(join(root, 'www/pkg'), folder, { recursive: true });
      await writeFile(reader, panicking(await readFile(reader)));
      return import(join(folder, 'src/node/index.js'));
    },
    http: (path) => `${server.origin}/${path}`,
    folder: (path) => join(root, path),
    patched: patchWorkers,
    trapping: () => new Worker(new URL('./trapping.node.js', import.meta.url)),
    modes: modes(true),
    worker: () => new Worker(new URL('./functions.node.js', import.meta.url)),
    coordinator: () => new Worker(new URL('./own.coordinator.node.js', import.meta.url)),
    silent: () => new Worker(new URL('./silent.node.js', import.meta.url)),
    url: (path) => new URL(`../../${path}`, import.meta.url).href,
    open: async (path) => join(root, path),
    json: async (path) => JSON.parse(await readFile(join(root, path), 'utf8')),
  };
  for (const [name, run] of Object.entries({ ...cases, ...epochs, ...options, ...transforms, ...served, ...files, ...recovery, ...ends, ...patience, ...machine, ...ranges })) await attempt('node', name, () => run({ windrow, here }).then(() => undefined));
  server.close();
  await rm(scratch, { recursive: true });
}

/** Workers that the package posts to, in the order of their first message. */
function patchWorkers() {
  const { postMessage } = Worker.prototype;
  const started = [];
  Worker.prototype.postMessage = function (...message) {
    if (!started.some(({ worker }) => worker === this)) started.push({ worker: this });
    started.find(({ worker }) => worker === this).url ??= message[0].type === 'open' ? 'coordinator.js' : 'worker.js';
    return postMessage.apply(this, message);
  };
  return { started, restore: () => (Worker.prototype.postMessage = postMessage) };
}

/**
 * Pages with their headers, the kinds of cases, or the cases by their text, for and the browsers where
 * those are not all: what WebKit's threads do not change is tried without them.
 */
const SITES = [
  { name: 'plain page', cases: ['cases', 'epochs', 'options', 'transforms', 'served', 'files', 'recovery', 'ends', 'patience', 'opfs', 'faults', 'not isolated'] },
  { name: 'isolated page', headers: ISOLATED, on: ['chromium', 'firefox', 'webkit-threads'], cases: ['cases', 'epochs', 'transforms', 'files', 'recovery', 'told once', 'never asked', 'that is isolated', 'what threads cannot', 'threads share'] },
  { name: 'isolated page, threads of its own accord', headers: ISOLATED, on: ['chromium', 'firefox'], cases: ['threads that'] },
  { name: 'isolated page without shared memory', headers: ISOLATED, on: ['webkit'], cases: ['golden archive', 'without shared memory'] },
  { name: 'strict policy', headers: STRICT, cases: ['golden archive', 'of the worker file'] },
  { name: 'policy without wasm', headers: NO_WASM, cases: ['forbids wasm'] },
  { name: 'policy without workers', headers: NO_WORKER, cases: ['forbids workers'] },
  { name: 'from another origin', cdn: true, cases: ['golden archive', 'break, close', 'of another origin'] },
];

const isFor = (place, { on = ['chromium', 'firefox', 'webkit'] }) => on.includes(place);

async function inBrowser(place) {
  const browser = await launch(place, { requests: false });
  if (browser.missing) {
    absent(place, browser.missing);
    return;
  }
  console.log(`${place}: ${browser.version}`);
  const cdn = await serve({ headers: CDN });
  try {
    for (const site of SITES.filter((site) => isFor(place, site) && site.name.includes(onSite))) await onPage(browser, site, cdn);
    if (place !== 'webkit-threads' && 'reload'.includes(onSite)) await reloaded(browser);
  } finally {
    await browser.close();
    cdn.close();
  }
}

async function onPage(browser, site, cdn) {
  const server = await serve({ headers: site.headers });
  const place = `${browser.name}, ${site.name}`;
  const { page, log } = await browser.page(`${server.origin}/tests/web/page.html?cycles=${cycles}${site.cdn ? `&from=${cdn.origin}` : ''}`);
  try {
    await page.waitForFunction('globalThis.run', { timeout: 120_000 });
    const names = await page.evaluate('names');
    const opfs = await page.evaluate("typeof navigator.storage?.getDirectory === 'function'");
    if (!opfs && site.cases.includes('opfs')) console.log(`${place}: skipped opfs: there is no origin private file system here`);
    const wanted = site.cases.filter((kind) => opfs || kind !== 'opfs').flatMap((kind) => names[kind] ?? Object.values(names).flat().filter((name) => name.includes(kind)));
    for (const name of wanted) await attempt(place, name, () => page.evaluate((name) => globalThis.run(name), name), log);
    if (browser.name === 'chromium') {
      await attempt(place, 'no worker is left', async () => {
        for (let tries = 0; tries < 50 && page.workers().length > 0; tries++) await new Promise((later) => setTimeout(later, 100));
        return page.workers().length > 0 ? `${page.workers().length} workers are left` : undefined;
      }, log);
    }
  } catch (error) {
    failed += 1;
    console.log(`${place}: FAILED the page: ${error.message}`);
    for (const line of log) console.log(`  console ${line}`);
  } finally {
    await page.close();
    server.close();
  }
}

/** A tab that is reloaded in the middle of an epoch goes on from its localStorage. */
async function reloaded(browser) {
  const server = await serve();
  const { page, log } = await browser.page(`${server.origin}/tests/web/page.html`);
  const some = async (count) => {
    await page.waitForFunction('globalThis.run', { timeout: 120_000 });
    return page.evaluate(async (count) => {
      const spec = await (await fetch('/tests/golden/specs/filtered.json')).json();
      const data = await globalThis.windrow.loader({ spec, digest: true, backend: 'workers', workers: 2, resume: localStorage.state });
      for await (const batch of data) {
        localStorage.state = JSON.stringify(batch.state);
        if (--count === 0) break;
      }
      return [JSON.parse(localStorage.state).batches, data.digest];
    }, count);
  };
  await attempt(browser.name, 'a tab reloaded in the middle goes on from its localStorage', async () => {
    const { digest } = JSON.parse(await readFile(join(root, 'tests/golden/digests.json'), 'utf8'))['tests/golden/specs/filtered.json'];
    const [before] = await some(23);
    await page.reload();
    const [, got] = await some(0);
    return before === '23' && got === digest ? undefined : `${before} batches, then ${got}, not ${digest}`;
  }, log);
  await page.close();
  server.close();
}

// All at once: much of what runs in a place waits.
await Promise.all(places.map(async (place) => {
  try {
    await (place === 'node' ? inNode() : inBrowser(place));
  } catch (error) {
    failed += 1;
    console.log(`${place}: FAILED ${error.stack}`);
  }
}));
verdict(passed, failed);
