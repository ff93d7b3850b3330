// Functions that the tests serve.

const spin = (milliseconds) => {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
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
  nothing: broken(() => undefined),
  shape: broken(() => ({ x: { shape: [3], data: Float64Array.of(1) } })),
  axis: broken(() => ({ x: { shape: [-1], data: Float64Array.of(1) } })),
  kind: broken(() => ({ x: { dtype: 'f32', shape: [2], data: Float64Array.of(1) } })),
  dtype: broken(() => ({ x: { dtype: 'f31', data: Float64Array.of(1) } })),
  word: broken(() => ({ x: 'four' })),
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
