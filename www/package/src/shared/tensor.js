// @ts-check
// The values that stand for a tensor: from functions and sources in workers, and as arrays in memory.

import { ARRAYS } from './dtypes.js';

/** The default dtype of each typed array, by the array's name. */
const DTYPES = Object.fromEntries(Object.entries(ARRAYS).map(([dtype, { name }]) => [name, dtype]));
Object.assign(DTYPES, { Uint8Array: 'u8', Uint8ClampedArray: 'u8', Uint16Array: 'u16' });
const RANK_MAX = 8;
const GIVE = 'give { dtype, shape, data }, a typed array, or nested arrays of only numbers or only booleans, of one length along each axis';

/** Returns whether a value is an object of fields from any realm, and not an array, `Map` or `ImageData`. */
export function isPlain(value) {
  if (typeof value !== 'object' || value === null) return false;
  const proto = Object.getPrototypeOf(value);
  return proto === null || Object.getPrototypeOf(proto) === null;
}

/** Returns a description of a value, for an error. */
export function came(value) {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value) return `a value of type ${value.constructor?.name ?? 'Object'}`;
  return value == null ? `${value}` : `the ${typeof value} ${String(value).slice(0, 40)}`;
}

/** Returns the `{ dtype, shape, data }` of a value. `wrong(what, fix)` creates an error. */
export function tensor(value, wrong) {
  let { data, dtype, shape } = isPlain(value) ? value : { data: value };
  // An object with more properties is something else: pictures have a width, views have strides.
  const more = isPlain(value) && Object.keys(value).find((key) => !['data', 'dtype', 'shape'].includes(key));
  if (more || data === undefined) throw wrong(`is not a tensor but ${came(value)}${more ? ` with ${more}` : ''}`, GIVE);
  if (!ArrayBuffer.isView(data)) {
    const all = nested(data, wrong);
    dtype ??= all.dtype;
    shape ??= all.shape;
    data = all.data;
  }
  // The tag and not the constructor's name, because Node's Buffer has its own name.
  const array = data[Symbol.toStringTag];
  if (!DTYPES[array]) throw wrong(`is not a tensor but ${came(data)}`, GIVE);
  dtype ??= DTYPES[array];
  shape ??= [data.length];
  if (!Object.hasOwn(ARRAYS, dtype)) throw wrong(`has dtype ${dtype}`, `use one of ${Object.keys(ARRAYS).join(', ')}`);
  const fits = ARRAYS[dtype].name === array || DTYPES[array] === dtype || (dtype === 'f16' && array === 'Uint16Array');
  if (!fits) throw wrong(`has dtype ${dtype} and a ${array}`, `${dtype} takes a ${ARRAYS[dtype].name}`);
  const sound = Array.isArray(shape) && shape.every((axis) => Number.isSafeInteger(axis) && axis >= 0);
  if (!sound || shape.reduce((all, axis) => all * axis, 1) !== data.length) {
    throw wrong(`has ${data.length} elements and the shape ${sound ? `[${shape}]` : came(shape)}`, 'give whole numbers whose product is the number of elements');
  }
  return { dtype, shape, data };
}

/** Returns the tensor of a number, a boolean, or nested arrays with one length along each axis. */
function nested(value, wrong) {
  const shape = [], all = [], place = [];
  for (let at = value; Array.isArray(at); at = at[0]) {
    if (shape.push(at.length) > RANK_MAX) throw wrong(`has more than ${RANK_MAX} axes`, GIVE);
  }
  let kind;
  const fill = (at, axis) => {
    if (axis === shape.length) kind ??= typeof at === 'boolean' ? 'boolean' : 'number';
    if (axis < shape.length ? !Array.isArray(at) || at.length !== shape[axis] : typeof at !== kind) {
      const where = place.slice(0, axis).map((index) => `[${index}]`).join('');
      throw wrong(axis === 0 ? `is not a tensor but ${came(at)}` : `has ${came(at)} at ${where}`, GIVE);
    }
    if (axis === shape.length) all.push(at);
    else for (place[axis] = 0; place[axis] < at.length; place[axis] += 1) fill(at[place[axis]], axis + 1);
  };
  fill(value, 0);
  return kind === 'boolean' ? { dtype: 'bool', shape, data: Uint8Array.from(all) } : { dtype: 'f64', shape, data: Float64Array.from(all) };
}

/** Returns an array in memory as the bytes of a `.npy` file. */
export function npy(value, wrong) {
  const { dtype, shape, data } = tensor(value, wrong);
  if (shape.length === 0) throw wrong('is one value and has no rows', 'give an array with one sample in each row');
  if (dtype === 'bf16') throw wrong('has dtype bf16, which .npy files do not support', 'give f32');
  const size = data.BYTES_PER_ELEMENT;
  const descr = `${size > 1 ? '<' : '|'}${dtype[0]}${size}`;
  let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  header += ' '.repeat(63 - ((10 + header.length) % 64)) + '\n';
  const bytes = new Uint8Array(10 + header.length + data.byteLength);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  bytes.set(new TextEncoder().encode(header), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return bytes;
}
