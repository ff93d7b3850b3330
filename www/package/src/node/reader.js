// @ts-check
// Synchronous reads in Node: shared bytes, files by path, and ranges of URLs.

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

import { prepare as fetchAll } from '../shared/http.js';
import { range } from './ranges.js';

/** The number of files that one thread keeps open. */
const OPEN = 8;

export function reader(files) {
  /** The file descriptors by path, with the last used one at the end. */
  const open = new Map();
  /** The properties of files at their first use, by path. */
  const known = new Map();
  process.on('exit', () => open.forEach((number) => closeSync(number)));

  function descriptor(path) {
    let number = open.get(path);
    open.delete(path);
    if (number === undefined) {
      for (const [oldest, number] of open) {
        if (open.size < OPEN) break;
        closeSync(number);
        open.delete(oldest);
      }
      number = openSync(path, 'r');
      const [was, is] = [known.get(path), fstatSync(number)];
      if (was && (was.size !== is.size || was.mtimeMs !== is.mtimeMs)) {
        closeSync(number);
        throw Error(`[SOURCE_CHANGED] ${path} changed after it was opened: from ${was.size} bytes, modified ${was.mtime.toISOString()}, to ${is.size} bytes, modified ${is.mtime.toISOString()}`);
      }
    }
    open.set(path, number);
    return number;
  }

  return {
    size(name) {
      if (!Object.hasOwn(files, name)) return -1;
      const { kind, bytes, path, size } = files[name];
      if (kind === 'bytes') return bytes.length;
      if (kind === 'range') return size;
      if (!known.has(path)) known.set(path, statSync(path));
      return known.get(path).size;
    },
    names: () => Object.keys(files),
    read(name, offset, length) {
      const { kind, bytes, path } = files[name];
      if (kind === 'bytes') return bytes.subarray(offset, offset + length);
      if (length === 0) return new Uint8Array(0);
      if (kind === 'range') return range(files[name], offset, length);
      const number = descriptor(path);
      const buffer = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const some = readSync(number, buffer, done, length - done, offset + done);
        if (some === 0) throw Error(`[SOURCE_CHANGED] ${path} ends at byte ${offset + done}, and was longer when it was opened`);
        done += some;
      }
      return buffer;
    },
  };
}

/** Prepares files that need the network, as one copy that all workers share. */
export const prepare = (files) => fetchAll(files, async (blob) => shared(await blob.arrayBuffer()));

/** Copies bytes to memory that all workers share. */
export function shared(file) {
  const view = ArrayBuffer.isView(file) ? new Uint8Array(file.buffer, file.byteOffset, file.byteLength) : new Uint8Array(file);
  const bytes = new Uint8Array(new SharedArrayBuffer(view.length));
  bytes.set(view);
  return { kind: 'bytes', bytes };
}
