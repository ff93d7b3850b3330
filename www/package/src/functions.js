// Functions of the user over samples, as the wasm calls them.

import { ARRAYS } from './batch.js';

const DTYPES = new Map(Object.entries(ARRAYS).reverse().map(([dtype, Typed]) => [Typed, dtype]));
DTYPES.set(Uint8Array, 'u8').set(Uint16Array, 'u16').set(Uint8ClampedArray, 'u8');

/** `has` and `call` over functions by name. */
export function caller(functions) {
  const parsed = new Map();
  const options = (text) => {
    if (!parsed.has(text)) parsed.set(text, JSON.parse(text) ?? {});
    return parsed.get(text);
  };
  return {
    has: (name) => Object.hasOwn(functions, name),
    call(name, text, fields, random, index) {
      const sample = {};
      for (const [field, dtype, shape, bytes] of fields) {
        sample[field] = { dtype, shape, data: new ARRAYS[dtype](bytes.buffer) };
      }
      const rng = { bits: () => random.bits(), below: (bound) => random.below(bound), unit: () => random.unit() };
      try {
        const made = functions[name](sample, options(text), { rng, index });
        if (typeof made?.then === 'function') throw Error('it gave a promise; a sample is made at once');
        if (made === null || typeof made !== 'object') throw Error(`it gave ${made}; give the fields of the sample`);
        return Object.entries(made).map(([field, value]) => [field, ...tensor(field, value)]);
      } finally {
        random.free();
      }
    },
  };
}

/** `[dtype, shape, bytes]` of what a function gave for a field. */
function tensor(field, value) {
  if (typeof value === 'number') value = { dtype: 'f64', shape: [], data: Float64Array.of(value) };
  else if (typeof value === 'boolean') value = { dtype: 'bool', shape: [], data: Uint8Array.of(value) };
  else if (Array.isArray(value)) value = Float64Array.from(value);
  if (ArrayBuffer.isView(value)) value = { data: value };
  const { data } = value ?? {};
  const dtype = value?.dtype ?? DTYPES.get(data?.constructor);
  if (!ArrayBuffer.isView(data) || !dtype) throw Error(`field ${field} is no tensor; give { dtype, shape, data }, a typed array or a number`);
  return [dtype, value.shape ?? [data.length], new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}
