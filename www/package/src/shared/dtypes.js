// @ts-check
// The typed array for the elements of each dtype.

export const ARRAYS = {
  bool: Uint8Array, u8: Uint8Array, i8: Int8Array, u16: Uint16Array, i16: Int16Array, u32: Uint32Array,
  i32: Int32Array, u64: BigUint64Array, i64: BigInt64Array, f16: globalThis.Float16Array ?? Uint16Array,
  bf16: Uint16Array, f32: Float32Array, f64: Float64Array,
};
