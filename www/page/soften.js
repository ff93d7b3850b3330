// The work of the race: a picture made soft by running means, over and over. Plain JavaScript, the
// same function in the page's thread and in workers.

/** A picture as `{ picture }`, after so many rounds. */
export function soften({ picture }, { rounds }) {
  const [height, width, channels] = picture.shape;
  let from = picture.data.slice();
  let to = new Uint8Array(from.length);
  for (let round = 0; round < rounds; round++) {
    // Across, then down.
    mean(from, to, height, width * channels, width, channels);
    mean(to, from, width, channels, height, width * channels);
  }
  return { picture: { dtype: 'u8', shape: picture.shape, data: from } };
}

/** Each value becomes the mean of its neighbours on its line; lines wrap around at their ends. */
function mean(from, to, lines, stride, length, step) {
  const channels = 4;
  for (let line = 0; line < lines; line++) {
    for (let at = 0; at < length; at++) {
      const before = line * stride + ((at + length - 1) % length) * step;
      const here = line * stride + at * step;
      const after = line * stride + ((at + 1) % length) * step;
      for (let channel = 0; channel < channels; channel++) {
        to[here + channel] = (from[before + channel] + 2 * from[here + channel] + from[after + channel] + 2) >> 2;
      }
    }
  }
}
