import type { Tensor } from './index.js';

/** The fields of a sample, each with an array of its own. */
export type Sample = { [field: string]: Tensor };
/** What a function may give for a field. */
export type Given = Tensor | ArrayBufferView | number | boolean | readonly number[];

/** Random numbers of one sample: the same wherever and whenever it is made. */
export interface Rng {
  /** 64 random bits. */
  bits(): bigint;
  /** A whole number below a bound. */
  below(bound: number): number;
  /** From 0 up to, but not including, 1. */
  unit(): number;
}

export type SampleFunction = (
  sample: any,
  options: any,
  context: { rng: Rng; index: number },
) => { readonly [field: string]: Given };

/** Makes this worker file one of a loader's workers, with these functions for `ops.js(name)`. */
export declare function serve(functions: { readonly [name: string]: SampleFunction }): void;
