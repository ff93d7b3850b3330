// Functions that the tests serve.

const spin = (milliseconds) => {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
};

class Tiled {
  data = Uint8Array.of(1);
}

/** What is no sample, and what its error says of it. */
export const WRONG = [
  [() => undefined, 'undefined'],
  [() => null, 'null'],
  [() => 5, 'the number 5'],
  [() => 'pixels', 'the string pixels'],
  [() => [1, 2], 'an array of 2'],
  [() => Float32Array.of(1), 'type Float32Array'],
  [() => new Map([['x', 1]]), 'type Map'],
  [() => new Set([1]), 'type Set'],
  [() => new Date(0), 'type Date'],
  [() => new Tiled(), 'type Tiled'],
  [() => ({ x: undefined }), 'field x is not a tensor but undefined'],
  [() => ({ x: 'four' }), 'field x is not a tensor but the string four'],
  [() => ({ x: 4n }), 'field x is not a tensor but the bigint 4'],
  [() => ({ x: new Date(0) }), 'field x is not a tensor but a value of type Date'],
  [() => ({ x: new Map() }), 'field x is not a tensor but a value of type Map'],
  [() => ({ x: Promise.resolve(1) }), 'field x is not a tensor but a value of type Promise'],
  [() => ({ x: new Tiled() }), 'type Tiled'],
  [() => ({ x: new DataView(new ArrayBuffer(2)) }), 'type DataView'],
  [() => ({ x: { width: 2, height: 1, data: new Uint8Array(8) } }), 'with width'],
  [() => ({ x: {} }), 'type Object'],
  [() => ({ x: ['a', 'b'] }), 'field x has the string a at [0]'],
  [() => ({ x: [1, , 3] }), 'field x has undefined at [1]'],
  [() => ({ x: [1, undefined] }), 'field x has undefined at [1]'],
  [() => ({ x: [1, 2n] }), 'field x has the bigint 2 at [1]'],
  [() => ({ x: [1n, 2n] }), 'field x has the bigint 1 at [0]'],
  [() => ({ x: [true, 1] }), 'field x has the number 1 at [1]'],
  [() => ({ x: [[1, 2], [3]] }), 'field x has an array of 1 at [1]'],
  [() => ({ x: [[1, 2], [3, 4, 5], [6]] }), 'field x has an array of 3 at [1]'],
  [() => ({ x: [[1, 2], [3, [4]]] }), 'field x has an array of 1 at [1][1]'],
  [() => ({ x: [[1], 2] }), 'field x has the number 2 at [1]'],
  [() => ({ x: [[[[[[[[[1]]]]]]]]] }), 'more than 8 axes'],
  [() => { const x = []; x[0] = x; return { x }; }, 'more than 8 axes'],
  [() => ({ x: { shape: [3], data: Float64Array.of(1) } }), 'has 1 elements and the shape [3]'],
  [() => ({ x: { shape: [-1], data: Float64Array.of(1) } }), 'shape'],
  [() => ({ x: { shape: [0.5, 2], data: Float64Array.of(1) } }), 'shape'],
  [() => ({ x: { shape: 1, data: Float64Array.of(1) } }), 'the shape the number 1'],
  [() => ({ x: { dtype: 'f32', shape: [1], data: Float64Array.of(1) } }), 'f32 and a Float64Array'],
  [() => ({ x: { dtype: 'f31', data: Float64Array.of(1) } }), 'f31'],
  [() => ({ x: { dtype: 'bool', data: Uint8Array.of(2) } }), 'x'],
];
// Node has none.
if (globalThis.ImageData) {
  WRONG.push([() => new ImageData(2, 2), 'type ImageData'], [() => ({ x: new ImageData(2, 2) }), 'type ImageData']);
}

/** What is wrong with the number of a sample, or the promise of it; what follows is right. */
const wrong = (number, { later }) => {
  const made = number < WRONG.length ? WRONG[number][0]() : { x: number };
  return later ? Promise.resolve(made) : made;
};

const later = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
const counts = new Map();

