// A static server for the tests: the repository with ranges and ETags, and places that misbehave.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

const TYPES = {
  '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.json': 'application/json',
  '.wasm': 'application/wasm', '.css': 'text/css',
};

export const ISOLATED = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
export const STRICT = { 'Content-Security-Policy': "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'" };
export const NO_WASM = { 'Content-Security-Policy': "script-src 'self'; worker-src 'self'" };
export const NO_WORKER = { 'Content-Security-Policy': "script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'" };
export const CDN = { 'Access-Control-Allow-Origin': '*', 'Cross-Origin-Resource-Policy': 'cross-origin' };

/** Serves a folder with these headers on every answer: `{ origin, close }`. */
export async function serve({ headers = {}, folder = root } = {}) {
  let asked = 0;
  let reads = 0;
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://x').pathname);
    const answer = (status, body, more = {}) => response.writeHead(status, { 'Cache-Control': 'no-cache', ...headers, ...more }).end(request.method === 'HEAD' ? undefined : body);
    if (path === '/favicon.ico') return answer(204);
    // A start page for whatever path, with status 200.
    if (path.startsWith('/spa/')) return answer(200, '<!doctype html><title>home</title>', { 'Content-Type': 'text/html' });
    try {
      const real = path.replace(/^\/(norange|changing|offline|wasm404|wasmhtml|wasmcut|nothreads|nothread|mutethread|trapthread)\//, '/');
      let bytes = await readFile(join(folder, normalize(real)));
      asked += 1;
      if (path.startsWith('/offline/') && request.headers.range && (reads += 1) > 30) return request.socket.destroy();
      if (path.startsWith('/nothread/') && real.endsWith('/thread.js')) return answer(404, 'no such file');
      if (path.startsWith('/mutethread/') && real.endsWith('/thread.js')) bytes = Buffer.from('');
      if (path.startsWith('/trapthread/') && real.endsWith('/thread.js')) {
        bytes = Buffer.from(`${bytes}`.replace(', wbg_rayon_start_worker }, reader', ", wbg_rayon_start_worker() { throw new WebAssembly.RuntimeError('unreachable'); } }, reader"));
      }
      if (path.startsWith('/nothreads/') && path.includes('/threaded/')) return answer(404, 'no such file');
      if (real.endsWith('.wasm')) {
        if (path.startsWith('/wasm404/')) return answer(404, 'no such file');
        if (path.startsWith('/wasmhtml/')) return answer(200, '<!doctype html>', { 'Content-Type': 'text/html' });
        if (path.startsWith('/wasmcut/')) bytes = bytes.subarray(0, bytes.length / 2);
      }
      const tag = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
      const more = {
        'Content-Type': TYPES[extname(real)] ?? 'application/octet-stream',
        'Accept-Ranges': 'bytes',
        ETag: path.startsWith('/changing/') ? `"${asked}"` : `"${tag}"`,
      };
      const range = !path.startsWith('/norange/') && /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
      if (!range) return answer(200, bytes, more);
      const [start, end] = [Number(range[1]), range[2] ? Math.min(Number(range[2]), bytes.length - 1) : bytes.length - 1];
      answer(206, bytes.subarray(start, end + 1), { ...more, 'Content-Range': `bytes ${start}-${end}/${bytes.length}` });
    } catch (error) {
      answer(error.code === 'ENOENT' || error.code === 'EISDIR' ? 404 : 500, String(error.message));
    }
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
