// Functions that the tests serve.

const spin = (milliseconds) => {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
};

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
  promising: async ({ value }) => ({ value }),
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
