// @ts-check
// Bytes of files that were read last, so that a file is not asked for each sample: no more than a bound.

/** Bytes that a reader keeps. */
const KEPT = 64 << 20;
/** Bytes that are read, kept and forgotten together. */
const PIECE = 256 << 10;
/** Bytes of one read from which on none of them are kept. */
const LARGE = KEPT / 4;

/** What reads a file of a name and size by an offset and a length; `read(name, start, end)` gives what is not kept. */
export function keeper(read) {
  /** Pieces by number and name, the one used last at the end. */
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
        // A copy, or all of them would stay for as long as one does.
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
