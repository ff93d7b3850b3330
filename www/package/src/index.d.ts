/// <reference lib="esnext.disposable" />

/** The element type of a tensor: a name of safetensors in lower case. */
export type Dtype = 'bool' | 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'u64' | 'i64' | 'f16' | 'bf16' | 'f32' | 'f64';

type Float16 = typeof globalThis extends { Float16Array: { prototype: infer T } } ? T : Uint16Array;

/** The typed array of each dtype. `bf16` is an array of bits, and so is `f16` without `Float16Array`. */
export interface TypedArrays {
  bool: Uint8Array;
  u8: Uint8Array;
  i8: Int8Array;
  u16: Uint16Array;
  i16: Int16Array;
  u32: Uint32Array;
  i32: Int32Array;
  u64: BigUint64Array;
  i64: BigInt64Array;
  f16: Float16;
  bf16: Uint16Array;
  f32: Float32Array;
  f64: Float64Array;
}

/** A field of a batch, in row-major order, with the samples along the first axis. */
export type Tensor<D extends Dtype = Dtype> = {
  [K in D]: { readonly dtype: K; readonly shape: readonly number[]; readonly data: TypedArrays[K] };
}[D];

/** The fields of a batch, by name. */
export type Fields = { readonly [name: string]: Tensor };

/** The value of an option that is left out. */
type None = null | undefined;

/** The state of a stream: plain JSON, with the same format in Rust and in the `windrow` command. */
export interface State {
  readonly version: number;
  /** The first position that a resumed loader fills again. */
  readonly position: string;
  readonly batches: string;
  readonly digest?: string;
  readonly fingerprint: string;
  readonly pipeline: string;
  readonly [more: string]: unknown;
}

/** A batch. The fields are views of one buffer, which may be transferred to another thread. */
export interface Batch<F extends object = Fields> {
  /** The batch's number in the stream, from 0. */
  readonly number: number;
  /** The batch's epoch, from 0. */
  readonly epoch: number;
  /** The batch's number in its epoch, from 0. */
  readonly numberInEpoch: number;
  readonly fields: F;
  /** With `keys: true`, the key of each sample: the index in the source, or a path or name if the source has one. */
  readonly keys?: readonly (number | string)[];
  readonly buffer: ArrayBuffer;
  /** The state that resumes right after this batch. Copies of the batch have the same state. */
  readonly state: State;
}

/** A file: bytes in memory, a file picked by a user, or a URL (in Node, a path too). */
export type DataFile = ArrayBuffer | ArrayBufferView | Blob | string | URL | HttpFile | OpfsFile | PathFile;
export interface HttpFile { readonly kind: 'http'; readonly url: string | URL; readonly read?: 'whole' | 'range' }
export interface OpfsFile { readonly kind: 'opfs'; readonly path: string }
export interface PathFile { readonly kind: 'path'; readonly path: string }

/** Nested arrays of numbers or booleans, with one length along each axis. */
export type Nested<T extends number | boolean> = readonly (T | Nested<T>)[];

type Elements = ArrayBufferView | Nested<number> | Nested<boolean>;

/** An array. Plain arrays become `f64` or `bool`. `dtype` and `shape` default to those of the data. */
export type Rows = Elements | { readonly dtype?: Dtype; readonly shape?: readonly number[]; readonly data: Elements };

/** All files below a folder. */
export interface FolderFiles { readonly kind: 'folder'; readonly folder: string | OpfsFile | PathFile }

/** Files and folders, by name. */
export interface Files { readonly [name: string]: DataFile | FolderFiles }

declare const fieldsOf: unique symbol;
declare const changeOf: unique symbol;

/** A source of records in a pipeline document. `F` is the type of the fields, as far as known. */
export interface Source<F extends object = Fields> {
  readonly document: object;
  readonly files?: Files;
  readonly module?: string;
  readonly [fieldsOf]?: F;
}

