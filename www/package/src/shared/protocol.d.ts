// The messages between a page, its coordinator, workers and threads, each way.

/** What went wrong, as it is posted: see `plain` in `errors.js`. */
export interface Told {
  code: string;
  message: string;
  fix?: string;
  position?: string;
  worker?: number;
}

/** How far a loader is, as of an item. */
export interface Reached {
  epoch: number;
  position: number;
  batches: number;
  skipped: number;
  digest?: string;
  epochs?: number;
  positions?: number;
  batchesPerEpoch?: number;
}

/** A batch, an error in its place, or neither, which is the end. */
export interface Item {
  buffer?: ArrayBuffer;
  /** What lies where in the buffer, where that is not as in the batch before. */
  fields?: object[];
  keys?: string;
  number?: number;
  numberInEpoch?: number;
  error?: Told;
  /** The state right after it, as JSON. */
  state?: string;
  /** The states at the starts of the epochs that began with it, as JSON. */
  starts?: string[];
  progress: Reached;
}

/** What a loader is opened with. */
export interface Pipeline {
  document: string;
  files: Record<string, any>;
  /** Functions and sources of the user by address. */
  modules: { kind: string; name: string; module: string }[];
  /** Whether a worker serves the source. */
  served: boolean;
}

/** From the page to its coordinator. */
export type ToCoordinator =
  | (Pipeline & {
      type: 'open';
      /** Whether another coordinator was there before. */
      again: boolean;
      module?: WebAssembly.Module;
      settings: Record<string, any>;
      ports: MessagePort[];
      sampleTimeout?: number;
      startupTimeout: number;
      /** Whether events are wanted. */
      timeline: boolean;
      /** The name of the lock that the coordinator holds for life. */
      lock: string;
      turn: number;
    })
  /** So many more items are wanted. */
  | { type: 'next'; count: number }
  /** What was made after a state is given up, and an epoch goes on in its place. */
  | { type: 'leave'; epoch: number; state: string; turn: number }
  /** A worker was started again. */
  | { type: 'worker'; index: number; port: MessagePort }
  | { type: 'died'; index: number; why: string };

/** From a coordinator to its page. */
export type FromCoordinator =
  /** Its lock is held, or was refused. */
  | { type: 'started'; watched: boolean }
  | { type: 'compiled'; module: WebAssembly.Module }
  /** A message could not be read. */
  | { type: 'unread' }
  /** The program is compiled and the files are there. */
  | { type: 'prepared' }
  | { type: 'opened'; state: string; progress: Reached }
  | { type: 'items'; items: Item[]; turn: number }
  | { type: 'left'; state: string; progress: Reached; turn: number }
  /** A worker is to be started again. */
  | { type: 'restart'; index: number; why: string }
  | { type: 'event'; event: object }
  /** The end of this coordinator; another may go on. */
  | { type: 'fatal'; again: boolean; error: Told };

/** From the page to a worker or a thread, as it starts. */
export type ToStarted = { type: 'windrow:port'; port: MessagePort; index: number };
/** The answer; and the end of a thread, which the coordinator that waits for it cannot hear. */
export type FromStarted = { type: 'windrow:serving' } | { type: 'windrow:failed'; error: Told };

/** From a coordinator to a worker. */
export type ToWorker =
  | (Omit<Pipeline, 'served'> & { type: 'open'; module: WebAssembly.Module; lock: string | undefined })
  | { type: 'request'; bytes: Uint8Array };

/** From a worker to its coordinator. */
export type FromWorker =
  | { type: 'hello' }
  | { type: 'ready'; watched: boolean; fingerprint: string; lengths: Record<string, number> }
  | { type: 'reply'; bytes: Uint8Array; started: number; ended: number }
  | { type: 'error'; error: Told }
  /** Its memory is not to be trusted: another one comes in its place. */
  | { type: 'trap'; why: string };

/** From a coordinator to a thread of its pool. */
export type ToThread = { type: 'start'; module: WebAssembly.Module; memory: WebAssembly.Memory; receiver: any; files: Record<string, any> };
/** From a thread to its coordinator. */
export type FromThread = { type: 'hello' } | { type: 'ready' } | { type: 'error'; error: Told };
