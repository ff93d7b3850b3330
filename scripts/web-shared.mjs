// Fails unless the threaded build imports a shared memory that cannot grow, and the plain build defines
// its memory. Without the right linker flags, a threaded build links with a memory that no thread can share.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Tells whether a wasm file imports a memory, whether that memory is shared, and whether it can grow. */
function imported(path) {
  const bytes = readFileSync(path);
  let at = 8;
  const number = () => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const skip = (length) => (at += length);
  const limits = () => {
    const [flags, least] = [number(), number()];
    const most = flags & 1 ? number() : Infinity;
    return `${flags & 2 ? 'shared' : 'unshared'}, ${least === most ? 'of one size' : 'growing'}`;
  };
  while (at < bytes.length) {
    const section = bytes[at++];
    const end = number() + at;
    if (section === 2) {
      for (let left = number(); left > 0; left--) {
        skip(number()), skip(number());
        const kind = bytes[at++];
        if (kind === 0) number();
        else if (kind === 1) skip(1), limits();
        else if (kind === 2) return limits();
        else skip(2);
      }
    }
    at = end;
  }
  return 'own';
}

for (const [build, want] of [['plain', 'own'], ['threaded', 'shared, of one size']]) {
  const got = imported(join(process.argv[2], build, 'windrow_bg.wasm'));
  console.log(`${build}: memory ${got}`);
  if (got !== want) throw Error(`the ${build} build has memory ${got}, not ${want}`);
}
