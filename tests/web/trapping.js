// Traps where there are none by nature: wasm whose only instruction is `unreachable`.

const UNREACHABLE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 116, 0, 0, 10, 5, 1, 3, 0, 0, 11);

/** Traps, as a panic does in a program that aborts. */
export function trap() {
  new WebAssembly.Instance(new WebAssembly.Module(UNREACHABLE)).exports.t();
}

/** Has a method of a class of the glue do something first: it is told the number of the call, and its arguments. */
export function before(Class, method, act) {
  let count = 0;
  const own = Class.prototype[method];
  Class.prototype[method] = function (...all) {
    act((count += 1), ...all);
    return own.apply(this, all);
  };
}

/** Traps at requests with a position in them. */
export const trapAt = (position) => (_, request) => {
  const [, start, count] = new BigUint64Array(request.slice().buffer);
  if (start <= position && position < start + count) trap();
};
