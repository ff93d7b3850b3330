// @ts-check
// What is told of a trap: after one the memory is not to be trusted, so it is the end of a program.

import { plain, safely } from './errors.js';

/** What ends a program: a trap, a panic outside of samples, an exception of JavaScript in between. */
const isEnd = (error) =>
  error instanceof WebAssembly.RuntimeError || error instanceof RangeError || error?.name === 'PanicError' || String(error) === '[object WebAssembly.Exception]';

/** The end of a program as an error that can be posted; nothing for any other error. */
export function trapped(error, glue) {
  if (!isEnd(error)) return undefined;
  const { message } = plain(error);
  return {
    code: /memory/i.test(message) ? 'OUT_OF_MEMORY' : 'SAMPLE',
    message: safely(() => glue.lastPanic()) ?? `the program trapped: ${message}`,
    fix: 'with backend workers such a sample costs a worker instead of the loader; resume with the last state',
  };
}
