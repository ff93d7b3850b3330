// Checkpoints across the border: begun natively and ended here, begun here and ended natively.
// `node tests/web/native.mjs COMMAND PLACE…`, where COMMAND is a built `windrow`.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { absent, hasThreads, launch, within } from './browser.mjs';
import { filesOf, modes, name } from './cases.js';
import { ISOLATED, list, root, serve } from './server.mjs';

const [command, ...places] = process.argv.slice(2);
const digests = JSON.parse(readFileSync(join(root, 'tests/golden/digests.json'), 'utf8'));
const scratch = mkdtempSync(join(tmpdir(), 'windrow-native-'));
let runs = 0;

/** Goes on natively: `{ state, digest }` after at most so many batches. */
function natively(path, state, batches) {
  const file = join(scratch, `${(runs += 1)}.json`);
  if (state) writeFileSync(file, JSON.stringify(state));
  const stop = batches ? ['--stop-after', String(batches)] : [];
  const out = execFileSync(command, ['run', path, '--root', '.', '--digest', '--json', '--workers', '2', '--state', file, ...stop], { cwd: root, encoding: 'utf8' });
  return { state: JSON.parse(readFileSync(file, 'utf8')), digest: JSON.parse(out.trim().split('\n').at(-1)).digest };
}

/** Goes on where the package runs, in Node or in a page. */
async function goOn({ windrow, here, filesOf }, { path, spec, state, batches, mode }) {
  const files = await filesOf(spec, path, here);
  const data = await windrow.loader({ spec, files, digest: true, resume: state, ...mode });
  for await (const _ of data) if (--batches === 0) break;
  return { state: data.state, digest: data.digest };
}

async function relay(place, mode, here) {
  for (const [path, want] of Object.entries(digests)) {
    const spec = JSON.parse(readFileSync(join(root, path), 'utf8'));
    const run = (state, batches) => within(60_000, here({ path, spec, state, batches, mode }), path);
    let state;
    for (const batches of [2, 9, 11]) {
      ({ state } = await run(state, batches));
      ({ state } = natively(path, state, 5));
    }
    const ends = { there: natively(path, state).digest, here: (await run(state)).digest };
    for (const [where, digest] of Object.entries(ends)) {
      if (digest !== want.digest) throw Error(`${path} on ${place} ${name(mode)}, ended ${where}: ${digest}, not ${want.digest}`);
    }
    console.log(`${place}, ${name(mode)}: ${path} in seven pieces, here and natively: ${want.digest.slice(0, 16)}…`);
  }
}

try {
  for (const place of places) {
    if (place === 'node') {
      const windrow = await import(join(root, 'www/pkg/src/node/index.js'));
      for (const mode of modes(true)) await relay(place, mode, (job) => goOn({ windrow, filesOf, here: { list, open: (path) => join(root, path) } }, job));
      continue;
    }
    const browser = await launch(place);
    if (browser.missing) {
      absent(place, browser.missing);
      continue;
    }
    const server = await serve({ headers: ISOLATED });
    const { page } = await browser.page(`${server.origin}/tests/web/page.html`);
    await page.waitForFunction('globalThis.run', { timeout: 30_000 });
    const here = (job) => page.evaluate(`(${goOn})(globalThis, ${JSON.stringify(job)})`);
    for (const mode of modes(hasThreads(place))) await relay(place, mode, here);
    await browser.close();
    server.close();
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
