// Writes www/expected.json: what the native command makes of the demo page's pictures, the digest
// after each batch for each seed of the page. `node scripts/demo-expected.mjs COMMAND`.

import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SEEDS = 10;
const root = fileURLToPath(new URL('../', import.meta.url));
const document = 'www/data/emoji.json';
const command = process.argv[2];
const scratch = mkdtempSync(join(tmpdir(), 'windrow-expected-'));

const run = async (seed, ...more) => {
  const { stdout } = await promisify(execFile)(command, ['run', document, '--seed', String(seed), '--digest', '--json', ...more], { cwd: root });
  return JSON.parse(stdout.trim().split('\n').at(-1));
};

/** The digest after each batch, and so of runs that stop after each and resume; they end with the digest of one run. */
async function digests(seed) {
  const state = join(scratch, `${seed}.json`);
  const { digest, batches } = await run(seed, '--backend', 'inline');
  const after = [];
  while (after.length < batches) after.push((await run(seed, '--backend', 'inline', '--state', state, '--stop-after', '1')).digest);
  if (after.at(-1) !== digest) throw Error(`seed ${seed}: ${digest} in one run, ${after.at(-1)} in ${batches}`);
  return after;
}

const seeds = {};
try {
  let next = 0;
  const lane = async () => {
    while (next < SEEDS) {
      const seed = next++;
      seeds[seed] = await digests(seed);
    }
  };
  await Promise.all(Array.from({ length: Math.min(SEEDS, availableParallelism()) }, lane));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

const golden = JSON.parse(readFileSync(join(root, 'tests/golden/digests.json'), 'utf8'))[document];
const { seed } = JSON.parse(readFileSync(join(root, document), 'utf8'));
if (seeds[seed].at(-1) !== golden.digest) throw Error(`seed ${seed}: ${seeds[seed].at(-1)}, not the golden ${golden.digest}`);
writeFileSync(join(root, 'www/expected.json'), `${JSON.stringify({ document, seeds }, null, 1)}\n`);
console.log(`seed ${seed}: ${golden.digest}`);
