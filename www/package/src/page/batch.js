// @ts-check
// A batch: fields as typed arrays over one buffer, and the state that resumes right after the batch.

import { ARRAYS } from '../shared/dtypes.js';

export class Batch {
  #state;
  constructor({ buffer, fields, keys, state, number, numberInEpoch, progress }) {
    this.number = number;
    this.epoch = progress.epoch;
    this.numberInEpoch = numberInEpoch;
    if (keys !== undefined) this.keys = JSON.parse(keys);
    this.buffer = buffer;
    this.fields = {};
    for (const { name, dtype, shape, offset, length } of fields) {
      const Typed = ARRAYS[dtype];
      const data = new Typed(buffer, offset, length / Typed.BYTES_PER_ELEMENT);
      Object.defineProperty(this.fields, name, { value: { dtype, shape, data }, enumerable: true });
    }
    this.#state = state;
    Object.defineProperty(this, 'state', Batch.#own);
  }

  /**
   * A property of each batch object, so that copies keep the state. One getter serves all batches, and parses only on
   * use.
   */
  static #own = {
    enumerable: true,
    get() {
      return JSON.parse(this.#state);
    },
  };
}

/**
 * Returns an iterator that closes the loader at the end, however a caller stops. `refused` is an error to throw first.
 */
export const through = (loader, refused) => ({
  async next() {
    let item;
    try {
      if (refused) throw refused;
      return (item = await loader.next());
    } finally {
      refused = undefined;
      if (!item?.value) await loader.close();
    }
  },
  return: async (value) => (await loader.close(), { done: true, value }),
  [Symbol.asyncIterator]() {
    return this;
  },
});
