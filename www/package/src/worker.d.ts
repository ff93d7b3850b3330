import type { Rows, Tensor } from './index.js';

/** The fields of a sample, each with its own array. */
export type Sample = { [field: string]: Tensor };
/** The values that a function may return for a field. */
export type Given = Rows | number | boolean;

/** The random numbers of one sample. A sample has the same numbers on every worker and in every run. */
export interface Rng {
  /** Returns 64 random bits. */
  bits(): bigint;
  /** Returns an integer from 0 up to, but not including, `bound`. */
  below(bound: number): number;
  /** Returns a number from 0 up to, but not including, 1. */
  unit(): number;
}

/** The fields of a sample, as functions and sources return them. */
export type GivenSample = { readonly [field: string]: Given };

/** A function of a sample. The result should depend only on the sample, the options and the random numbers. */
export type SampleFunction = (
  sample: any,
  options: any,
  context: { rng: Rng; index: number },
) => GivenSample | PromiseLike<GivenSample>;

/**
 * A source that returns samples by index, from 0 up to, but not including, the length. The length is at most 2^53 - 1.
 */
export interface RandomAccess {
  readonly length: number | bigint;
  get(index: number): GivenSample | PromiseLike<GivenSample>;
}

/** A source, or a function that opens one in each worker with the options of `source.js(name, { options })`. */
export type ServedSource = RandomAccess | ((options: any) => RandomAccess | PromiseLike<RandomAccess>);

/**
 * Turns this worker file into a worker of a loader.
 *
 * The worker serves `functions` for `ops.js(name)` and `sources` for `source.js(name)`.
 */
export declare function serve(
  functions?: { readonly [name: string]: SampleFunction },
  sources?: { readonly [name: string]: ServedSource },
): void;
