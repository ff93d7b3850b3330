// Writes www/expected.json: what the native command makes of the demo page's pictures, the digest
// after each batch for each seed of the page. `node scripts/demo-expected.mjs COMMAND`.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SEEDS = 10;
const root = fileURLToPath(new URL('../', import.meta.url));
const document = 'www/data/emoji.json';
const command = process.argv[2];
const scratch = mkdtempSync(join(tmpdir(), 'windrow-expected-'));

const run = (seed, ...more) => {
  const out = execFileSync(command, ['run', document, '--seed', String(seed), '--digest', '--json', ...more], { cwd: root, encoding: 'utf8' });
  return JSON.parse(out.trim().split('\n').at(-1));
};

const seeds = {};
try {
  for (let seed = 0; seed < SEEDS; seed++) {
    const state = join(scratch, `${seed}.json`);
    const { digest, batches } = run(seed);
    const after = Array.from({ length: batches }, () => run(seed, '--backend', 'inline', '--state', state, '--stop-after', '1').digest);
    // In pieces it must come to what it comes to in one.
    if (after.at(-1) !== digest) throw Error(`seed ${seed}: ${digest} in one run, ${after.at(-1)} in ${batches}`);
    seeds[seed] = after;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

const golden = JSON.parse(readFileSync(join(root, 'tests/golden/digests.json'), 'utf8'))[document];
const { seed } = JSON.parse(readFileSync(join(root, document), 'utf8'));
if (seeds[seed].at(-1) !== golden.digest) throw Error(`seed ${seed}: ${seeds[seed].at(-1)}, not the golden ${golden.digest}`);
writeFileSync(join(root, 'www/expected.json'), `${JSON.stringify({ document, seeds }, null, 1)}\n`);
console.log(`seed ${seed}: ${golden.digest}`);
