// @ts-check
// Errors with a stable code, a message, and often advice.

export class WindrowError extends Error {
  /**
   * @param {{ code?: string, message?: string, fix?: string, position?: number | string, worker?: number }} told
   * @param {ErrorOptions} [options]
   */
  constructor({ code, message, fix, position, worker }, options) {
    super(message, options);
    this.name = 'WindrowError';
    this.code = code;
    if (fix !== undefined) this.fix = fix;
    if (position !== undefined) this.position = Number(position);
    if (worker !== undefined) this.worker = worker;
    // A sample's error has a position, and the stream continues after the error.
    this.fatal = position === undefined;
  }
}

/** Returns whether a thrown value is an error with its own code. */
export const isTold = (error) =>
  typeof error?.code === 'string' && (error instanceof WindrowError || !(error instanceof Error));

/** Converts a thrown value to a plain object that can be posted. */
export function plain(error, code) {
  if (isTold(error)) {
    const { message, fix, position, worker } = error;
    return { code: error.code, message, fix, position, worker };
  }
  const text = error?.message ?? String(error);
  const coded = /^\[([A-Z_]{4,})\] /.exec(text);
  if (coded) return { code: coded[1], message: text.slice(coded[0].length) };
  if (/out of memory|allocation failed/i.test(text)) code = 'OUT_OF_MEMORY';
  return { code, message: text };
}

/** Returns the result of a call, or `undefined` if the call throws. */
export function safely(call) {
  try {
    return call();
  } catch {
    return undefined;
  }
}
