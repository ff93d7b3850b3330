// A module whose exports are functions by URL.

export const double = ({ value }) => ({ value: BigUint64Array.of(2n * value.data[0]) });

/** A source by URL. */
export const tens = { length: 4, get: (index) => ({ value: BigUint64Array.of(10n * BigInt(index)) }) };
