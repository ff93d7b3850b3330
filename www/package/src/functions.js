// Functions and sources of the user, as the wasm calls them.

import { ARRAYS } from './batch.js';

/** Promises of one worker that may be awaited at the same time; `answers.rs` has the number too. */
const AWAITED = 16;
const NAMES = Object.fromEntries(Object.entries(ARRAYS).reverse().map(([dtype, { name }]) => [name, dtype]));
Object.assign(NAMES, { Uint8Array: 'u8', Uint16Array: 'u16', Uint8ClampedArray: 'u8' });

/** What the wasm calls, over functions and opened sources by name; `settle` waits for what they promised. */
export function caller(functions, sources = {}) {
  const parsed = new Map();
  const options = (text) => {
    if (!parsed.has(text)) parsed.set(text, JSON.parse(text) ?? {});
    return parsed.get(text);
  };
  const promised = [];
  const full = () => promised.length >= AWAITED;
  /** The answer, or nothing where it comes later. */
  const taken = (made, name, op, index) => {
    if (typeof made?.then !== 'function') return fields(made);
    promised.push({ made, name, op, index });
  };
  return {
    has: (name) => Object.hasOwn(functions, name),
    call(name, text, list, random, op, index) {
      let made;
      try {
        if (full()) return undefined;
        const sample = {};
        for (const [field, dtype, shape, bytes] of list) {
          sample[field] = { dtype, shape, data: new ARRAYS[dtype](bytes.buffer) };
        }
        const rng = { bits: () => random.bits(), below: (bound) => random.below(bound), unit: () => random.unit() };
        made = functions[name](sample, options(text), { rng, index });
        return taken(made, name, op, index);
      } finally {
        // A function that is still at it may draw more.
        if (typeof made?.then === 'function') Promise.resolve(made).catch(() => {}).then(() => random.free());
        else random.free();
      }
    },
    length: (name) => (Object.hasOwn(sources, name) ? Number(sources[name].length) : undefined),
    get: (name, index) => (full() ? undefined : taken(sources[name].get(index), name, 0, index)),
    async settle(take) {
      if (promised.length === 0) throw Error('a sample waits for nothing');
      await Promise.all(promised.splice(0).map(async ({ made, name, op, index }) => {
        let list, why;
        try {
          list = fields(await made);
        } catch (error) {
          why = String(error?.message ?? error);
        }
        take(name, op, index, list, why);
      }));
    },
  };
}

/** A source of the user, opened and looked at. */
export async function opened(name, source, options) {
  try {
    if (typeof source === 'function') source = await source(options ?? {});
  } catch (error) {
    throw Error(`[READ] the source ${name} cannot be opened: ${error?.message ?? error}`);
  }
  if (typeof source?.get !== 'function') throw Error(`[SETTING] the source ${name} is no { length, get(index) }`);
  const { length } = source;
  const whole = typeof length === 'bigint' ? length >= 0n && length <= BigInt(Number.MAX_SAFE_INTEGER) : Number.isSafeInteger(length) && length >= 0;
  if (!whole) throw Error(`[SETTING] the source ${name} has length ${String(length)}; a whole number from 0 to 2^53 - 1 is needed`);
  return source;
}

/** `[[name, dtype, shape, bytes], …]` of what was given for a sample. */
function fields(made) {
  if (made === null || typeof made !== 'object') throw Error(`it gave ${made}; give the fields of the sample`);
  return Object.entries(made).map(([field, value]) => [field, ...tensor(field, value)]);
}

/** `[dtype, shape, bytes]` of what was given for a field. */
function tensor(field, value) {
  if (typeof value === 'number') value = { dtype: 'f64', shape: [], data: Float64Array.of(value) };
  else if (typeof value === 'boolean') value = { dtype: 'bool', shape: [], data: Uint8Array.of(value) };
  else if (Array.isArray(value)) value = Float64Array.from(value);
  if (ArrayBuffer.isView(value)) value = { data: value };
  const { data } = value ?? {};
  // Not the constructor's name, which Node's Buffer has of its own.
  const array = ArrayBuffer.isView(data) ? data[Symbol.toStringTag] : undefined;
  const dtype = value?.dtype ?? NAMES[array];
  if (!array || !dtype) throw Error(`field ${field} is no tensor; give { dtype, shape, data }, a typed array or a number`);
  if (!Object.hasOwn(ARRAYS, dtype)) throw Error(`field ${field} has dtype ${dtype}; known are ${Object.keys(ARRAYS).join(', ')}`);
  const fits = ARRAYS[dtype].name === array || NAMES[array] === dtype || (dtype === 'f16' && array === 'Uint16Array');
  if (!fits) throw Error(`field ${field} has dtype ${dtype} and a ${array}; ${dtype} takes a ${ARRAYS[dtype].name}`);
  return [dtype, value.shape ?? [data.length], new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}
