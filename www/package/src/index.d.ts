/// <reference lib="esnext.disposable" />

/** What the elements of a tensor are, by the names of safetensors in lower case. */
export type Dtype = 'bool' | 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'u64' | 'i64' | 'f16' | 'bf16' | 'f32' | 'f64';

type Float16 = typeof globalThis extends { Float16Array: { prototype: infer T } } ? T : Uint16Array;

/** The typed array that holds each dtype; `bf16`, and `f16` where there is no Float16Array, as their bits. */
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

/** A field of a batch: row-major, the samples along the first axis. */
export type Tensor<D extends Dtype = Dtype> = {
  [K in D]: { readonly dtype: K; readonly shape: readonly number[]; readonly data: TypedArrays[K] };
}[D];

/** The fields of a batch by name. */
export type Fields = { readonly [name: string]: Tensor };

/** Left out, in any way. */
type None = null | undefined;

/** Where a stream stands: plain JSON, the same in Rust and in the `windrow` command. */
export interface State {
  readonly version: number;
  /** Positions before this one were made or left out. */
  readonly position: string;
  readonly batches: string;
  readonly digest?: string;
  readonly fingerprint: string;
  readonly pipeline: string;
  readonly [more: string]: unknown;
}

/** A batch: its fields are views of one buffer, which may be transferred on. */
export interface Batch<F extends object = Fields> {
  /** Its number in the stream, from 0. */
  readonly number: number;
  /** The epoch that it is of, from 0. */
  readonly epoch: number;
  /** Its number in its epoch, from 0. */
  readonly numberInEpoch: number;
  readonly fields: F;
  /** With `keys: true`, which samples they are: the index of each in its source, or its path or name where the source has one. */
  readonly keys?: readonly (number | string)[];
  readonly buffer: ArrayBuffer;
  /** Resumes right after this batch. Copies of the batch have it too. */
  readonly state: State;
}

/** Bytes: in memory, picked by a user, or at a URL (in Node, a path too). */
export type DataFile = ArrayBuffer | ArrayBufferView | Blob | string | URL | HttpFile | OpfsFile | PathFile;
export interface HttpFile { readonly kind: 'http'; readonly url: string | URL; readonly read?: 'whole' | 'range' }
export interface OpfsFile { readonly kind: 'opfs'; readonly path: string }
export interface PathFile { readonly kind: 'path'; readonly path: string }

/** Numbers or booleans in arrays of one length along each axis. */
export type Nested<T extends number | boolean> = readonly (T | Nested<T>)[];

type Elements = ArrayBufferView | Nested<number> | Nested<boolean>;

/** An array; plain ones become `f64` or `bool`. `dtype` and `shape` are those of the data unless said otherwise. */
export type Rows = Elements | { readonly dtype?: Dtype; readonly shape?: readonly number[]; readonly data: Elements };

/** All files below a folder. */
export interface FolderFiles { readonly kind: 'folder'; readonly folder: string | OpfsFile | PathFile }

/** Files by name, and folders of them. */
export interface Files { readonly [name: string]: DataFile | FolderFiles }

declare const fieldsOf: unique symbol;
declare const changeOf: unique symbol;

/** Where records come from, as part of a pipeline document; `F` is what fields they have, as far as that is known. */
export interface Source<F extends object = Fields> {
  readonly document: object;
  readonly files?: Files;
  readonly module?: string;
  readonly [fieldsOf]?: F;
}

/** A field of some columns: all, one by its number or name, several, or a range of numbers. */
export interface CsvField {
  readonly name: string;
  readonly columns: 'all' | number | string | readonly (number | string)[] | { readonly start: number; readonly end: number };
  readonly dtype: Dtype;
  /** By default `[]` for one column, and the number of columns for several. */
  readonly shape?: readonly number[];
}

/** A field of the value at a JSON pointer in each line; by default, of the member that is called as the field is. */
export interface JsonlField {
  readonly name: string;
  readonly dtype: Dtype;
  readonly at?: string;
  readonly shape?: readonly number[];
}

