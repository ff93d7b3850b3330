// @ts-check
// A bounded cache of the bytes read last, so that samples in the same piece of a file need one read.

/** The largest number of bytes that a reader keeps. */
const KEPT = 64 << 20;
/** The number of bytes that are read, kept and dropped together. */
const PIECE = 256 << 10;
/** The size of a read, in bytes, from which the cache keeps none of the bytes. */
const LARGE = KEPT / 4;

/**
 * Returns a function that reads a file by name, size, offset and length. `read(name, start, end)` reads missing bytes.
 */
export function keeper(read) {
  /** The pieces by number and name, with the last used piece at the end. */
  const pieces = new Map();
  let bytes = 0;

  function kept(key) {
    const piece = pieces.get(key);
    if (piece) pieces.delete(key), pieces.set(key, piece);
    return piece;
  }

  function keep(key, piece) {
    pieces.set(key, piece);
    bytes += piece.length;
    for (const [oldest, { length }] of pieces) {
      if (bytes <= KEPT) break;
      pieces.delete(oldest);
      bytes -= length;
    }
  }

  return (name, size, offset, length) => {
    if (length >= LARGE) return read(name, offset, offset + length);
    const [first, last] = [offset, offset + length - 1].map((at) => Math.floor(at / PIECE));
    const all = [];
    for (let number = first; number <= last; number++) all.push(kept(`${number} ${name}`));
    for (let from = 0; from < all.length; from++) {
      if (all[from]) continue;
      let to = from + 1;
      while (to < all.length && !all[to]) to++;
      const start = (first + from) * PIECE;
      const some = read(name, start, Math.min(size, (first + to) * PIECE));
      for (; from < to; from++) {
        const at = (first + from) * PIECE - start;
        // A copy, because a view would keep the bytes of all pieces alive.
        all[from] = some.length <= PIECE ? some : some.slice(at, at + PIECE);
        keep(`${first + from} ${name}`, all[from]);
      }
    }
    const skipped = offset - first * PIECE;
    if (all.length === 1) return all[0].subarray(skipped, skipped + length);
    const whole = new Uint8Array(length);
    all.forEach((piece, index) => {
      const at = index * PIECE - skipped;
      whole.set(at < 0 ? piece.subarray(-at) : piece.subarray(0, length - at), Math.max(at, 0));
    });
    return whole;
  };
}