export const functions = {
  /** Moves the value by random numbers of the sample's place. */
  jitter({ value }, { amount }, { rng, index }) {
    const moved = Number(value.data[0]) + amount * rng.unit();
    return { moved, below: BigUint64Array.of(rng.bits()), dice: rng.below(6), index: Float64Array.of(index) };
  },
  throwing({ value }) {
    if (value.data[0] === 5n) throw TypeError('five is not for us');
    return { value };
  },
  /** The same as `jitter`, with waits of different lengths in between. */
  async jitterLater({ value }, { amount }, { rng, index }) {
    const first = Number(value.data[0]) + amount * rng.unit();
    await later(index % 3);
    const below = BigUint64Array.of(rng.bits());
    await later((index * 7) % 2);
    return { moved: first, below, dice: rng.below(6), index: Float64Array.of(index) };
  },
  async throwingLater({ value }) {
    await later(1);
    if (value.data[0] === 5n) throw TypeError('five is not for us, later');
    return { value };
  },
  async never({ value }) {
    if (value.data[0] === 7n) await new Promise(() => {});
    return { value };
  },
  /** How often each sample came here, in this worker. */
  async counted({ value }) {
    await later(1);
    const times = (counts.get(value.data[0]) ?? 0) + 1;
    counts.set(value.data[0], times);
    return { value, times };
  },
  /** An error of a timer, which nobody catches. */
  async tripping({ value }) {
    if (value.data[0] === 7n) {
      setTimeout(() => { throw Error('tripped'); });
      await new Promise(() => {});
    }
    return { value };
  },
  /** A promise that is rejected, which nobody has. */
  async dropping({ value }) {
    if (value.data[0] === 7n) {
      Promise.reject(Error('dropped on the way'));
      await new Promise(() => {});
    }
    return { value };
  },
  wrong: ({ value }, options) => wrong(Number(value.data[0]), options),
  /** The same values in every form that a field may have. */
  forms: ({ value }) => {
    const data = Float64Array.of(1, 2, 3, Number(value.data[0]));
    return {
      typed: data, whole: { dtype: 'f64', shape: [2, 2], data }, plain: [...data], rows: [[1, 2], [3, data[3]]], bare: { __proto__: null, data },
      yes: [true, false], number: data[3], empty: [], clamped: Uint8ClampedArray.of(1, 300), half: { dtype: 'f16', data: Uint16Array.of(0x3c00) },
      ['__proto__']: 5,
    };
  },
  renamed: ({ x }) => ({ value: x }),
  async same(sample) {
    await later(1);
    return sample;
  },
  nothing() {},
  endless({ value }) {
    if (value.data[0] === 7n) for (;;);
    return { value };
  },
  deep({ value }) {
    const down = (n) => down(n + 1) + 1;
    return { value: value.data[0] === 3n ? down(0) : Number(value.data[0]) };
  },
  slow({ value }, { milliseconds }) {
    spin(milliseconds);
    return { value };
  },
};

/** A row of pixels and its number. */
const row = (index) => ({
  pixels: { dtype: 'f32', shape: [2, 3], data: Float32Array.from({ length: 6 }, (_, i) => index + i / 8) },
  number: BigInt64Array.of(BigInt(index) - 5n),
  yes: index % 2 === 0,
});

/** A source whose sample 4 is what is given. */
const broken = (get) => ({ length: 7, get: (index) => (index === 4 ? get() : { x: index }) });

export const sources = {
  rows: { length: 50, get: row },
  rowsLater: { length: 50n, get: async (index) => (await later(index % 4), row(index)) },
  /** Opened with options, in its own time. */
  async made({ length, step = 1 }) {
    await later(5);
    return { length, get: async (index) => ({ x: { dtype: 'u16', shape: [], data: Uint16Array.of(index * step) } }) };
  },
  /** Opens if a server says so. */
  async blinking({ url, length }) {
    const { ok, status } = await fetch(url);
    if (!ok) throw Error(`[READ] status ${status}`);
    return { length, get: row };
  },
  throws: broken(() => { throw RangeError('four is not there'); }),
  rejects: broken(async () => { throw Error('four will not come'); }),
  wrong: (options) => ({ length: options.length, get: (index) => wrong(index, options) }),
  huge: { length: 2 ** 53, get: row },
  hugeBig: { length: 2n ** 60n, get: row },
  half: { length: 2.5, get: row },
  negative: { length: -1, get: row },
  lengthless: { get: row },
  getless: { length: 3 },
  closed: () => { throw Error('no key'); },
  neverOpens: () => new Promise(() => {}),
  /** As many samples as a number can count. */
  most: { length: Number.MAX_SAFE_INTEGER, get: (index) => ({ index: BigUint64Array.of(BigInt(index)) }) },
};
