// A module whose exports are functions by URL.

export const double = ({ value }) => ({ value: BigUint64Array.of(2n * value.data[0]) });