/** A field of a table: all columns, one by number or name, several, or a range of numbers. */
export interface CsvField {
  readonly name: string;
  readonly columns: 'all' | number | string | readonly (number | string)[] | { readonly start: number; readonly end: number };
  readonly dtype: Dtype;
  /** Default: `[]` for one column, and the number of columns for several. */
  readonly shape?: readonly number[];
}

/** A field from the value at the JSON pointer `at` in each line. Default: the member with the field's name. */
export interface JsonlField {
  readonly name: string;
  readonly dtype: Dtype;
  readonly at?: string;
  readonly shape?: readonly number[];
}

type FieldsOf<C extends { readonly name: string; readonly dtype: Dtype }> = { readonly [K in C as K['name']]: Tensor<K['dtype']> };
/** The default dtype of each typed array, by the array's name. */
interface Dtypes {
  Uint8Array: 'u8'; Uint8ClampedArray: 'u8'; Int8Array: 'i8'; Uint16Array: 'u16'; Int16Array: 'i16'; Uint32Array: 'u32'; Int32Array: 'i32';
  BigUint64Array: 'u64'; BigInt64Array: 'i64'; Float16Array: 'f16'; Float32Array: 'f32'; Float64Array: 'f64';
}
type DtypeOf<R> = R extends { readonly dtype: infer D extends Dtype } ? D : R extends { readonly data: infer E } ? ElementOf<E> : ElementOf<R>;
type ElementOf<E> =
  E extends ArrayBufferView ? (E extends { readonly [Symbol.toStringTag]: infer T extends keyof Dtypes } ? Dtypes[T] : Dtype)
  : E extends Nested<boolean> ? 'bool'
  : E extends Nested<number> ? 'f64'
  : Dtype;

export declare const source: {
  /** The numbers from `start` (default 0) up to, but not including, `end`, as the field `value`. */
  range(end: number | bigint): Source<{ readonly value: Tensor<'u64'> }>;
  range(start: number | bigint, end: number | bigint): Source<{ readonly value: Tensor<'u64'> }>;
  /**
   * A table of numbers.
   *
   * `header` says whether the first row names the columns. By default, the row does, and the source refuses a first row
   * that could be data. `delimiter` is one ASCII character, by default a comma.
   */
  csv<const C extends readonly CsvField[]>(file: DataFile, options: { fields: C; header?: boolean; delimiter?: string }): Source<FieldsOf<C[number]>>;
  /** A file with one JSON object a line. A value is a number, nested arrays of numbers, or a text, which becomes its UTF-8 bytes. */
  jsonl<const C extends readonly JsonlField[]>(file: DataFile, options: { fields: C }): Source<FieldsOf<C[number]>>;
  /**
   * One or several tar archives in WebDataset's form: the files of a key are a sample. Default for `fields`: all of a
   * sample.
   */
  tar<const N extends string = string>(archives: DataFile | readonly DataFile[], options?: { fields?: readonly N[]; identity?: 'blocks' | 'full' }): Source<{ readonly [K in N]: Tensor<'u8'> }>;
  /**
   * PNG and JPEG files, with the bytes as the field `image`.
   *
   * With `label: true`, the field `label` is the number of the picture's folder, in the order of the folders' names.
   * Samples are in the byte order of their paths. A path is relative to the picked folder (`webkitRelativePath`),
   * relative to the part that all URLs share, or as given.
   */
  images<const L extends boolean = false>(files: Iterable<Blob | string | URL | HttpFile> | FolderFiles | { readonly [path: string]: DataFile }, options?: { label?: L; identity?: 'blocks' | 'full' }): Source<{ readonly image: Tensor<'u8'> } & (L extends true ? { readonly label: Tensor<'u32'> } : {})>;
  /**
   * A source of your own, which runs in workers: a name that the worker file serves, or a module's URL and export.
   *
   * `identity` identifies the content: a version, a date, a hash. A state with another identity is refused.
   */
  js(what: string | { module: string | URL; export?: string }, options?: { identity?: string | number; options?: object }): Source;
  /** NumPy files, one a field: a sample is a row along the first axis. */
  npy<N extends string>(fields: { readonly [field in N]: DataFile }, options?: { identity?: 'blocks' | 'full' }): Source<{ readonly [K in N]: Tensor }>;
  /** Files of the format of MNIST, plain or gzip, one a field: a sample is a row along the first axis. */
  idx<N extends string>(fields: { readonly [field in N]: DataFile }, options?: { identity?: 'blocks' | 'full' }): Source<{ readonly [K in N]: Tensor }>;
  /** Arrays in memory, with the samples along the first axis. */
  arrays<T extends { readonly [field: string]: Rows }>(fields: T): Source<{ readonly [K in keyof T]: Tensor<DtypeOf<T[K]>> }>;
  /** The samples of several sources, part after part. */
  concat(parts: readonly (Source<any> | Part)[]): Source;
  /** The samples of several sources in proportion to their weights, 1 unless given. */
  mix(parts: readonly ((Source<any> | Part) & { readonly weight?: Whole })[]): Source;
  /** A file at a URL, fetched whole (the default) or read by ranges. */
  http(url: string | URL, options?: { read?: 'whole' | 'range' }): HttpFile;
  /** A file of the origin private file system. */
  opfs(path: string): OpfsFile;
  /** A file of this machine, in Node. */
  path(path: string): PathFile;
  /** All files below a folder: a path in Node, or a folder of the origin private file system in a browser. */
  folder(folder: string | OpfsFile | PathFile): FolderFiles;
};

