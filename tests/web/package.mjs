// The tarball as users get it: packed, installed into throw-away projects, loaded bare and by
// bundlers in a browser, imported on a server, and checked by the tools that judge packages.
// `node tests/web/package.mjs [--only=TEXT]`.

import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { launch, within } from './browser.mjs';
import { answering, attempt, end, install, run, scratch, tarball } from './projects.mjs';
import { ISOLATED, STRICT, root, serve } from './server.mjs';

const browsers = process.env.WINDROW_PACKAGE_BROWSERS?.split(',') ?? ['chromium'];

/** A project with the tarball and more packages in it. */
async function project(name, packages, files = {}) {
  const folder = join(scratch, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, private: true, type: 'module' }));
  cpSync(join(root, 'tests/web/app'), folder, { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  await install(folder, ...packages);
  return folder;
}

/** What a page comes to, in every browser: digests that are all the same but for functions. */
async function opened(url, backends) {
  for (const name of browsers) {
    const browser = await launch(name);
    if (browser.missing) throw Error(browser.missing);
    const { page, log } = await browser.page(url);
    try {
      await page.waitForFunction('globalThis.result', { timeout: 30_000 });
      const got = await within(60_000, page.evaluate('globalThis.result'), url);
      const digests = got.filter(({ functions }) => !functions).map(({ digest }) => digest);
      if (got.map(({ backend }) => backend).join() !== backends) throw Error(`backends ${got.map(({ backend }) => backend)}, not ${backends}`);
      if (new Set(digests).size !== 1) throw Error(`digests ${digests}`);
    } catch (error) {
      throw Error(`${name}: ${error.message}\nconsole:\n${log.join('\n')}`);
    } finally {
      await browser.close();
    }
  }
}

const ALL = 'inline,workers,workers,threads';
const NO_THREADS = 'inline,workers,workers';

async function built(folder, command, out) {
  await run('npx', command, { cwd: folder });
  const server = await serve({ folder: join(folder, out), headers: ISOLATED });
  try {
    await opened(`${server.origin}/index.html`, ALL);
  } finally {
    server.close();
  }
}

const VITE = `export default { server: { headers: ${JSON.stringify(ISOLATED)} } };`;

try {
  await attempt('the tarball holds what it needs and nothing else', async () => {
    const { stdout } = await run('tar', ['tzf', tarball]);
    const files = stdout.trim().split('\n').map((path) => path.replace('package/', ''));
    const strange = files.filter((path) => !/^(src\/|package\.json$|README\.md$|LICENSE-)/.test(path));
    if (strange.length > 0) throw Error(`strange files: ${strange}`);
    for (const needed of ['src/plain/windrow_bg.wasm', 'src/threaded/windrow_bg.wasm', 'README.md', 'LICENSE-MIT']) {
      if (!files.includes(needed)) throw Error(`${needed} is missing`);
    }
    return `${files.length} files`;
  });

  const bare = await project('bare', []);
  await attempt('bare, without a bundler', async () => {
    // Without a bundler names have to be addresses.
    for (const file of ['main.js', 'loader.worker.js']) {
      const text = readFileSync(join(bare, file), 'utf8');
      writeFileSync(join(bare, file), text.replace("'windrow'", "'./node_modules/windrow/src/index.js'").replace("'windrow/worker'", "'./node_modules/windrow/src/browser/serve.js'"));
    }
    for (const [headers, backends] of [[ISOLATED, ALL], [STRICT, NO_THREADS]]) {
      const server = await serve({ folder: bare, headers });
      try {
        await opened(`${server.origin}/index.html`, backends);
      } finally {
        server.close();
      }
    }
  });

  await attempt('imported on a server, for browsers and for Node', async () => {
    const script = `
      await import('./node_modules/windrow/src/index.js');
      const { loader, source } = await import('windrow');
      const data = await loader({ source: source.range(9), batchSize: 4 });
      let batches = 0;
      for await (const batch of data) batches += 1;
      console.log(batches);`;
    const { stdout } = await run('node', ['--input-type=module', '-e', script], { cwd: bare });
    if (stdout.trim() !== '3') throw Error(stdout);
  });

  for (const version of ['8', '7']) {
    await attempt(`Vite ${version}, built and in development`, async () => {
      const config = version === '7' ? VITE.replace('};', ", optimizeDeps: { exclude: ['windrow'] } };") : VITE;
      const folder = await project(`vite${version}`, [`vite@${version}`], { 'vite.config.js': config });
      await built(folder, ['vite', 'build', '--logLevel', 'warn'], 'dist');
      await answering(folder, ['npx', 'vite', '--strictPort'], (url) => opened(url, ALL));
    });
  }

  await attempt('webpack 5, built', async () => {
    const config = "export default { mode: 'production', entry: './main.js', output: { filename: 'main.js' } };";
    const folder = await project('webpack5', ['webpack@5', 'webpack-cli@6'], { 'webpack.config.js': config });
    await run('npx', ['webpack'], { cwd: folder });
    const html = readFileSync(join(folder, 'index.html'), 'utf8');
    writeFileSync(join(folder, 'dist/index.html'), html);
    const server = await serve({ folder: join(folder, 'dist'), headers: ISOLATED });
    try {
      await opened(`${server.origin}/index.html`, ALL);
    } finally {
      server.close();
    }
  });

  await attempt('publint', async () => {
    const folder = await project('judged', ['publint', '@arethetypeswrong/cli', 'typescript@5', '@types/node@20']);
    await run('npx', ['publint', 'run', '--strict', 'node_modules/windrow'], { cwd: folder });
    await run('npx', ['attw', tarball, '--profile', 'esm-only'], { cwd: folder });
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({
      compilerOptions: { strict: true, noEmit: true, target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext', lib: ['es2022', 'dom', 'dom.asynciterable', 'esnext.disposable'], skipLibCheck: false, types: [] },
      files: readdirSync(folder).filter((file) => file.endsWith('.ts')),
    }));
    await run('npx', ['tsc', '-p', '.'], { cwd: folder });
    // The package's own modules: those with `@ts-check`, which the glue of wasm-bindgen has not.
    const src = join(folder, 'node_modules/windrow/src');
    const modules = readdirSync(src, { recursive: true }).filter((file) => file.endsWith('.js') && !/^(plain|threaded)\b/.test(file));
    const unchecked = modules.filter((file) => !readFileSync(join(src, file), 'utf8').startsWith('// @ts-check\n'));
    if (unchecked.length > 0) throw Error(`without @ts-check: ${unchecked}`);
    writeFileSync(join(folder, 'modules.json'), JSON.stringify({
      compilerOptions: { strict: true, noImplicitAny: false, strictNullChecks: false, useUnknownInCatchVariables: false, noEmit: true, allowJs: true, target: 'esnext', module: 'nodenext', moduleResolution: 'nodenext', lib: ['esnext', 'dom', 'dom.iterable', 'dom.asynciterable'], skipLibCheck: true, types: ['node'] },
      files: modules.map((file) => `node_modules/windrow/src/${file}`),
    }));
    await run('npx', ['tsc', '-p', 'modules.json'], { cwd: folder });
    return 'attw, tsc --strict and @ts-check too';
  });
} finally {
  end();
}
