// Runs the examples of the npm package in Node and in Chromium: copied, installed with the packed
// package, and built. A run that is killed or reloaded gives the results of an unbroken run.
// `node tests/web/examples.mjs [--only=TEXT]`.

import { deepStrictEqual as same, ok } from 'node:assert';
import { spawn } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { launch } from './browser.mjs';
import { answering, attempt, end, install, run, scratch } from './projects.mjs';
import { ISOLATED, root, serve } from './server.mjs';

process.env.NEXT_TELEMETRY_DISABLED = '1';

/** Copies an example, with the data as far from it as in the repository, and installs what it needs. */
async function copied(name) {
  cpSync(join(root, 'www/data'), join(scratch, 'www/data'), { recursive: true });
  const folder = join(scratch, 'examples', name);
  const made = /node_modules|\.next|dist|package-lock\.json|checkpoint\.json|predictions\.csv/;
  cpSync(join(root, 'examples', name), folder, { recursive: true, filter: (path) => !made.test(path.slice(root.length)) });
  await install(folder);
  return folder;
}

/**
 * Opens a page, reloads it each time the next of `reloads` is true, waits until `done` is true, and returns what `tell`
 * gives. All these run in the page.
 */
async function shown(browser, url, { reloads, done, tell }) {
  const { page, log } = await browser.page(url);
  try {
    for (const reload of reloads) {
      await page.waitForFunction(reload, { timeout: 60_000, polling: 20 });
      await page.reload();
    }
    await page.waitForFunction(done, { timeout: 60_000 });
    return await page.evaluate(tell);
  } catch (error) {
    const text = await page.evaluate(() => document.body.innerText);
    throw Error(`${error.message}\npage:\n${text}\nconsole:\n${log.join('\n')}`);
  }
}

/** Returns what a page tells without its reloads, and with them. Both visits have a new profile. */
async function twice(whole, broken, page) {
  const tell = [];
  for (const [url, reloads] of [[whole, []], [broken, page.reloads]]) {
    const browser = await launch('chromium');
    try {
      tell.push(await shown(browser, url, { ...page, reloads }));
    } finally {
      await browser.close();
    }
  }
  return tell;
}

/** Returns the number that a pattern finds in a text. */
function found(text, pattern) {
  const [, number] = pattern.exec(text) ?? [];
  ok(number !== undefined, `no ${pattern} in ${text}`);
  return Number(number);
}

async function inNode() {
  const folder = await copied('node');
  const lines = (stdout) => stdout.trim().split('\n');
  const whole = lines((await run('node', ['train.js'], { cwd: folder })).stdout);
  ok(whole.length === 41 && /^digest [0-9a-f]{64}$/.test(whole.at(-1)), whole.join('\n'));
  ok(found(whole[39], /loss (\S+)/) < found(whole[0], /loss (\S+)/) / 4, 'it learns');

  const before = [await killed(folder, 'epoch 4:'), await killed(folder, 'epoch 9:')].flatMap(lines);
  const after = lines((await run('node', ['train.js'], { cwd: folder })).stdout);
  const from = found(after[0], /^goes on after batch (\d+)$/);
  // A kill may come between a line and its checkpoint, so the epoch is there twice, and equal.
  same([...new Set([...before, ...after].filter((line) => !line.startsWith('goes on')))], whole);
  return `killed after batch ${from}`;
}

