// Moves every wait for memory into a separate function: `web-waits.mjs MODULE COUNT`, where COUNT is the
// number of waits that a disassembler finds.
//
// The baseline compiler of V8 11.3, which Node 20 has, writes the address of a wait as eight bytes into
// a four-byte slot, and so sets the neighbouring value to 0. A function that waits then returns with a
// wrong local, and a `park` never ends. A function that does nothing but wait has no value to lose.
// Node 18, 21, 22 and 24 do not have the fault.
//
// A wait and a call can be equally long, so the rest of the module stays in place. A wait is FE 01, its
// alignment 2 and an offset; a call is 10 and a number in two bytes more than the offset. Other bytes may
// look like a wait, so the script tries each place. With a notify there, which takes one operand less, a
// module with a real wait is invalid; with a call, it is valid. The script also compares the count.

import { readFileSync, writeFileSync } from 'node:fs';

const [, , path, count] = process.argv;
const [TYPE, IMPORT, FUNCTION, CODE] = [1, 2, 3, 10];
const bytes = readFileSync(path);
const number = (value, length = 1) => {
  const out = [];
  while (value > 127 || out.length + 1 < length) out.push((value & 127) | 128), (value >>>= 7);
  return [...out, value];
};
let at = 8;
const read = (from = bytes) => {
  for (let value = 0, shift = 0; ; shift += 7) {
    value += (from[at] & 127) * 2 ** shift;
    if (from[at++] < 128) return value;
  }
};

/** The sections in order: `{ id, count, body }`, where the body comes after the count. */
const sections = [];
while (at < bytes.length) {
  const [id, size] = [bytes[at++], read()];
  const [start, end] = [at, at + size];
  const many = id === 0 ? undefined : read();
  sections.push({ id, many, body: Buffer.from(bytes.subarray(id === 0 ? start : at, end)) });
  at = end;
}
const section = (wanted) => sections.find(({ id }) => id === wanted);

/** Counts the imported functions, which come first in the numbering. */
function imported({ many, body }) {
  let found = 0;
  at = 0;
  const next = () => read(body);
  const limits = () => (next() & 1 ? (next(), next()) : next());
  for (let left = many; left > 0; left--) {
    for (let names = 2; names > 0; names--) {
      const length = next();
      at += length;
    }
    const kind = next();
    if (kind === 0) (found += 1), next();
    else if (kind === 1) at++, limits();
    else if (kind === 2) limits();
    else if (kind === 3) at += 2;
    else at++, next();
  }
  return found;
}

const [types, functions, code] = [TYPE, FUNCTION, CODE].map(section);
const first = imported(section(IMPORT)) + functions.many;
const candidates = [];
const start = bytes.indexOf(code.body);
at = 0;
for (let left = code.many; left > 0; left--) {
  const size = read(code.body);
  const end = at + size;
  for (let locals = read(code.body); locals > 0; locals--) read(code.body), read(code.body);
  for (let place = at - 1; (place = code.body.indexOf('fe0102', place + 1, 'hex')) >= 0 && place < end; ) {
    const other = Buffer.from(bytes);
    other[start + place + 1] = 0;
    if (!WebAssembly.validate(other)) candidates.push(place);
  }
  at = end;
}
/** Returns the offset of the wait at a place, and the number of its bytes. */
function offsetAt(place) {
  at = place + 3;
  return { offset: read(code.body), length: at - place - 3 };
}

/** Returns the module with the waits at these places in separate functions. */
function apart(places) {
  const offsets = [...new Set(places.map((place) => offsetAt(place).offset))];
  const calling = Buffer.from(code.body);
  for (const place of places) {
    const { offset, length } = offsetAt(place);
    calling.set([0x10, ...number(first + offsets.indexOf(offset), length + 2)], place);
  }
  const more = (from, added, body = from.body) => ({ id: from.id, many: from.many + added.length, body: Buffer.concat([body, Buffer.from(added.flat())]) });
  const changed = new Map([
    // (i32, i32, i64) -> i32
    [types, more(types, [[0x60, 3, 0x7f, 0x7f, 0x7e, 1, 0x7f]])],
    [functions, more(functions, offsets.map(() => number(types.many)))],
    [code, more(code, offsets.map(waiting), calling)],
  ]);
  const whole = sections.map((section) => {
    const { id, many, body } = changed.get(section) ?? section;
    const content = Buffer.concat([Buffer.from(many === undefined ? [] : number(many)), body]);
    return Buffer.concat([Buffer.from([id, ...number(content.length)]), content]);
  });
  return Buffer.concat([bytes.subarray(0, 8), ...whole]);
}

/** Returns a function that does nothing but wait, after its length: no locals, local.get 0, 1, 2, wait, end. */
function waiting(offset) {
  const body = [0, 0x20, 0, 0x20, 1, 0x20, 2, 0xfe, 1, 2, ...number(offset), 0x0b];
  return [body.length, ...body];
}

// The number of a call has five bytes at most.
const waits = candidates.filter((place) => offsetAt(place).length <= 3 && WebAssembly.validate(apart([place])));
if (waits.length !== Number(count) || waits.length === 0) throw Error(`the script found ${waits.length} waits and the disassembler ${count}: look at the module ${path}`);
const done = apart(waits);
if (!WebAssembly.validate(done)) throw Error(`${path} is not valid with its waits in separate functions: look at the module`);
writeFileSync(path, done);
console.log(`threaded: ${waits.length} waits, each in a separate function`);
