// The messages between a page, its coordinator, workers and threads, in each direction.

/** An error as it is posted: see `plain` in `errors.js`. */
export interface Told {
  code: string;
  message: string;
  fix?: string;
  position?: string;
  worker?: number;
}

/** The progress of a loader, as of an item. */
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

/** A batch, an error in its place, or neither for the end. */
export interface Item {
  buffer?: ArrayBuffer;
  /** The layout of the buffer, unless unchanged since the batch before. */
  fields?: object[];
  keys?: string;
  number?: number;
  numberInEpoch?: number;
  error?: Told;
  /** The state right after the item, as JSON. */
  state?: string;
  /** The states at the starts of the epochs that began with the item, as JSON. */
  starts?: string[];
  progress: Reached;
}

/** The input of a loader. */
export interface Pipeline {
  document: string;
  files: Record<string, any>;
  /** The caller's functions and sources, by the URLs of their modules. */
  modules: { kind: string; name: string; module: string }[];
  /** Whether a worker serves the source. */
  served: boolean;
}

/** The messages from the page to its coordinator. */
export type ToCoordinator =
  | (Pipeline & {
      type: 'open';
      /** Whether this coordinator replaces a lost one. */
      again: boolean;
      module?: WebAssembly.Module;
      settings: Record<string, any>;
      ports: MessagePort[];
      sampleTimeout?: number;
      startupTimeout: number;
      /** Whether the page wants events. */
      timeline: boolean;
      /** The name of the lock that the coordinator holds for life. */
      lock: string;
      turn: number;
    })
  /** The page wants this many more items. */
  | { type: 'next'; count: number }
  /** The page gives up all items after a state, and continues with an epoch. */
  | { type: 'leave'; epoch: number; state: string; turn: number }
  /** The page has restarted a worker. */
  | { type: 'worker'; index: number; port: MessagePort }
  | { type: 'died'; index: number; why: string };

/** The messages from a coordinator to its page. */
export type FromCoordinator =
  /** The coordinator holds its lock, or the browser refused the lock. */
  | { type: 'started'; watched: boolean }
  | { type: 'compiled'; module: WebAssembly.Module }
  /** The coordinator could not read a message. */
  | { type: 'unread' }
  /** The program is compiled and the files are ready. */
  | { type: 'prepared' }
  /** The loader is open, and this is its pipeline as text and for Mermaid. */
  | { type: 'opened'; state: string; progress: Reached; text: string; mermaid: string }
  | { type: 'items'; items: Item[]; turn: number }
  | { type: 'left'; state: string; progress: Reached; turn: number }
  /** The page shall restart a worker. */
  | { type: 'restart'; index: number; why: string }
  | { type: 'event'; event: object }
  /** The coordinator ends. If `again`, another may continue. */
  | { type: 'fatal'; again: boolean; error: Told };

/** The message from the page to a starting worker or thread. */
export type ToStarted = { type: 'windrow:port'; port: MessagePort; index: number };
/** The answer to `ToStarted`, or the end of a thread, which the waiting coordinator cannot receive. */
export type FromStarted = { type: 'windrow:serving' } | { type: 'windrow:failed'; error: Told };

/** The messages from a coordinator to a worker. */
export type ToWorker =
  | (Omit<Pipeline, 'served'> & { type: 'open'; module: WebAssembly.Module; lock: string | undefined })
  | { type: 'request'; bytes: Uint8Array };

/** The messages from a worker to its coordinator. */
export type FromWorker =
  | { type: 'hello' }
  | { type: 'ready'; watched: boolean; fingerprint: string; lengths: Record<string, number> }
  | { type: 'reply'; bytes: Uint8Array; started: number; ended: number }
  | { type: 'error'; error: Told }
  /** The memory of the worker may be inconsistent, so another worker replaces this one. */
  | { type: 'trap'; why: string };

/** The message from a coordinator to a thread of its pool. */
export type ToThread = { type: 'start'; module: WebAssembly.Module; memory: WebAssembly.Memory; receiver: any; files: Record<string, any> };
/** The messages from a thread to its coordinator. */
export type FromThread = { type: 'hello' } | { type: 'ready' } | { type: 'error'; error: Told };