/** A part of `source.concat` or `source.mix`: a source with ops of its own. */
export interface Part { source: Source<any>; pipeline?: readonly Op[] }

/** An op of the pipeline document. `C` is the op's effect on the fields, if known. */
export interface Op<C = unknown> { readonly op: string; readonly [option: string]: unknown; readonly [changeOf]?: C }
/**
 * A step that runs in order, after the workers. `limit` ends an epoch after `count` batches, and `skip` drops the first `count`.
 * `field` is an integer scalar with the length, or a field whose first axis is the length.
 */
export type Stage =
  | { readonly stage: 'batch'; readonly size: Whole; readonly drop_remainder?: boolean; readonly pad?: number }
  | { readonly stage: 'bucket_by_length'; readonly field: string; readonly boundaries: readonly Whole[]; readonly size: Whole; readonly drop_remainder?: boolean; readonly pad?: number }
  | { readonly stage: 'batch_by_budget'; readonly field: string; readonly budget: Whole; readonly pad?: number }
  | { readonly stage: 'pack'; readonly lengths: { readonly [field: string]: Whole }; readonly open: Whole; readonly fit?: 'first' | 'best'; readonly pad?: number }
  | { readonly stage: 'concat_then_split'; readonly lengths: { readonly [field: string]: Whole }; readonly drop_remainder?: boolean; readonly pad?: number }
  | { readonly stage: 'unbatch' }
  | { readonly stage: 'limit'; readonly count: Whole }
  | { readonly stage: 'skip'; readonly count: Whole };

/** A whole number from 0. Use a `bigint` beyond 2^53. */
type Whole = number | bigint;
type Same = 'same';
type Sets<N extends string, D extends Dtype> = string extends N ? unknown : { set: { readonly [K in N]: Tensor<D> } };
type Flat<T> = { [K in keyof T]: T[K] };
type Changed<F, O> = O extends Op<infer C> ? (unknown extends C ? Fields : C extends Same ? F : C extends { set: infer S } ? Flat<Omit<F, keyof S> & S> : C extends { only: infer K } ? Pick<F, K & keyof F> : Fields) : Fields;
/** The fields after all ops. The fields are unknown for an array that is not a tuple. */
type Through<F, P> = P extends readonly [infer O, ...infer More] ? Through<Changed<F, O>, More> : P extends readonly [] ? F : Fields;