/** Kills the training with SIGKILL once it has printed this, and returns all it printed. */
function killed(folder, text) {
  const child = spawn('node', ['train.js'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (more) => {
    said += more;
    if (said.includes(text)) child.kill('SIGKILL');
  });
  return new Promise((resolve, reject) => {
    child.on('close', (_, signal) => (signal === 'SIGKILL' ? resolve(said) : reject(Error(`ended by itself: ${said}`))));
  });
}

async function plain() {
  const [threads, workers] = await Promise.all([serve({ headers: ISOLATED }), serve()]);
  try {
    const path = '/examples/plain.html';
    const [whole, broken] = await twice(threads.origin + path, workers.origin + path, {
      reloads: [() => document.querySelector('progress').value > 40],
      done: () => document.getElementById('status').textContent.startsWith('Done'),
      tell: () => ({ said: document.getElementById('status').textContent, isolated: crossOriginIsolated, drawn: document.getElementById('canvas').toDataURL() }),
    });
    const from = found(broken.said, /from batch (\d+) on/);
    ok(whole.isolated && !broken.isolated, 'with and without the headers');
    ok(from > 40 && found(whole.said, /from batch (\d+) on/) === 0, broken.said);
    same(broken.said.replace(/batch \d+/, 'batch 0'), whole.said);
    same(broken.drawn, whole.drawn);
    return `reloaded after batch ${from}`;
  } finally {
    threads.close();
    workers.close();
  }
}

async function vite() {
  const folder = await copied('vite-tfjs');
  await run('npm', ['run', 'build'], { cwd: folder });
  return answering(folder, ['npx', 'vite', 'preview', '--strictPort'], async (url) => {
    const [whole, broken] = await twice(url, url, {
      // The first comes where an epoch has just ended, the other one anywhere.
      reloads: [() => document.querySelectorAll('#epochs tr').length === 1, () => document.querySelector('progress').value > 100],
      done: () => document.getElementById('status').textContent.endsWith('Done.'),
      tell: () => ({
        said: document.getElementById('status').textContent,
        rows: [...document.querySelectorAll('#epochs tr')].map((row) => [...row.cells].map(({ textContent }) => textContent)),
      }),
    });
    same(whole.said, 'Trains from the start. Done.');
    const from = found(broken.said, /^Goes on after batch (\d+)/);
    same(broken.rows, whole.rows);
    same(whole.rows.length, 8);
    ok(Number(whole.rows[7][1]) < Number(whole.rows[0][1]) && parseFloat(whole.rows[7][3]) > 70, `it learns: ${whole.rows.join('; ')}`);
    return `reloaded after batch ${from}, accuracy ${whole.rows[7][3]}`;
  });
}

async function next() {
  const folder = await copied('next');
  // The same files in Node, whose workers are those of `node:worker_threads`.
  writeFileSync(join(folder, 'digests.js'), `
    import { Worker } from 'node:worker_threads';
    import { loader } from 'windrow';
    globalThis.Worker = Worker;
    const { pipelines } = await import('./app/pipelines.js');
    for (const options of Object.values(pipelines)) {
      const data = await loader({ ...options, digest: true });
      for await (const batch of data);
      console.log(\`Digest \${data.digest}\`);
    }`);
  const { stdout } = await run('node', ['digests.js'], { cwd: folder });
  rmSync(join(folder, 'digests.js'));
  await run('npm', ['run', 'build'], { cwd: folder });
  return answering(folder, ['npx', 'next', 'start'], async (url) => {
    const told = await twice(url, url, {
      reloads: [() => [...document.querySelectorAll('progress')].every(({ value }) => value > 20)],
      done: () => [...document.querySelectorAll('.digest')].every(({ textContent }) => textContent),
      tell: () => ['digest', 'mode'].map((name) => [...document.querySelectorAll(`.${name}`)].map(({ textContent }) => textContent)),
    });
    for (const [digests] of told) same(digests, stdout.trim().split('\n'));
    const [[, whole], [, broken]] = told;
    ok(whole.every((mode) => mode.endsWith(', from batch 0 on')), whole.join('; '));
    ok(whole[0].startsWith('threads') && whole[1].startsWith('workers'), whole.join('; '));
    ok(broken.every((mode) => found(mode, /from batch (\d+) on/) > 0), broken.join('; '));
    return broken.join('; ');
  });
}

async function onnxruntime() {
  const folder = await copied('onnxruntime');
  const infer = async (file) => (await run('node', ['infer.js', join(root, 'www/data/digits.csv.gz'), file], { cwd: folder })).stdout;
  const said = await infer('whole.csv');
  ok(found(said, /^897 samples in whole.csv, (\S+) % right\n$/) > 85, said);
  const whole = readFileSync(join(folder, 'whole.csv'), 'utf8');
  same(whole.trim().split('\n').slice(1).map((line) => Number(line.split(',')[0])), Array.from({ length: 897 }, (_, i) => 900 + i));

  // No file may grow beyond 2 KiB, so a write fails in the middle of a line.
  const limited = await run('bash', ['-c', 'ulimit -f 2; node infer.js ../../www/data/digits.csv.gz broken.csv'], { cwd: folder }).catch((error) => error);
  ok(limited instanceof Error, 'the run does not end where the disk is full');
  same(readFileSync(join(folder, 'broken.csv')).length, 2048);
  same(await infer('broken.csv'), said.replace('whole', 'broken'));
  same(readFileSync(join(folder, 'broken.csv'), 'utf8'), whole);
  return said.trim();
}

try {
  const browser = await launch('chromium');
  await browser.close?.();
  await attempt('examples/node, killed and resumed', inNode);
  await attempt('examples/onnxruntime, stopped by a full disk and resumed', onnxruntime);
  for (const [name, test] of [['plain.html', plain], ['vite-tfjs', vite], ['next', next]]) {
    if (browser.missing) console.log(`skipped examples/${name}: ${browser.missing}`);
    else await attempt(`examples/${name}, reloaded and resumed`, test);
  }
} finally {
  end();
}
