// A static server for the demo page, as plain as any host: `node scripts/demo-serve.mjs
// [--port=8080] [--isolated] [--open]`. With --isolated, pages get the headers that threads need.

import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.css': 'text/css', '.js': 'text/javascript', '.json': 'application/json',
  '.wasm': 'application/wasm', '.svg': 'image/svg+xml', '.md': 'text/plain; charset=utf-8',
};
const ISOLATED = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };
/** Ports tried after the one asked for. */
const TRIES = 20;
const www = fileURLToPath(new URL('../www/', import.meta.url));

/** Serves www to this machine alone: `{ origin, close }`. Port 0 is any; `instead` are texts for files, by path. */
export async function serve({ port = 0, isolated = false, instead = {} } = {}) {
  const server = createServer(async (request, response) => {
    const answer = (status, body, type = 'text/plain') => response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-cache', ...(isolated ? ISOLATED : {}) }).end(request.method === 'HEAD' ? undefined : body);
    try {
      const { pathname } = new URL(request.url, 'http://x');
      const path = normalize(decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname));
      answer(200, instead[path] ?? (await readFile(join(www, path))), TYPES[extname(path)] ?? 'application/octet-stream');
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
  const port = Number(process.argv.find((argument) => argument.startsWith('--port='))?.slice(7) ?? 8080);
  const { origin } = await serve({ port, isolated: process.argv.includes('--isolated') });
  console.log(`${origin}/`);
  if (process.argv.includes('--open')) {
    const [command, ...given] = { darwin: ['open'], win32: ['cmd', '/c', 'start'] }[process.platform] ?? ['xdg-open'];
    spawn(command, [...given, `${origin}/`], { stdio: 'ignore' }).on('error', () => console.log(`${command} is not here: open the address yourself`));
  }
}
