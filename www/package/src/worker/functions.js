// @ts-check
// The caller's functions and sources, as the wasm calls them.

import { ARRAYS } from '../shared/dtypes.js';
import { came, isPlain, tensor } from '../shared/tensor.js';

/** The number of promises that one worker awaits at the same time. `answers.rs` has the same number. */
const AWAITED = 16;

/**
 * Returns the object that the wasm calls, with functions and opened sources by name. `settle` awaits their promises.
 */
export function caller(functions, sources = {}) {
  const parsed = new Map();
  const options = (text) => {
    if (!parsed.has(text)) parsed.set(text, JSON.parse(text) ?? {});
    return parsed.get(text);
  };
  const promised = [];
  const full = () => promised.length >= AWAITED;
  /** Returns the answer, or `undefined` for an answer that comes later. */
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
        const sample = Object.fromEntries(list.map(([field, dtype, shape, bytes]) => [field, { dtype, shape, data: new ARRAYS[dtype](bytes.buffer) }]));
        const rng = { bits: () => random.bits(), below: (bound) => random.below(bound), unit: () => random.unit() };
        made = functions[name](sample, options(text), { rng, index });
        return taken(made, name, op, index);
      } finally {
        // A function that has not finished may draw more random numbers.
        if (typeof made?.then === 'function') Promise.resolve(made).catch(() => {}).then(() => random.free());
        else random.free();
      }
    },
    length: (name) => (Object.hasOwn(sources, name) ? Number(sources[name].length) : undefined),
    get: (name, index) => (full() ? undefined : taken(sources[name].get(index), name, 0, index)),
    async settle(take) {
      if (promised.length === 0) throw Error('a sample waits, but no promise is open');
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

/** Opens and checks a source. */
export async function opened(name, source, options) {
  try {
    if (typeof source === 'function') source = await source(options ?? {});
  } catch (error) {
    throw Error(`[READ] the source ${name} cannot be opened: ${error?.message ?? error}`);
  }
  if (typeof source?.get !== 'function') throw Error(`[SETTING] the source ${name} is not an object of { length, get(index) }`);
  const { length } = source;
  const whole = typeof length === 'bigint' ? length >= 0n && length <= BigInt(Number.MAX_SAFE_INTEGER) : Number.isSafeInteger(length) && length >= 0;
  if (!whole) throw Error(`[SETTING] the source ${name} has length ${String(length)}; give a whole number from 0 to 2^53 - 1`);
  return source;
}

/** Returns `[[name, dtype, shape, bytes], …]` for a sample. */
function fields(made) {
  if (!isPlain(made)) throw Error(`the result is ${came(made)}; return an object of the sample's fields`);
  return Object.entries(made).map(([field, value]) => {
    const { dtype, shape, data } = tensor(value, (what, fix) => Error(`field ${field} ${what}; ${fix}`));
    return [field, dtype, shape, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
  });
}