type FieldsOf<C extends { readonly name: string; readonly dtype: Dtype }> = { readonly [K in C as K['name']]: Tensor<K['dtype']> };
/** The dtype of each typed array where none is said, by its name. */
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
  /** Numbers as the field `value`. */
  range(end: number | bigint): Source<{ readonly value: Tensor<'u64'> }>;
  range(start: number | bigint, end: number | bigint): Source<{ readonly value: Tensor<'u64'> }>;
  /**
   * A table of numbers. `header` says whether the first row names the columns; unless said, it does, and is refused
   * where it could be a row of data. `delimiter` is one ASCII character, a comma unless said otherwise.
   */
  csv<const C extends readonly CsvField[]>(file: DataFile, options: { fields: C; header?: boolean; delimiter?: string }): Source<FieldsOf<C[number]>>;
  /** A file with one JSON object a line. A value is a number, nested arrays of numbers, or a text, which becomes its UTF-8 bytes. */
  jsonl<const C extends readonly JsonlField[]>(file: DataFile, options: { fields: C }): Source<FieldsOf<C[number]>>;
  /** One tar archive or several: WebDataset's form, a sample a key. Without `fields`, whatever a sample has. */
  tar<const N extends string = string>(archives: DataFile | readonly DataFile[], options?: { fields?: readonly N[] }): Source<{ readonly [K in N]: Tensor<'u8'> }>;
  /**
   * PNG and JPEG files, whose bytes are the field `image`; with `label`, the number of the folder that each lies
   * in, by its name, is the field `label`. Samples are in the byte order of their paths: below the folder that was
   * picked (`webkitRelativePath`), below what all URLs share, or as given.
   */
  images<const L extends boolean = false>(files: Iterable<Blob | string | URL | HttpFile> | FolderFiles | { readonly [path: string]: DataFile }, options?: { label?: L }): Source<{ readonly image: Tensor<'u8'> } & (L extends true ? { readonly label: Tensor<'u32'> } : {})>;
  /**
   * A source of the worker file by its name, or an export of a module by its URL. Runs in workers. `identity` tells its
   * content from other content: a version, a date, a hash. A state of another identity is refused.
   */
  js(what: string | { module: string | URL; export?: string }, options?: { identity?: string | number; options?: object }): Source;
  /** NumPy files, one a field: a sample is a row along the first axis. */
  npy<N extends string>(fields: { readonly [field in N]: DataFile }): Source<{ readonly [K in N]: Tensor }>;
  /** Files of the format of MNIST, plain or gzip, one a field: a sample is a row along the first axis. */
  idx<N extends string>(fields: { readonly [field in N]: DataFile }): Source<{ readonly [K in N]: Tensor }>;
  /** Arrays in memory, whose first axis counts samples. */
  arrays<T extends { readonly [field: string]: Rows }>(fields: T): Source<{ readonly [K in keyof T]: Tensor<DtypeOf<T[K]>> }>;
  /** A file at a URL, fetched whole (the default) or read by ranges. */
  http(url: string | URL, options?: { read?: 'whole' | 'range' }): HttpFile;
  /** A file of the origin private file system. */
  opfs(path: string): OpfsFile;
  /** A file of this machine, in Node. */
  path(path: string): PathFile;
  /** All files below a folder: of this machine by its path, in Node; of the origin private file system in a browser. */
  folder(folder: string | OpfsFile | PathFile): FolderFiles;
};

/** A step of the pipeline document; `C` is what it makes of the fields, where that is known. */
export interface Op<C = unknown> { readonly op: string; readonly [option: string]: unknown; readonly [changeOf]?: C }
/** A step that is done in order. `limit` ends an epoch after so many batches. */
export type Stage =
  | { readonly stage: 'batch'; readonly size: Whole; readonly drop_remainder?: boolean; readonly pad?: number }
  | { readonly stage: 'limit'; readonly count: Whole };

