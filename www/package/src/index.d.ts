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

/** Where a stream stands: plain JSON, the same in Rust and in the `windrow` command. */
export interface State {
  readonly version: number;
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
  readonly fields: F;
  readonly buffer: ArrayBuffer;
  /** Resumes right after this batch. */
  readonly state: State;
}

/** Bytes: in memory, picked by a user, or at a URL (in Node, a path too). */
export type File = ArrayBuffer | ArrayBufferView | Blob | string | URL | HttpFile | OpfsFile | PathFile;
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
export interface Files { readonly [name: string]: File | FolderFiles }

/** Where records come from, as part of a pipeline document. */
export interface Source { readonly document: object; readonly files?: Files; readonly module?: string }

/** A field of some columns: all, one by its number or name, several, or a range of numbers. */
export interface CsvField {
  name: string;
  columns: 'all' | number | string | readonly (number | string)[] | { start: number; end: number };
  dtype: Dtype | Uppercase<Dtype>;
  shape?: readonly number[];
}

/** A field of the value at a JSON pointer in each line; by default, of the member that is called as the field is. */
export interface JsonlField {
  name: string;
  dtype: Dtype | Uppercase<Dtype>;
  at?: string;
  shape?: readonly number[];
}

export declare const source: {
  /** Numbers as the field `value`. */
  range(end: number | bigint): Source;
  range(start: number | bigint, end: number | bigint): Source;
  /**
   * A table of numbers. `header` says whether the first row names the columns; unless said, it does, and is refused
   * where it could be a row of data.
   */
  csv(file: File, options: { fields: readonly CsvField[]; header?: boolean; delimiter?: string }): Source;
  jsonl(file: File, options: { fields: readonly JsonlField[] }): Source;
  /** One tar archive or several: WebDataset's form, a sample a key. */
  tar(archives: File | readonly File[], options: { fields: readonly string[] }): Source;
  /**
   * PNG and JPEG files, whose bytes are the field `image`; with `label`, the number of the folder that each lies
   * in, by its name, is the field `label`. Samples are in the byte order of their paths: below the folder that was
   * picked (`webkitRelativePath`), below what all URLs share, or as given.
   */
  images(files: Iterable<Blob | string | URL | HttpFile> | FolderFiles | { readonly [path: string]: File }, options?: { label?: boolean }): Source;
  /**
   * A source of the worker file by its name, or an export of a module by its URL. Runs in workers. `identity` tells its
   * content from other content: a version, a date, a hash. A state of another identity is refused.
   */
  js(what: string | { module: string | URL; export?: string }, options?: { identity?: string | number; options?: object }): Source;
  npy(fields: { readonly [field: string]: File }): Source;
  idx(fields: { readonly [field: string]: File }): Source;
  /** Arrays in memory, whose first axis counts samples. */
  arrays(fields: { readonly [field: string]: Rows }): Source;
  /** A file at a URL, fetched whole (the default) or read by ranges. */
  http(url: string | URL, options?: { read?: 'whole' | 'range' }): HttpFile;
  /** A file of the origin private file system. */
  opfs(path: string): OpfsFile;
  /** A file of this machine, in Node. */
  path(path: string): PathFile;
  /** All files below a folder: of this machine by its path, in Node; of the origin private file system in a browser. */
  folder(folder: string | OpfsFile | PathFile): FolderFiles;
};

/** A step of the pipeline document. */
export interface Op { readonly op: string; readonly [option: string]: unknown }
export interface Stage { readonly stage: string; readonly [option: string]: unknown }
type Whole = number | bigint;

export declare const ops: {
  shuffle(options?: { seed?: Whole }): Op;
  shuffleLikeGrain(options: { seed: number }): Op;
  slice(options?: { start?: Whole; end?: Whole; step?: Whole }): Op;
  repeat(options: { epochs: Whole }): Op;
  shard(options: { index: Whole; count: Whole; dropRemainder?: boolean }): Op;
  batch(options: { size: Whole; dropRemainder?: boolean; pad?: number }): Op;
  select(options: { fields: readonly string[] }): Op;
  cast(options: { field: string; dtype: Dtype }): Op;
  reshape(options: { field: string; shape: readonly number[] }): Op;
  scale(options: { field: string; factor?: number; offset?: number; dtype?: Dtype }): Op;
  oneHot(options: { field: string; classes: number; dtype?: Dtype }): Op;
  decodeImage(options: object): Op;
  decodeNumber(options: { field: string; dtype: Dtype }): Op;
  resize(options: object): Op;
  normalize(options: object): Op;
  filter(options: { field: string; is: string; value: number }): Op;
  /** A function of the worker file by its name, or an export of a module by its URL. Runs in workers. */
  js(what: string | { module: string | URL; export?: string }, options?: object): Op;
  /** Any other op by its name in the pipeline document. */
  op(name: string, options?: object): Op;
};