export declare const ops: {
  /** Shuffles the samples, in another order in each epoch. Default for `seed`: the loader's. */
  shuffle(options?: { seed?: Whole }): Op<Same>;
  /** Shuffles the samples once, in the same order in each epoch. */
  shuffleOnce(options?: { seed?: Whole }): Op<Same>;
  /** Shuffles the samples as Grain's `index_shuffle` does. `seed` is below 2^32. */
  shuffleLikeGrain(options: { seed: number }): Op<Same>;
  /** Shuffles the samples within each window of neighbours, in another order in each epoch. */
  windowShuffle(options: { window: Whole; seed?: Whole }): Op<Same>;
  /**
   * Takes one of several parts, by fractions that add up to 1. Parts are the same in each epoch and share no sample.
   */
  split(options: Split): Op<Same>;
  /** Takes every `step`th sample from `start` up to, but not including, `end`. */
  slice(options?: { start?: Whole; end?: Whole; step?: Whole }): Op<Same>;
  /** Takes the samples at these indices, in this order. */
  subset(options: { indices: readonly Whole[] }): Op<Same>;
  /** Reverses the order of each epoch. */
  reverse(): Op<Same>;
  /** Takes `count` samples of each epoch. After a shuffle, each epoch has other samples. */
  sample(options: { count: Whole }): Op<Same>;
  /**
   * Draws `count` samples for each epoch, each as likely as its weight says. Without `replacement`, no sample comes
   * twice in an epoch. Default for `replacement`: true.
   */
  weightedSample(options: { weights: readonly number[]; count: Whole; replacement?: boolean; seed?: Whole }): Op<Same>;
  /** Takes `count` samples for each epoch, of each class equally often. `labels` has the class of each sample. */
  classBalanced(options: { labels: readonly Whole[]; count: Whole; seed?: Whole }): Op<Same>;
  /** Makes one longer epoch of several epochs. With `sameEachEpoch`, each one repeats the first. */
  repeat(options: { epochs: Whole; sameEachEpoch?: boolean }): Op<Same>;
  /**
   * Takes the share of one of several trainers. `index` counts from 0. `strided` takes every `count`th sample instead of
   * neighbours. `dropRemainder` and `padRemainder` make all shares equally long, and exclude each other.
   */
  shard(options: { index: Whole; count: Whole; strided?: boolean; dropRemainder?: boolean; padRemainder?: boolean }): Op<Same>;
  /**
   * Keeps samples in memory once they were made, up to `bytes`. Each worker without shared memory has a separate cache.
   * Comes before `shuffle`, `js` and all else that differs from epoch to epoch. The option `shuffle` comes after it.
   */
  cache(options: { bytes: Whole }): Op<Same>;
  /** Makes batches in workers. `pad` fills up shapes that differ. */
  batch(options: { size: Whole; dropRemainder?: boolean; pad?: number }): Op<Same>;
  /** Keeps these fields and drops the others. */
  select<const N extends string>(options: { fields: readonly N[] }): Op<string extends N ? unknown : { only: N }>;
  /**
   * Converts the elements. Floats lose their fraction as integers. A number that does not fit is an error of the
   * sample.
   */
  cast<const N extends string, D extends Dtype>(options: { field: N; dtype: D }): Op<Sets<N, D>>;
  /** Changes the shape to up to 8 lengths. One length may be -1, for the rest. */
  reshape(options: { field: string; shape: readonly number[] }): Op<Same>;
  /** Computes `x * factor + offset`. Default for `dtype`: `f32`. */
  scale<const N extends string, D extends 'f16' | 'bf16' | 'f32' | 'f64' = 'f32'>(options: { field: N; factor: number; offset?: number; dtype?: D }): Op<Sets<N, D>>;
  /** Sets the element at the field's value to 1, and all others to 0. Default for `dtype`: `f32`. */
  oneHot<const N extends string, D extends Dtype = 'f32'>(options: { field: N; classes: number; dtype?: D }): Op<Sets<N, D>>;
  /** Keeps a sample if the comparison of the field (on the left) with `value` is true. */
  filter(options: { field: string; is: '==' | '!=' | '<' | '<=' | '>' | '>='; value: number }): Op<Same>;
  /**
   * Decodes a PNG or JPEG file to pixels of shape `[height, width, channels]`. Default for `channels`: those of the
   * file.
   */
  decodeImage<const N extends string>(options: { field: N; channels?: 1 | 3 | 4 }): Op<Sets<N, 'u8'>>;
  /** Decodes a number from its text. */
  decodeNumber<const N extends string, D extends Exclude<Dtype, 'bool' | 'f16' | 'bf16'>>(options: { field: N; dtype: D }): Op<Sets<N, D>>;
  /** Resizes a picture to a size in pixels. Default for `filter`: `bilinear`. */
  resize(options: { field: string; height: number; width: number; filter?: 'bilinear' | 'lanczos3' }): Op<Same>;
  /** Computes `(x * factor - mean) / std` for each channel (the last axis), as `f32`. Default for `factor`: 1. */
  normalize<const N extends string>(options: { field: N; mean: readonly number[]; std: readonly number[]; factor?: number }): Op<Sets<N, 'f32'>>;
  /**
   * Cuts a rectangle at a random place out of a picture, after adding `padding` pixels of the value `fill` on each side.
   * Defaults: 0 for both. Default for `seed`, here and in the ops below: the loader's.
   */
  randomCrop(options: { field: string; height: number; width: number; padding?: number; fill?: number; seed?: Whole }): Op<Same>;
  /** Mirrors a picture with a probability. Defaults: `horizontal`, 0.5. */
  randomFlip(options: { field: string; direction?: 'horizontal' | 'vertical'; probability?: number; seed?: Whole }): Op<Same>;
  /** Rotates a picture by 0 to 3 quarter turns against the clock. */
  randomRotate90(options: { field: string; seed?: Whole }): Op<Same>;
  /** Multiplies a field of `u8` or floats by one factor from `lower` to `upper`. */
  randomBrightness(options: { field: string; lower: number; upper: number; seed?: Whole }): Op<Same>;
  /** Computes `(x - mean) * factor + mean` with the mean of each channel, and one factor from `lower` to `upper`. */
  randomContrast(options: { field: string; lower: number; upper: number; seed?: Whole }): Op<Same>;
  /**
   * Sets a rectangle of a picture to `value`, with a probability. `scale` bounds the rectangle's share of the picture,
   * `ratio` its height divided by its width. Defaults: 0.5, `[0.02, 0.33]`, `[0.3, 3.3]`, 0.
   */
  randomErase(options: { field: string; probability?: number; scale?: readonly [number, number]; ratio?: readonly [number, number]; value?: number; seed?: Whole }): Op<Same>;
  /** Adds to each number of `u8` or floats its own uniform random number from `lower` to `upper`. */
  noise(options: { field: string; lower: number; upper: number; seed?: Whole }): Op<Same>;
  /** Adds to each number of `u8` or floats its own normal random number. Defaults: `mean` 0, `sigma` 0.1. */
  gaussianNoise(options: { field: string; mean?: number; sigma?: number; seed?: Whole }): Op<Same>;
  /** Calls a function in workers: a name that the worker file serves, or a module's URL and export. */
  js(what: string | { module: string | URL; export?: string }, options?: object): Op;
  /** Adds any other op, by its name in the pipeline document. */
  op(name: string, options?: object): Op;
};