/** A whole number from 0; a `bigint` where it is beyond 2^53. */
type Whole = number | bigint;
type Same = 'same';
type Sets<N extends string, D extends Dtype> = string extends N ? unknown : { set: { readonly [K in N]: Tensor<D> } };
type Flat<T> = { [K in keyof T]: T[K] };
type Changed<F, O> = O extends Op<infer C> ? (unknown extends C ? Fields : C extends Same ? F : C extends { set: infer S } ? Flat<Omit<F, keyof S> & S> : C extends { only: infer K } ? Pick<F, K & keyof F> : Fields) : Fields;
/** The fields after all ops; of an array that is no tuple, nobody knows. */
type Through<F, P> = P extends readonly [infer O, ...infer More] ? Through<Changed<F, O>, More> : P extends readonly [] ? F : Fields;

export declare const ops: {
  /** Another order in each epoch. Without a seed, the loader's. */
  shuffle(options?: { seed?: Whole }): Op<Same>;
  /** One order for every epoch. */
  shuffleOnce(options?: { seed?: Whole }): Op<Same>;
  /** The order of Grain's `index_shuffle`; a seed below 2^32. */
  shuffleLikeGrain(options: { seed: number }): Op<Same>;
  /** One of several parts, by fractions that add up to 1: the same samples in each epoch, and no two parts share one. */
  split(options: Split): Op<Same>;
  /** From `start` up to, but not including, `end`; of those, the first of `step`. */
  slice(options?: { start?: Whole; end?: Whole; step?: Whole }): Op<Same>;
  /** So many samples of each epoch, others in each where a shuffle comes before. */
  sample(options: { count: Whole }): Op<Same>;
  /** One longer epoch of several. */
  repeat(options: { epochs: Whole }): Op<Same>;
  /** What one of several trainers sees: `index` from 0. */
  shard(options: { index: Whole; count: Whole; dropRemainder?: boolean }): Op<Same>;
  /** Batches that workers make; `pad` fills up shapes that differ. */
  batch(options: { size: Whole; dropRemainder?: boolean; pad?: number }): Op<Same>;
  /** Keeps these fields and drops the others. */
  select<const N extends string>(options: { fields: readonly N[] }): Op<string extends N ? unknown : { only: N }>;
  /** Other elements: floats become integers without their fraction; a number that does not fit is the sample's error. */
  cast<const N extends string, D extends Dtype>(options: { field: N; dtype: D }): Op<Sets<N, D>>;
  /** Up to 8 lengths, one of which may be -1 for what is left. */
  reshape(options: { field: string; shape: readonly number[] }): Op<Same>;
  /** `x * factor + offset`, as `f32` unless said otherwise. */
  scale<const N extends string, D extends 'f16' | 'bf16' | 'f32' | 'f64' = 'f32'>(options: { field: N; factor: number; offset?: number; dtype?: D }): Op<Sets<N, D>>;
  /** 1 at the place that the field says, 0 elsewhere, as `f32` unless said otherwise. */
  oneHot<const N extends string, D extends Dtype = 'f32'>(options: { field: N; classes: number; dtype?: D }): Op<Sets<N, D>>;
  /** Leaves out samples whose field does not compare with `value` as said; the field is on the left. */
  filter(options: { field: string; is: '==' | '!=' | '<' | '<=' | '>' | '>='; value: number }): Op<Same>;
  /** A PNG or JPEG file becomes pixels of shape `[height, width, channels]`; its own channels unless said otherwise. */
  decodeImage<const N extends string>(options: { field: N; channels?: 1 | 3 | 4 }): Op<Sets<N, 'u8'>>;
  /** The bytes of a text become the number that it is. */
  decodeNumber<const N extends string, D extends Exclude<Dtype, 'bool' | 'f16' | 'bf16'>>(options: { field: N; dtype: D }): Op<Sets<N, D>>;
  /** A picture of other sides, in pixels; `bilinear` unless said otherwise. */
  resize(options: { field: string; height: number; width: number; filter?: 'bilinear' | 'lanczos3' }): Op<Same>;
  /** `(x * factor - mean) / std` by the channel, the last axis, as `f32`; `factor` is 1 unless said otherwise. */
  normalize<const N extends string>(options: { field: N; mean: readonly number[]; std: readonly number[]; factor?: number }): Op<Sets<N, 'f32'>>;
  /** A function of the worker file by its name, or an export of a module by its URL. Runs in workers. */
  js(what: string | { module: string | URL; export?: string }, options?: object): Op;
  /** Any other op by its name in the pipeline document. */
  op(name: string, options?: object): Op;
};

