// @ts-check
// The error for a trap. A trap may leave the memory inconsistent, so the program ends.

import { plain, safely } from './errors.js';

/**
 * Returns whether an error ends a program: a trap, a panic outside of samples, or a JavaScript exception in between.
 */
const isEnd = (error) =>
  error instanceof WebAssembly.RuntimeError || error instanceof RangeError || error?.name === 'PanicError' || String(error) === '[object WebAssembly.Exception]';

/** Returns the end of a program as an error that can be posted, or `undefined` for any other error. */
export function trapped(error, glue) {
  if (!isEnd(error)) return undefined;
  const { message } = plain(error);
  return {
    code: /memory/i.test(message) ? 'OUT_OF_MEMORY' : 'SAMPLE',
    message: safely(() => glue.lastPanic()) ?? `the program trapped: ${message}`,
    fix: 'use backend workers, where the sample costs one worker instead of the loader, and resume from the last state',
  };
}
