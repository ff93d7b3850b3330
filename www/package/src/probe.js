// Whether this page may have threads, found out by doing what threads need.

/** A shared memory, an atomic load and a `try`. */
const THREADED = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 5, 4, 1, 3, 1, 1,
  10, 15, 1, 13, 0, 6, 64, 25, 11, 65, 0, 254, 16, 2, 0, 26, 11,
);

/** Why threads must be asked for here although there are some: in WebKit a sample once came out without its fields. */
export function doubtful() {
  const { userAgent = '' } = globalThis.navigator ?? {};
  return /AppleWebKit/.test(userAgent) && !/Chrom/.test(userAgent) ? 'threads of WebKit are not trusted yet; ask for them with backend threads' : undefined;
}

/** True, or why there are no threads. */
export function shareable() {
  if (globalThis.crossOriginIsolated === false) return 'the page is not cross-origin isolated (headers COOP and COEP), so it has no threads';
  if (typeof SharedArrayBuffer !== 'function') return 'there is no SharedArrayBuffer here';
  try {
    const { port1 } = new MessageChannel();
    port1.postMessage(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }));
    port1.close();
    return WebAssembly.validate(THREADED) || 'WebAssembly has no threads with exceptions here';
  } catch (error) {
    return `memory cannot be shared with workers: ${error.message}`;
  }
}
