import type { Rows, Tensor } from './index.js';

/** The fields of a sample, each with an array of its own. */
export type Sample = { [field: string]: Tensor };
/** What a function may give for a field. */
export type Given = Rows | number | boolean;

/** Random numbers of one sample: the same wherever and whenever it is made. */
export interface Rng {
  /** 64 random bits. */
  bits(): bigint;
  /** A whole number below a bound. */
  below(bound: number): number;
  /** From 0 up to, but not including, 1. */
  unit(): number;
}

/** The fields of a sample, as functions and sources give them. */
export type GivenSample = { readonly [field: string]: Given };

/** Should be pure: what it gives depends on the sample, the options and the random numbers alone. */
export type SampleFunction = (
  sample: any,
  options: any,
  context: { rng: Rng; index: number },
) => GivenSample | PromiseLike<GivenSample>;

/** Samples by index, from 0 up to, but not including, the length, which is at most 2^53 - 1. */
export interface RandomAccess {
  readonly length: number | bigint;
  get(index: number): GivenSample | PromiseLike<GivenSample>;
}

/** A source, or what opens one with the options of `source.js(name, { options })`, once in each worker. */
export type ServedSource = RandomAccess | ((options: any) => RandomAccess | PromiseLike<RandomAccess>);

/**
 * Makes this worker file one of a loader's workers, with these functions for `ops.js(name)` and these sources for
 * `source.js(name)`.
 */
export declare function serve(
  functions?: { readonly [name: string]: SampleFunction },
  sources?: { readonly [name: string]: ServedSource },
): void;
