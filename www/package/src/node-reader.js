// Synchronous reads in Node: shared bytes, files by path, and ranges of URLs.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

import { prepare as fetchAll } from './http.js';
import { range } from './node-ranges.js';

export function reader(files) {
  const open = new Map();
  const descriptor = (path) => {
    if (!open.has(path)) open.set(path, openSync(path, 'r'));
    return open.get(path);
  };
  process.on('exit', () => open.forEach((number) => closeSync(number)));
  return {
    size(name) {
      if (!Object.hasOwn(files, name)) return -1;
      const { kind, bytes, path, size } = files[name];
      if (kind === 'bytes') return bytes.length;
      return kind === 'range' ? size : fstatSync(descriptor(path)).size;
    },
    names: () => Object.keys(files),
    read(name, offset, length) {
      const { kind, bytes, path } = files[name];
      if (kind === 'bytes') return bytes.subarray(offset, offset + length);
      if (length === 0) return new Uint8Array(0);
      if (kind === 'range') return range(files[name], offset, length);
      const buffer = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const some = readSync(descriptor(path), buffer, done, length - done, offset + done);
        if (some === 0) throw Error(`[SOURCE_CHANGED] ${path} ends at byte ${offset + done}; it was longer when it was opened`);
        done += some;
      }
      return buffer;
    },
  };
}

/** Makes files that need the network ready to be read: one copy that all workers see. */
export const prepare = (files) => fetchAll(files, async (blob) => shared(await blob.arrayBuffer()));

/** Bytes that all workers see. */
export function shared(file) {
  const view = ArrayBuffer.isView(file) ? new Uint8Array(file.buffer, file.byteOffset, file.byteLength) : new Uint8Array(file);
  const bytes = new Uint8Array(new SharedArrayBuffer(view.length));
  bytes.set(view);
  return { kind: 'bytes', bytes };
}
