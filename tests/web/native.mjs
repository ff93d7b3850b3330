// Checkpoints across the border: begun natively and ended here, begun here and ended natively, each
// piece here in the next mode. `cases.js` has every document in every mode.
// `node tests/web/native.mjs COMMAND PLACE…`, where COMMAND is a built `windrow`.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { absent, hasThreads, launch, within } from './browser.mjs';
import { filesOf, modes, name } from './cases.js';
import { ISOLATED, list, root, serve } from './server.mjs';

const [command, ...places] = process.argv.slice(2);
const digests = JSON.parse(readFileSync(join(root, 'tests/golden/digests.json'), 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'windrow-native-'));
let runs = 0;

/** Goes on natively: `{ state, digest }` after at most so many batches. */
async function natively(path, state, batches) {
  const file = join(scratch, `${(runs += 1)}.json`);
  if (state) writeFileSync(file, JSON.stringify(state));
  const stop = batches ? ['--stop-after', String(batches)] : [];
  const { stdout } = await promisify(execFile)(command, ['run', path, '--root', '.', '--digest', '--json', '--workers', '2', '--state', file, ...stop], { cwd: root, encoding: 'utf8' });
  return { state: JSON.parse(readFileSync(file, 'utf8')), digest: JSON.parse(stdout.trim().split('\n').at(-1)).digest };
}

/** Goes on where the package runs, in Node or in a page. */
async function goOn({ windrow, here, filesOf }, { path, spec, state, batches, mode }) {
  const files = await filesOf(spec, path, here);
  const data = await windrow.loader({ spec, files, digest: true, resume: state, ...mode });
  for await (const _ of data) if (--batches === 0) break;
  return { state: data.state, digest: data.digest };
}

/** Each document in seven pieces, from the package to the command and back. */
async function relay(place, modes, here) {
  for (const [number, [path, want]] of Object.entries(digests).entries()) {
    const spec = JSON.parse(readFileSync(join(root, path), 'utf8'));
    const used = [];
    const run = (state, batches) => {
      const mode = modes[(number + used.length) % modes.length];
      used.push(name(mode));
      return within(60_000, here({ path, spec, state, batches, mode }), `${path} on ${place} ${name(mode)}`);
    };
    let state;
    for (const batches of [2, 9, 11]) {
      ({ state } = await run(state, batches));
      ({ state } = await natively(path, state, 5));
    }
    const ends = { natively: await natively(path, state), here: await run(state) };
    for (const [where, { digest }] of Object.entries(ends)) {
      if (digest !== want.digest) throw Error(`${path} on ${place}, ${used.join(', ')}, ended ${where}: ${digest}, not ${want.digest}`);
    }
    console.log(`${place}: ${path} on ${used.join(', ')}, natively between: ${want.digest.slice(0, 16)}…`);
  }
}

async function on(place) {
  if (place === 'node') {
    const windrow = await import(join(root, 'www/pkg/src/node/index.js'));
    await relay(place, modes(true), (job) => goOn({ windrow, filesOf, here: { list, open: (path) => join(root, path) } }, job));
    return;
  }
  const browser = await launch(place, { requests: false });
  if (browser.missing) {
    absent(place, browser.missing);
    return;
  }
  const server = await serve({ headers: ISOLATED });
  try {
    const { page } = await browser.page(`${server.origin}/tests/web/page.html`);
    await page.waitForFunction('globalThis.run', { timeout: 30_000 });
    await relay(place, modes(hasThreads(place)), (job) => page.evaluate(`(${goOn})(globalThis, ${JSON.stringify(job)})`));
  } finally {
    await browser.close();
    server.close();
  }
}

try {
  await Promise.all(places.map(on));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