/** What a pipeline is made of. */
export interface Pipeline {
  source: Source;
  /** What workers do to each record, first to last. */
  pipeline?: readonly Op[];
  /** What is done in order after that, before `batchSize`. */
  stages?: readonly Stage[];
  seed?: Whole;
  /** Shuffles each epoch anew, with `seed` or a seed of its own. */
  shuffle?: boolean | Whole;
  epochs?: Whole;
  batchSize?: Whole;
  dropRemainder?: boolean;
  spec?: undefined;
  files?: Files;
}

/** A whole pipeline document, as the `windrow` command reads it, with its files by name. */
export interface Document {
  spec: object | string;
  files?: Files;
  source?: undefined;
}

export type Backend = 'auto' | 'inline' | 'workers' | 'threads';

export interface Settings {
  /** Who makes the samples; the batches are the same with every one. Default `auto`: threads where they start, else workers. */
  backend?: Backend;
  /** How many, 0 to 64; by default one a core, at most 8. */
  workers?: number;
  /** Starts a worker of your own each time, whose file calls `serve` of `windrow/worker` at once. */
  worker?: () => unknown;
  /** Keeps a running digest of all batches. */
  digest?: boolean;
  /** Goes on where a state says. */
  resume?: State | string;
  /** What happens when a sample cannot be made. Default `raise`. */
  onError?: 'raise' | 'skip';
  /** How often a sample that failed is tried again. Default 0. */
  retries?: number;
  /** How many samples, and how many bytes of them, may be ahead. */
  prefetch?: number;
  prefetchBytes?: number;
  /** Milliseconds that a sample may take in a worker; longer costs the worker. Nothing else can be stopped. */
  timeout?: number;
  /** Milliseconds that a worker, or all threads, may take to start; fetching files and the program does not count. Default 30,000. */
  startTimeout?: number;
  signal?: AbortSignal;
  /** What workers do, as it happens; threads do not tell. What it throws is logged once, and changes nothing. */
  onEvent?: (event: WorkerEvent) => void;
}

export type LoaderOptions = (Pipeline | Document) & Settings;

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
  readonly position: number;
  readonly positions: number;
  readonly batches: number;
  readonly skipped: number;
  readonly digest?: string;
}

/** Batches in order. `break`, an aborted signal, `close()` and `await using` all end it. */
export interface Loader<F extends object = Fields> extends AsyncIterable<Batch<F>>, AsyncDisposable {
  readonly mode: Mode;
  /** After the last batch received; `undefined` before the first. */
  readonly state: State | undefined;
  readonly digest: string | undefined;
  readonly progress: Progress;
  /**
   * The next batch. Rejects with a sample's error in its place; the stream goes on after it. Rejects once with an error
   * that ends the stream, which is done from then on.
   */
  next(): Promise<IteratorResult<Batch<F>, undefined>>;
  /** Stops all workers; in Node it resolves when their threads have ended. */
  close(): Promise<void>;
}

/** Opens a pipeline. */
export declare function loader<F extends object = Fields>(options: LoaderOptions): Promise<Loader<F>>;

export type ErrorCode =
  | 'WORKER_LOAD' | 'WASM_LOAD' | 'NOT_CLONEABLE' | 'NOT_SERVED' | 'STATE_MISMATCH' | 'SOURCE_CHANGED' | 'NO_RANGE'
  | 'FORMAT' | 'READ' | 'SAMPLE' | 'SETTING' | 'SPEC' | 'UNSUPPORTED' | 'TIMEOUT' | 'OUT_OF_MEMORY' | 'WORKER' | 'FAILED' | 'CLOSED';

/** What went wrong, and what to do. */
export declare class WindrowError extends Error {
  readonly code: ErrorCode;
  readonly fix?: string;
  /** The place in the stream, for a sample's error. */
  readonly position?: number;
  readonly worker?: number;
}