/** One part of several: `parts` are fractions that add up to 1, `part` the number of one of them, from 0. */
export interface Split { readonly seed?: Whole; readonly parts: readonly number[]; readonly part: Whole }

/** What a pipeline is made of: source, `split`, `shuffle`, `pipeline`, `stages`, `batchSize`, in this order. */
export interface Pipeline<S extends Source<any> = Source<any>, P extends readonly Op[] = readonly Op[]> {
  source: S;
  /** One part of the samples, the same in each epoch. */
  split?: Split | None;
  /**
   * Another order in each epoch, with `seed` or a seed of its own; 0 is one too. It comes after the `ops.slice`,
   * `ops.split` and `ops.shuffleOnce` that `pipeline` begins with.
   */
  shuffle?: boolean | Whole | None;
  /** What workers do to each record, first to last. */
  pipeline?: P | None;
  /** What is done in order after that, before `batchSize`. */
  stages?: readonly Stage[] | None;
  /** Of everything random that names no seed of its own. Default 0. */
  seed?: Whole | None;
  /** How often the loader goes through it all, 1 or more or `Infinity`; a state may be resumed with more. Default 1. */
  epochs?: Whole | None;
  /** Whether batches carry the keys of their samples. Default false. */
  keys?: boolean | None;
  batchSize?: Whole | None;
  /** Whether a last batch that is smaller is left out. Default false. */
  dropRemainder?: boolean | None;
  spec?: None;
  files?: Files | None;
}

/** A whole pipeline document, as the `windrow` command reads it, with its files by name. */
export interface PipelineDocument {
  spec: object | string;
  files?: Files | None;
  source?: None;
}

export type Backend = 'auto' | 'inline' | 'workers' | 'threads';

/** How a pipeline is run. `null` and `undefined` are as if nothing were given. */
export interface Settings {
  /** Who makes the samples; the batches are the same with every one. Default `auto`: threads where they start, else workers. */
  backend?: Backend | None;
  /** How many, 0 to 64; by default one a core, at most 8. */
  workers?: number | None;
  /** Starts a worker of your own each time, whose file calls `serve` of `windrow/worker` at once. */
  worker?: (() => unknown) | None;
  /** Starts a coordinator of your own each time, whose file has `import 'windrow/coordinator'` in it. Not with threads. */
  coordinator?: (() => unknown) | None;
  /** Keeps a running digest of all batches. */
  digest?: boolean | None;
  /** Goes on where a state says. */
  resume?: State | string | None;
  /** What happens when a sample cannot be made: an error in its place, or nothing. Default `throw`, of which `raise` is another name. */
  onError?: 'throw' | 'raise' | 'skip' | None;
  /** How often a sample that failed is tried again. Default 0. */
  retries?: number | None;
  /** How many samples may be ahead. */
  prefetch?: Whole | None;
  /** How many bytes of samples may be ahead. */
  prefetchBytes?: Whole | None;
  /** Milliseconds that a sample may take in a worker; longer costs the worker. Nothing else can be stopped. */
  sampleTimeout?: number | None;
  /** Milliseconds that a worker, or all threads, may take to start; fetching files and the program does not count. Default 30,000. */
  startupTimeout?: number | None;
  signal?: AbortSignal | None;
  /** What workers do, as it happens; threads do not tell. What it throws is logged once, and changes nothing. */
  onEvent?: ((event: WorkerEvent) => void) | None;
}

export type LoaderOptions = (Pipeline | PipelineDocument) & Settings;

