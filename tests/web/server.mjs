// A static server for the tests: the repository with ranges and ETags, and places that misbehave.

import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, relative, sep } from 'node:path';
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

/** The first part of a path says what goes wrong; a number after it keeps counts apart. */
const FAULTS = /^\/(norange|nosize|changing|cut|offline|laterchanged|laternorange|laterless|laterresized|latershifted|latershort|wasm404|wasmhtml|wasmcut|wasmslow|nothreads|nothread|mutethread|trapthread|panic)\/(?:(\d+)\/)?/;

/**
 * A module that reads files as one that lies: where a row of 100 bytes starts with 7, they have another length when they
 * are asked for it again, and the program panics.
 */
export const panicking = (reader) => `${reader}`.replace('export function reader(files) {', `
  export function reader(files) {
    const sound = soundReader(files);
    const read = (name, offset, length) => {
      const bytes = sound.read(name, offset, length);
      let asked = 0;
      if (length === 100 && bytes[0] === 7) Object.defineProperty(bytes, 'length', { get: () => (asked++ === 0 ? length : 1) });
      return bytes;
    };
    return { ...sound, read };
  }
  function soundReader(files) {`);

/** The paths of all files below a folder of the repository, last to first: nobody may rely on an order. */
export async function list(path) {
  const all = await readdir(join(root, path), { recursive: true, withFileTypes: true });
  const files = all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return files.map((file) => relative(join(root, path), file).replaceAll(sep, '/')).sort().reverse();
}

/** Serves a folder with these headers on every answer: `{ origin, close }`. */
export async function serve({ headers = {}, folder = root } = {}) {
  let asked = 0;
  const ranges = new Map(), blips = new Map();
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://x').pathname);
    const answer = (status, body, more = {}) => response.writeHead(status, { 'Cache-Control': 'no-cache', ...headers, ...more }).end(request.method === 'HEAD' ? undefined : body);
    if (path === '/favicon.ico') return answer(204);
    // A start page for whatever path, with status 200.
    if (path.startsWith('/spa/')) return answer(200, '<!doctype html><title>home</title>', { 'Content-Type': 'text/html' });
    // Away at the third and fourth time of asking.
    if (path.startsWith('/blip/')) {
      const times = (blips.get(path) ?? 0) + 1;
      blips.set(path, times);
      return answer(times === 3 || times === 4 ? 503 : 200, 'there');
    }
    try {
      if (path.startsWith('/list/')) return answer(200, JSON.stringify(await list(path.slice(6))), { 'Content-Type': TYPES['.json'] });
      const [prefix, fault, id] = FAULTS.exec(path) ?? ['/'];
      const real = `/${path.slice(prefix.length)}`;
      let bytes = await readFile(join(folder, normalize(real)));
      asked += 1;
      // From the 31st range on, something is not as it was.
      if (request.headers.range) ranges.set(prefix, (ranges.get(prefix) ?? 0) + 1);
      const later = id !== undefined && ranges.get(prefix) > 30;
      if (later && fault === 'offline') return request.socket.destroy();
      if (later && fault === 'laterless') return answer(404, 'no such file any more');
      if (fault === 'cut') {
        response.writeHead(200, { ...headers, 'Content-Length': bytes.length }).write(bytes.subarray(0, bytes.length / 2));
        return setTimeout(() => response.destroy(), 50);
      }
      if (real.endsWith('/browser/thread.js')) {
        if (fault === 'nothread') return answer(404, 'no such file');
        if (fault === 'mutethread') bytes = Buffer.from('');
        if (fault === 'trapthread') bytes = Buffer.from(`${bytes}`.replace(', wbg_rayon_start_worker }, reader', ", wbg_rayon_start_worker() { throw new WebAssembly.RuntimeError('unreachable'); } }, reader"));
      }
      if (fault === 'panic' && real.endsWith('/browser/reader.js')) bytes = Buffer.from(panicking(bytes));
      if (path.startsWith('/nothreads/') && path.includes('/threaded/')) return answer(404, 'no such file');
      if (real.endsWith('.wasm')) {
        if (path.startsWith('/wasmslow/')) await new Promise((later) => setTimeout(later, 12_000));
        if (path.startsWith('/wasm404/')) return answer(404, 'no such file');
        if (path.startsWith('/wasmhtml/')) return answer(200, '<!doctype html>', { 'Content-Type': 'text/html' });
        if (path.startsWith('/wasmcut/')) bytes = bytes.subarray(0, bytes.length / 2);
      }
      const tag = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
      const more = {
        'Content-Type': TYPES[extname(real)] ?? 'application/octet-stream',
        'Accept-Ranges': 'bytes',
        ETag: fault === 'changing' ? `"${asked}"` : later && fault === 'laterchanged' ? '"changed"' : `"${tag}"`,
      };
      const range = fault !== 'norange' && !(later && fault === 'laternorange') && /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
      if (!range) return answer(200, bytes, more);
      let [start, end] = [Number(range[1]), range[2] ? Math.min(Number(range[2]), bytes.length - 1) : bytes.length - 1];
      const size = bytes.length + (later && fault === 'laterresized' ? 1 : 0);
      if (later && fault === 'latershifted') [start, end] = [start - 1, end - 1];
      answer(206, bytes.subarray(start, end + (later && fault === 'latershort' ? 0 : 1)), { ...more, ...(fault === 'nosize' ? {} : { 'Content-Range': `bytes ${start}-${end}/${size}` }) });
    } catch (error) {
      answer(error.code === 'ENOENT' || error.code === 'EISDIR' ? 404 : 500, String(error.message));
    }
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
