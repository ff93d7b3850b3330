// @ts-check
// A batch: fields as typed arrays over one buffer, and the state that resumes after it; and what goes through them.

export const ARRAYS = {
  bool: Uint8Array, u8: Uint8Array, i8: Int8Array, u16: Uint16Array, i16: Int16Array, u32: Uint32Array,
  i32: Int32Array, u64: BigUint64Array, i64: BigInt64Array, f16: globalThis.Float16Array ?? Uint16Array,
  bf16: Uint16Array, f32: Float32Array, f64: Float64Array,
};

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

  /** A property of each batch itself, or copies would lack it; one function for all, and nothing parsed that nobody reads. */
  static #own = {
    enumerable: true,
    get() {
      return JSON.parse(this.#state);
    },
  };
}

/** What goes through a loader and ends it, however one stops; `refused` is an error in place of everything. */
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
