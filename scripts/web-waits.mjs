// Puts every wait for memory into a function of its own: `web-waits.mjs FILE`, a module's text.
//
// The baseline compiler of V8 11.3, which Node 20 has, keeps the address of a wait in eight bytes of a
// four-byte slot, and so sets to 0 the value that lies beside it: a function that waits comes back
// with a wrong local, as an endless `park`. A function that does nothing but wait has nothing to
// lose. Node 18, 21, 22 and 24 do not have the fault.

import { readFileSync, writeFileSync } from 'node:fs';

const [, , path] = process.argv;
const text = readFileSync(path, 'utf8');
const names = new Map();
let waits = 0;
const called = text.replace(/\((memory\.atomic\.wait32(?: offset=(\d+))?)$/gm, (_, wait, offset = 0) => {
  waits += 1;
  names.set(wait, `$windrow_wait_${offset}`);
  return `(call ${names.get(wait)}`;
});
if (waits === 0 || called.includes('memory.atomic.wait')) throw Error('a wait of another form than is known here: look at the module');

const alone = [...names].map(([wait, name]) => ` (func ${name} (param $address i32) (param $expected i32) (param $timeout i64) (result i32)
  (${wait} (local.get $address) (local.get $expected) (local.get $timeout))
 )
`);
writeFileSync(path, `${called.slice(0, called.lastIndexOf(')'))}${alone.join('')})`);
console.log(`threaded: ${waits} waits, each by a function of its own`);
