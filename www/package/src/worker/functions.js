// @ts-check
// Functions and sources of the user, as the wasm calls them.

import { ARRAYS } from '../shared/dtypes.js';
import { came, isPlain, tensor } from '../shared/tensor.js';

/** Promises of one worker that may be awaited at the same time; `answers.rs` has the number too. */
const AWAITED = 16;

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
        const sample = Object.fromEntries(list.map(([field, dtype, shape, bytes]) => [field, { dtype, shape, data: new ARRAYS[dtype](bytes.buffer) }]));
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
  if (!isPlain(made)) throw Error(`it gave ${came(made)}; give an object of the sample's fields`);
  return Object.entries(made).map(([field, value]) => {
    const { dtype, shape, data } = tensor(value, (what, fix) => Error(`field ${field} ${what}; ${fix}`));
    return [field, dtype, shape, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
  });
}
