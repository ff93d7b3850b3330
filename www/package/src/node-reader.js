// Synchronous reads in Node: shared bytes, and files by path.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

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
      const { kind, bytes, path } = files[name];
      return kind === 'bytes' ? bytes.length : fstatSync(descriptor(path)).size;
    },
    names: () => Object.keys(files).join(', ') || 'none',
    read(name, offset, length) {
      const { kind, bytes, path } = files[name];
      if (kind === 'bytes') return bytes.subarray(offset, offset + length);
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