/** One part of several. `parts` are fractions that add up to 1, and `part` is the number of a part, from 0. */
export interface Split { readonly seed?: Whole; readonly parts: readonly number[]; readonly part: Whole }

/** The pipeline: source, `split`, `shuffle`, `pipeline`, `stages` and `batchSize`, applied in this order. */
export interface Pipeline<S extends Source<any> = Source<any>, P extends readonly Op[] = readonly Op[]> {
  source: S;
  /** Takes one part of the samples, the same in each epoch. */
  split?: Split | None;
  /**
   * Shuffles with another order in each epoch: `true` for the loader's `seed`, or a seed, which may be 0.
   *
   * The shuffle comes after the ops at the start of `pipeline` that choose samples: `slice`, `split`, `subset`,
   * `shuffleOnce`, `weightedSample` and `classBalanced`. The shuffle also comes after `cache` and all ops before it.
   */
  shuffle?: boolean | Whole | None;
  /** The ops that workers apply to each record, first to last. */
  pipeline?: P | None;
  /** The stages that run in order after the ops, before `batchSize`. */
  stages?: readonly Stage[] | None;
  /** The seed of all random ops without their own seed. Default 0. */
  seed?: Whole | None;
  /** The number of epochs, 1 or more, or `Infinity`. A state may resume with more epochs. Default 1. */
  epochs?: Whole | None;
  /** Whether batches carry the keys of their samples. Default false. */
  keys?: boolean | None;
  batchSize?: Whole | None;
  /** Whether a smaller last batch is dropped. Default false. */
  dropRemainder?: boolean | None;
  spec?: None;
  files?: Files | None;
}

