// The work that every side of the comparison does: the same function, on the page or in a worker.

export const IMAGE = 224 * 224 * 3;

export const work = {
  /** A sample that keeps a core busy for 2 ms. */
  slow(index) {
    for (const end = performance.now() + 2; performance.now() < end; );
    return Float64Array.of(index);
  },
  /** A sample that costs nothing. */
  tiny: (index) => Float64Array.of(index * 3),
  /** A picture of 602 KB that is filled from its number. */
  images(index) {
    const image = new Float32Array(IMAGE);
    for (let i = 0; i < IMAGE; i++) image[i] = index * 31 + i;
    return image;
  },
};

/** A batch as people write it by hand: the samples of one field, one after another. */
export function batch(kind, start, end) {
  const samples = [];
  for (let index = start; index < end; index++) samples.push(work[kind](index));
  const all = new samples[0].constructor(samples.length * samples[0].length);
  samples.forEach((sample, place) => all.set(sample, place * sample.length));
  return all;
}

/** The first number of the sample at an index, so that a batch out of order is seen. */
export const first = { slow: (index) => index, tiny: (index) => index * 3, images: (index) => Math.fround(index * 31) };
