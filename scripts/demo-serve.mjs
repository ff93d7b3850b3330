// A static server for the demo page, as plain as any host: `node scripts/demo-serve.mjs
// [--port=8080] [--isolated] [--open]`. With --isolated, pages get the headers that threads need.
// With --arguments, the program checks its arguments and serves nothing.
// The page links to the project's documents and source, which the server has beside the page.

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.json': 'application/json',
  '.wasm': 'application/wasm', '.svg': 'image/svg+xml', '.md': 'text/plain; charset=utf-8', '.rs': 'text/plain; charset=utf-8', '.png': 'image/png',
};
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
/** Ports tried after the one asked for. */
const TRIES = 20;
const root = fileURLToPath(new URL('../', import.meta.url));
const www = join(root, 'www');
/** What the server has of the project beside the page. */
const BESIDE = /^\/([A-Z]+\.md|LICENSE-[A-Z]+|src\/.+\.rs)$/;

/**
 * Serves www to this machine alone: `{ origin, close }`. Port 0 is any. `instead` has texts for files, by path; a file whose
 * text is `null` is missing.
 */
export async function serve({ port = 0, isolated = false, instead = {} } = {}) {
  const server = createServer(async (request, response) => {
    const answer = (status, body, type = 'text/plain') => response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-cache', ...(isolated ? ISOLATED : {}) }).end(request.method === 'HEAD' ? undefined : body);
    try {
      const { pathname } = new URL(request.url, 'http://x');
      const path = normalize(decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname));
      if (instead[path] === null) throw Error('missing');
      answer(200, instead[path] ?? (await readFile(join(BESIDE.test(path) ? root : www, path))), TYPES[extname(path)] ?? 'application/octet-stream');
    } catch {
      answer(404, 'There is no such file.');
    }
  });
  for (let tries = 0; ; tries++) {
    const failed = await new Promise((done) => server.once('error', done).listen(port && port + tries, '127.0.0.1', () => done()));
    if (!failed) break;
    if (failed.code !== 'EADDRINUSE' || tries === TRIES) throw failed;
  }
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const given = process.argv.find((argument) => argument.startsWith('--port='))?.slice(7) ?? '8080';
  const port = Number(given);
  if (!/^\d{1,5}$/.test(given) || port + TRIES > 65535) {
    console.error(`--port is ${given}: give a number from 0 to ${65535 - TRIES}`);
    process.exit(2);
  }
  if (process.argv.includes('--arguments')) process.exit();
  const { origin } = await serve({ port, isolated: process.argv.includes('--isolated') });
  console.log(`${origin}/`);
  if (process.argv.includes('--open')) {
    const [command, ...given] = { darwin: ['open'], win32: ['cmd', '/c', 'start'] }[process.platform] ?? ['xdg-open'];
    spawn(command, [...given, `${origin}/`], { stdio: 'ignore' }).on('error', () => console.log(`${command} is not here: open the address yourself`));
  }
}