/** A whole pipeline document, as the `windrow` command reads one, with its files by name. */
export interface PipelineDocument {
  spec: object | string;
  files?: Files | None;
  source?: None;
}

export type Backend = 'auto' | 'inline' | 'workers' | 'threads';

/** The settings of a run, which change no batch. `null` and `undefined` mean the default. */
export interface Settings {
  /** The backend that makes the samples. Default `auto`: threads if they start, otherwise workers. */
  backend?: Backend | None;
  /** The number of workers, 0 to 64. Default: one for each core, at most 8. */
  workers?: number | None;
  /** Starts a new worker of your own at each call. The worker's file calls `serve` of `windrow/worker` at once. */
  worker?: (() => unknown) | None;
  /**
   * Starts a new coordinator of your own at each call. Its file contains `import 'windrow/coordinator'`. Not for
   * threads.
   */
  coordinator?: (() => unknown) | None;
  /** Whether to keep a running digest of all batches. */
  digest?: boolean | None;
  /** The state to resume from. */
  resume?: State | string | None;
  /**
   * The action when a sample fails: `throw` an error in the sample's place, or `skip`. Default `throw`, also called
   * `raise`.
   */
  onError?: 'throw' | 'raise' | 'skip' | None;
  /** The number of retries for a sample that failed. Default 0. */
  retries?: number | None;
  /** The largest number of samples ahead of the caller. */
  prefetch?: Whole | None;
  /** The largest number of bytes of samples ahead of the caller. */
  prefetchBytes?: Whole | None;
  /**
   * The milliseconds that a sample may take in a worker. A longer sample costs the worker. Only workers can be stopped.
   */
  sampleTimeout?: number | None;
  /**
   * The milliseconds that a worker, or all threads, may take to start, without fetching files and wasm. Default 30,000.
   */
  startupTimeout?: number | None;
  signal?: AbortSignal | None;
  /**
   * Receives what workers do with backend `workers`, and `recovered` with every backend. An error that the function
   * throws is logged once and changes nothing.
   */
  onEvent?: ((event: WorkerEvent) => void) | None;
}

export type LoaderOptions = (Pipeline | PipelineDocument) & Settings;

/** An event of a worker. Times are in milliseconds since 1970. */
export type WorkerEvent =
  | { kind: 'ready'; worker: number; at: number }
  | { kind: 'lost'; worker: number; at: number; why: string }
  /** The coordinator was lost, and another continues after the last batch. */
  | { kind: 'recovered'; worker?: undefined; at: number; why: string }
  | { kind: 'task'; worker: number; at: number; start: number; count: number; started: number; ended: number };

export interface Mode {
  readonly backend: 'inline' | 'workers' | 'threads';
  readonly workers: number;
  /** Whether the page is cross-origin isolated. */
  readonly isolated: boolean;
  /** The reason for this backend. */
  readonly reason: string;
}

/** The times of a loader's caller since the loader opened, in milliseconds. */
export interface Stats {
  /** The number of items received, which are batches and errors. */
  readonly items: number;
  /** The time in which at least one call waited for an item. */
  readonly waited: number;
  /** The time from each item to the next call, in which the caller was busy. */
  readonly busy: number;
}