/** What a worker did; times are milliseconds since 1970. */
export type WorkerEvent =
  | { kind: 'ready'; worker: number; at: number }
  | { kind: 'lost'; worker: number; at: number; why: string }
  /** The coordinator was lost, and another goes on after the last batch. */
  | { kind: 'recovered'; worker?: undefined; at: number; why: string }
  | { kind: 'task'; worker: number; at: number; start: number; count: number; started: number; ended: number };

export interface Mode {
  readonly backend: 'inline' | 'workers' | 'threads';
  readonly workers: number;
  /** Whether the page is cross-origin isolated. */
  readonly isolated: boolean;
  /** Why this backend. */
  readonly reason: string;
}

export interface Progress {
  /** The epoch of what was received last, from 0; at the end, the number of epochs. */
  readonly epoch: number;
  /** How many epochs there are; `Infinity` where there is no end. */
  readonly epochs: number;
  readonly position: number;
  /** Positions of all epochs; `Infinity` where there is no end. */
  readonly positions: number;
  readonly batches: number;
  readonly skipped: number;
  readonly digest?: string;
}

/** The batches of one epoch, once. */
export interface Epoch<F extends object = Fields> extends AsyncIterable<Batch<F>> {
  /** From 0. */
  readonly number: number;
}

/** Batches in order. `break`, an aborted signal, `close()` and `await using` all end it. */
export interface Loader<F extends object = Fields> extends AsyncIterable<Batch<F>>, AsyncDisposable {
  readonly mode: Mode;
  /**
   * After the last batch received, or at the start of the epoch after one that was left. Before the first, the state that
   * was resumed, or `undefined`.
   */
  readonly state: State | undefined;
  readonly digest: string | undefined;
  readonly progress: Progress;
  /** How many batches an epoch has if every sample can be made; `undefined` where nobody can know before. */
  readonly batchesPerEpoch: number | undefined;
  /**
   * The next batch. Rejects with a sample's error in its place; the stream goes on after it. Rejects once with an error
   * that ends the stream (`error.fatal`), which is done from then on.
   */
  next(): Promise<IteratorResult<Batch<F>, undefined>>;
  /**
   * The epochs one after another, each with its batches; asked again, it goes on with the next. Workers go on meanwhile. An epoch that is left
   * early ends when the next one is asked for. Its other batches count for nothing, and few of them are made. A loader
   * that was resumed begins with the rest of the epoch that its state was taken in. Leaving the outer loop closes it.
   */
  epochs(): AsyncIterable<Epoch<F>>;
  /** Stops all workers; in Node it resolves when their threads have ended. */
  close(): Promise<void>;
}

/** Opens a pipeline. The fields of its batches are those of its source and ops, as far as these tell. */
export declare function loader<S extends Source<any>, const P extends readonly Op[] = readonly []>(
  options: Pipeline<S, P> & Settings,
): Promise<Loader<S extends Source<infer F> ? Through<F, P> : Fields>>;
/** Opens a pipeline whose batches have these fields. */
export declare function loader<F extends object = Fields>(options: LoaderOptions): Promise<Loader<F>>;

export type ErrorCode =
  | 'WORKER_LOAD' | 'WASM_LOAD' | 'NOT_CLONEABLE' | 'NOT_SERVED' | 'STATE_MISMATCH' | 'SOURCE_CHANGED' | 'NO_RANGE'
  | 'FORMAT' | 'READ' | 'SAMPLE' | 'SETTING' | 'SPEC' | 'UNSUPPORTED' | 'TIMEOUT' | 'OUT_OF_MEMORY' | 'WORKER' | 'FAILED' | 'CLOSED';

/** What went wrong, and what to do. */
export declare class WindrowError extends Error {
  readonly code: ErrorCode;
  readonly fix?: string;
  /** Whether it ended the stream; a sample's error does not. */
  readonly fatal: boolean;
  /** The place in the stream, for a sample's error. */
  readonly position?: number;
  readonly worker?: number;
}