export interface Progress {
  /** The epoch of the last item received, from 0. At the end, the number of epochs. */
  readonly epoch: number;
  /** The number of epochs, or `Infinity`. */
  readonly epochs: number;
  readonly position: number;
  /** The number of positions of all epochs, or `Infinity`. */
  readonly positions: number;
  readonly batches: number;
  readonly skipped: number;
  readonly digest?: string;
}

/** The batches of one epoch, for one iteration. */
export interface Epoch<F extends object = Fields> extends AsyncIterable<Batch<F>> {
  /** The epoch's number, from 0. */
  readonly number: number;
}

/** A loader of batches in order. `break`, an aborted signal, `close()` and `await using` end the loader. */
export interface Loader<F extends object = Fields> extends AsyncIterable<Batch<F>>, AsyncDisposable {
  readonly mode: Mode;
  /**
   * The state after the last batch received, or at the start of the epoch after one that was left early.
   *
   * Before the first batch, the resumed state, or `undefined`.
   */
  readonly state: State | undefined;
  readonly digest: string | undefined;
  readonly progress: Progress;
  /** The number of batches in an epoch if no sample fails, or `undefined` if unknown in advance. */
  readonly batchesPerEpoch: number | undefined;
  /**
   * Returns the steps of the pipeline, one a line, with the number of samples in an epoch and the fields after each
   * step. With `mermaid: true`, returns a flowchart in the language of Mermaid.
   */
  describe(options?: { mermaid?: boolean }): string;
  /**
   * Returns the time that the caller waited for batches, and the time that the caller was busy.
   *
   * A caller that waits for most of the time needs more workers or cheaper samples. A caller that hardly waits is the
   * bottleneck.
   */
  stats(): Stats;
  /**
   * Returns the next batch.
   *
   * Rejects with a sample's error in its place; the stream continues after the error. Rejects once with an error that
   * ends the stream (`error.fatal`). After such an error, the stream is done.
   */
  next(): Promise<IteratorResult<Batch<F>, undefined>>;
  /**
   * Returns the epochs one after another, each with its batches. A second call continues with the next epoch.
   *
   * Workers continue between epochs. An epoch that is left early ends when the next one is asked for. Its other batches
   * do not count, and few of them are made. A resumed loader begins with the rest of the state's epoch. Leaving the
   * outer loop closes the loader.
   */
  epochs(): AsyncIterable<Epoch<F>>;
  /** Stops all workers. In Node, the promise resolves when their threads have ended. */
  close(): Promise<void>;
}

/** Opens a pipeline. The batches have the fields of the source and the ops, as far as known. */
export declare function loader<S extends Source<any>, const P extends readonly Op[] = readonly []>(
  options: Pipeline<S, P> & Settings,
): Promise<Loader<S extends Source<infer F> ? Through<F, P> : Fields>>;
/** Opens a pipeline with batches of the given fields. */
export declare function loader<F extends object = Fields>(options: LoaderOptions): Promise<Loader<F>>;

export type ErrorCode =
  | 'WORKER_LOAD' | 'WASM_LOAD' | 'NOT_CLONEABLE' | 'NOT_SERVED' | 'STATE_MISMATCH' | 'SOURCE_CHANGED' | 'NO_RANGE'
  | 'FORMAT' | 'READ' | 'SAMPLE' | 'SETTING' | 'SPEC' | 'UNSUPPORTED' | 'TIMEOUT' | 'OUT_OF_MEMORY' | 'WORKER' | 'FAILED' | 'CLOSED';

/** An error with a code, a message, and often advice. */
export declare class WindrowError extends Error {
  readonly code: ErrorCode;
  readonly fix?: string;
  /** Whether the error ended the stream. A sample's error does not. */
  readonly fatal: boolean;
  /** The position in the stream, for a sample's error. */
  readonly position?: number;
  readonly worker?: number;
}
