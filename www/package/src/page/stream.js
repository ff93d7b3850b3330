// @ts-check
// The page's side: starts workers, asks for batches and ends both. The page runs no wasm and decides no order.

import { Arrivals, CLOSED } from './arrivals.js';
import { Batch, through } from './batch.js';
import { inWords } from './document.js';
import { byEpoch } from './epochs.js';
import { WindrowError } from '../shared/errors.js';
import { teller } from './events.js';
import { Times } from './times.js';
import { patience } from '../shared/patience.js';

/** @import { FromCoordinator, FromStarted, ToCoordinator, ToStarted } from '../shared/protocol.js' */

/** The number of batches asked for in advance, and the number for batches of at most `SMALL` bytes. */
const AHEAD = 2, AHEAD_SMALL = 16, SMALL = 65_536;
/** The number of coordinators that may be lost in a row without a batch in between. */
const CRASHES = 3;

/** The modules that coordinators have compiled, by whether they use threads. A warm module starts and runs faster. */
const compiled = {};

export class Loader {
  /** The backend, the number of workers, and the reason: `{ backend, workers, isolated, reason }`. */
  mode;
  #platform;
  #options;
  #pipeline;
  /** The caller's functions that start workers and coordinators, if any. */
  #owns;
  /** The names of the document's places in the options. */
  #words;
  /** @type {Record<string, any>} The coordinator: `{ kind, module, coordinator, lost, limit, relax, lock, deaf }`. */
  #life = {};
  /** A promise that resolves when all stopped workers have ended. */
  #gone;
  #crashes = 0;
  #workers = [];
  #opening;
  #arrivals = new Arrivals();
  #asked = 0;
  #ahead = AHEAD;
  /** The layout of the current batches. */
  #fields;
  #ended = false;
  /** After closing: `{ error }` until a caller has received the error, then `{}`. */
  #closed;
  #last;
  /** The states, as JSON, after the last item that arrived, and after the last item received. */
  #reached;
  #received;
  /** The number of epochs left early. Items that a coordinator sent before it learned of the last one are dropped. */
  #turn = 0;
  /** @type {ToCoordinator | undefined} The message about an epoch left early, until the coordinator answers. */
  #leaving;
  /** The place of a caller that goes from epoch to epoch, and may leave an epoch whose items have all arrived. */
  #place;
  /** The epoch of the batch or error received last. */
  #epoch;
  #opened = false;
  #tell;
  #times = new Times();
  #progress;
  /** The message with the pipeline as text and for Mermaid. */
  #described;
  #abort;

  constructor(platform, options, mode, pipeline, owns, words) {
    this.#platform = platform;
    this.#options = options;
    this.#pipeline = pipeline;
    this.#owns = owns;
    this.#tell = teller(options.onEvent);
    this.#words = words;
    const { backend, workers, isolated, reason } = mode;
    this.mode = { backend, workers, isolated, reason };
  }

  /** @internal */
  async open() {
    const { signal, resume } = this.#options;
    this.#abort = () => this.#end({ error: signal.reason });
    signal?.addEventListener('abort', this.#abort, { once: true });
    if (resume !== undefined) this.#reached = this.#received = typeof resume === 'string' ? resume : JSON.stringify(resume);
    const opened = new Promise((resolve, reject) => (this.#opening = { resolve, reject }));
    this.#begin();
    await this.#held(opened);
    this.#ask();
  }

  /** @param {Record<string, any>} told An error from a message. The result uses the names of the options. */
  #error({ message, fix, ...more }) {
    return new WindrowError({ ...more, message: inWords(message, this.#words), fix: fix && inWords(fix, this.#words) });
  }

  /** Starts a coordinator and its workers, which continue after the last item that arrived. */
  #begin() {
    const { sampleTimeout, startupTimeout = 30_000, digest, onError, retries = 0, prefetch, prefetchBytes } = this.#options;
    const { backend, workers } = this.mode;
    /** @type {Record<string, any>} */
    const life = (this.#life = {});
    const alive = (act) => (value) => life === this.#life && act(value);
    life.lost = alive((why) => (this.#opened ? this.#crashed({ code: 'WORKER', message: why, fix: 'create a new loader with resume: loader.state' }) : this.#fail(this.#owns.coordinator ? `the coordinator (${this.#owns.coordinator.file})` : `the coordinator of backend ${backend}`, why)));
    // The time limit pauses from `started` to `prepared`, because fetching files and the program may take long.
    life.limit = () => {
      life.relax?.();
      // More than the coordinator's limit for workers, because the coordinator can name the worker.
      life.relax = patience(startupTimeout + 1000, () => {
        const mute = this.#opened ? -1 : this.#workers.findIndex((worker) => worker?.serving === undefined);
        if (mute < 0) life.lost(`no answer within ${startupTimeout} ms`);
        else this.#fail(this.#name(mute), `${this.#owns.worker ? 'the file has not called serve() of windrow/worker' : 'no answer'} within ${startupTimeout} ms`);
      });
    };
    life.limit();
    this.#asked = 0;
    try {
      const hear = {
        message: alive((message) => this.#hear(message)),
        failed: (why) => life.lost(this.#opened ? `the coordinator failed: ${why || 'the browser gives no reason'}` : why),
      };
      life.coordinator = this.#owns.coordinator?.start(this.#platform, hear) ?? this.#platform.coordinator(backend === 'threads', hear);
      const ports = backend === 'inline' ? [] : Array.from({ length: workers }, (_, index) => this.#start(index));
      const resume = this.#reached;
      const settings = { backend, workers, digest: digest ?? /"digest":/.test(resume), onError, retries, prefetch, prefetchBytes, resume };
      const timeline = Boolean(this.#options.onEvent);
      life.lock = `windrow:${Math.random()}:${performance.now()}`;
      life.kind = backend === 'threads';
      const module = (life.module = compiled[life.kind]);
      this.#post({ ...this.#pipeline, type: 'open', again: this.#opened, module, settings, ports, sampleTimeout, startupTimeout, timeline, lock: life.lock, turn: this.#turn }, ports);
    } catch (error) {
      this.#refused('a worker', error);
    }
  }

  #refused(who, error) {
    if (error instanceof WindrowError) this.#end({ error });
    else this.#fail(who, error.message);
  }

  /** Reports a script that cannot start. The module for the report is loaded only now. */
  async #fail(who, why) {
    const error = await import('./unstarted.js').then(({ unstarted }) => unstarted(who, why)).catch(() => ({ code: 'WORKER_LOAD', message: `${who} could not be started: ${why}` }));
    this.#end({ error: new WindrowError(error) });
  }

  /** Keeps Node running while a caller waits for the promise. */
  #held(promise) {
    return this.#platform.held?.(promise) ?? promise;
  }

  /** Replaces a lost coordinator with another, which continues after the last item that arrived. */
  #crashed(error) {
    this.#crashes += 1;
    if (!this.#opened || this.#crashes > CRASHES) return this.#end({ error: this.#error(error) });
    const why = `${error.message}; another coordinator continues`;
    console.warn(`windrow: ${why}`);
    this.#tell({ kind: 'recovered', at: performance.timeOrigin + performance.now(), why });
    this.#stop();
    this.#begin();
  }

  /**
   * Returns the next batch as `{ done, value }`.
   *
   * Rejects with a sample's error in its place; the stream continues after the error. Rejects once with an error that
   * ends the stream.
   */
  next() {
    const { items } = this.#arrivals;
    if (items.length === 0 && (this.#closed || this.#ended)) return this.#times.of(this.#over());
    const item = this.#times.of(items.length > 0 ? this.#deliver(items.shift()) : this.#held(this.#arrivals.next()));
    this.#finish();
    this.#ask();
    return item;
  }

  /** Returns the result after the end, and throws the error that ended the stream once. */
  async #over() {
    const { error } = this.#closed ?? {};
    if (!error) return CLOSED;
    this.#closed = {};
    throw error;
  }

  /** Iterates over the batches. A `break`, or an error that the caller does not catch, closes the loader. */
  [Symbol.asyncIterator]() {
    return through(this, this.#refusal());
  }

  /** Iterates over the epochs, each with its batches: see `epochs.js`. */
  epochs() {
    this.#place ??= {};
    const inner = { peek: (read) => this.#peek(read), leave: (epoch) => this.#leave(epoch), reached: () => this.#epoch };
    return byEpoch(this, inner, this.#place, this.#refusal());
  }

  /**
   * Returns the error for iterating over a finished or closed loader, which would otherwise silently return nothing.
   */
  #refusal() {
    if (!this.#closed || this.#closed.error || this.#arrivals.items.length > 0) return undefined;
    const message = this.#ended ? 'the loader has delivered all its batches' : 'the loader is closed';
    return new WindrowError({ code: 'CLOSED', message, fix: this.#ended ? 'create a new loader, with more epochs and resume: loader.state' : 'create a new loader with resume: batch.state' });
  }

  /**
   * Returns the epoch of the next item without taking the item: `Infinity` at the end, `undefined` for a closed loader.
   */
  async #peek(read) {
    const { items } = this.#arrivals;
    while (items.length === 0 && !this.#closed && !this.#ended) {
      this.#ask();
      await this.#times.of(this.#held(this.#arrivals.look()));
    }
    const [item] = items;
    // An item that begins another epoch has the states at the starts of the epochs up to its own.
    if (item?.starts && item.progress.epoch > read) this.#received = item.starts[read - item.progress.epoch + item.starts.length] ?? this.#received;
    return item && (item.error || item.buffer ? item.progress.epoch : Infinity);
  }

  /** Continues with an epoch as if no later item had been made. Returns whether the epoch exists. */
  async #leave(epoch) {
    if (!this.#closed) {
      this.#arrivals.items.length = this.#asked = 0;
      this.#ended = false;
      this.#reached = this.#received;
      this.#leaving = { type: 'leave', epoch, state: this.#received, turn: ++this.#turn };
      if (this.#life.open) this.#post(this.#leaving);
      while (this.#leaving && !this.#closed) await this.#times.of(this.#held(this.#arrivals.look()));
    }
    const last = this.#closed && this.#arrivals.items.splice(0).pop();
    if (last?.error) await this.#deliver(last);
    await (this.#closed && this.#over());
    return !this.#closed && epoch < this.#progress.epochs;
  }

  /** Stops all workers and waits until they have ended. Waiting callers receive the end. `state` stays available. */
  async close() {
    this.#end({});
    await this.#held(this.#gone);
  }

  /** The state after the last batch received. Before the first batch, the resumed state, if any. */
  get state() {
    return this.#last?.state;
  }

  /** The digest of all batches received, with `digest: true`. */
  get digest() {
    return this.#progress?.digest;
  }

  /** The progress as of the last batch received: `{ epoch, epochs, position, positions, batches, skipped }`. */
  get progress() {
    return this.#progress;
  }

  /** The number of batches in an epoch if no sample fails, or `undefined` if unknown in advance. */
  get batchesPerEpoch() {
    return this.#progress.batchesPerEpoch;
  }

  /** Returns the milliseconds in which the caller waited for items, and in which the caller was busy. */
  stats() {
    const { items, waited, busy } = this.#times;
    return { items, waited, busy };
  }

  /** Returns the steps of the pipeline with their lengths and fields, as lines of text or as a flowchart for Mermaid. */
  describe({ mermaid = false } = {}) {
    return mermaid ? this.#described.mermaid : this.#described.text;
  }

  /** Asks for several batches at a time, because a message costs more than a small batch. */
  #ask() {
    const count = this.#arrivals.owed + this.#ahead - this.#asked;
    if (this.#ended || this.#closed || 2 * count < this.#ahead) return;
    this.#asked += count;
    this.#post({ type: 'next', count });
  }

  /** @param {FromCoordinator} message */
  #hear(message) {
    if (this.#closed) return;
    const life = this.#life;
    switch (message.type) {
      case 'started':
        life.relax?.();
        if (message.watched) life.deaf = this.#platform.watch(life.lock, () => life.lost('the coordinator was terminated'));
        return;
      case 'compiled':
        compiled[life.kind] = message.module;
        return;
      case 'unread':
        // Firefox sometimes loses a message that contains a module.
        if (!life.module) return life.lost('the coordinator could not read a message');
        compiled[life.kind] = undefined;
        this.#stop();
        return this.#begin();
      case 'prepared':
        return life.limit();
      case 'opened':
        life.relax?.();
        life.open = true;
        if (this.#opened) {
          if (this.#leaving) this.#post(this.#leaving);
          return this.#ask();
        }
        this.#opened = true;
        if (this.#received) this.#last = { state: JSON.parse(this.#received) };
        this.#received ??= message.state;
        this.#progress = message.progress;
        this.#described = message;
        this.#epoch = message.progress.epoch;
        return this.#opening.resolve();
      case 'fatal':
        return message.again ? this.#crashed(message.error) : this.#end({ error: this.#error(message.error) });
      case 'left':
        if (message.turn !== this.#turn) return;
        this.#crashes = 0;
        this.#reached = this.#received = message.state;
        this.#progress = { ...this.#progress, ...message.progress };
        this.#last = { state: JSON.parse(message.state) };
        this.#leaving = undefined;
        this.#epoch = message.progress.epoch;
        this.#arrivals.show();
        return this.#ask();
      case 'items':
        if (message.turn !== this.#turn) return;
        this.#crashes = 0;
        this.#asked -= message.items.length;
        for (const item of message.items) {
          this.#reached = item.state ?? this.#reached;
          this.#arrivals.items.push(item);
          if (item.buffer) {
            this.#ahead = item.buffer.byteLength > SMALL ? AHEAD : AHEAD_SMALL;
            item.fields = this.#fields = item.fields ?? this.#fields;
          } else if (!item.error || item.error.position === undefined) {
            // The end, or an error without a position, which ends the stream.
            this.#ended = true;
            if (item.error) this.#end({});
            break;
          }
        }
        this.#arrivals.serve((item) => this.#deliver(item));
        this.#finish();
        return this.#ended ? this.#arrivals.end(() => CLOSED) : this.#ask();
      case 'restart':
        return this.#restart(message);
      case 'event':
        return this.#tell(message.event);
    }
  }

  /** Ends the workers once all batches are received, unless a caller goes from epoch to epoch. */
  #finish() {
    const [next] = this.#arrivals.items;
    if (this.#ended && !this.#place && !next?.buffer && !next?.error) this.#end({});
  }

  async #deliver(item) {
    this.#progress = { ...this.#progress, ...item.progress };
    this.#received = item.state ?? item.starts?.at(-1) ?? this.#received;
    if (item.buffer || item.error) {
      this.#epoch = item.progress.epoch;
      this.#times.items += 1;
    }
    if (item.error) throw this.#error(item.error);
    if (!item.buffer) return CLOSED;
    this.#last = new Batch(item);
    return { done: false, value: this.#last };
  }

  #name(index) {
    const { backend } = this.mode;
    return `${backend === 'threads' ? 'thread' : 'worker'} ${index}${this.#owns.worker ? ` (${this.#owns.worker.file})` : ''}`;
  }

  /** Threads too are siblings of the coordinator, not its children: nested threads sometimes hang in Firefox. */
  #start(index) {
    const threads = this.mode.backend === 'threads';
    const own = (hear) => (what) => this.#workers[index] === worker && hear(what);
    const life = this.#life;
    const hear = {
      message: own((/** @type {FromStarted} */ data) => {
        if (data?.type === 'windrow:serving') worker.serving = true;
        else if (data?.type === 'windrow:failed') this.#crashed(data.error);
      }),
      // Once the loader has opened, the coordinator decides which workers to restart.
      failed: own((why) => {
        if (threads && this.#opened) life.lost(`${this.#name(index)} failed: ${why}`);
        else if (!threads && (this.#opened || worker.serving)) this.#post({ type: 'died', index, why: why || 'failed, and the browser gives no reason' });
        else this.#fail(this.#name(index), why);
      }),
    };
    const worker = threads ? this.#platform.thread(hear) : this.#owns.worker ? this.#owns.worker.start(this.#platform, hear, index) : this.#platform.worker(hear);
    this.#workers[index] = worker;
    const { port1, port2 } = new MessageChannel();
    worker.post(/** @type {ToStarted} */ ({ type: 'windrow:port', port: port2, index }), [port2]);
    return port1;
  }

  #restart({ index }) {
    this.#dismiss([this.#workers[index]]);
    this.#workers[index] = undefined;
    try {
      const port = this.#start(index);
      this.#post({ type: 'worker', index, port }, [port]);
    } catch (error) {
      this.#refused(`worker ${index}`, error);
    }
  }

  #dismiss(workers) {
    this.#gone = Promise.all([this.#gone, ...workers.map((worker) => worker?.terminate())]);
  }

  /** @type {(message: ToCoordinator, transfer?: Transferable[]) => void} */
  #post = (message, transfer = []) => {
    if (!this.#closed) this.#life.coordinator?.post(message, transfer);
  };

  /** Ends the current coordinator and all workers, and ignores their last messages. */
  #stop() {
    const { coordinator, relax, deaf } = this.#life;
    this.#life = {};
    relax?.();
    deaf?.();
    this.#dismiss([coordinator, ...this.#workers.splice(0)]);
  }

  /** @param {{ error?: any }} why */
  #end({ error }) {
    if (this.#closed) return;
    this.#closed = { error };
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#stop();
    this.#opening.reject(error ?? new WindrowError({ code: 'CLOSED', message: 'the loader was closed before the loader had opened' }));
    if (this.#ended) return;
    this.#arrivals.items.length = 0;
    this.#arrivals.end(() => this.#over());
  }
}
Loader.prototype[Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')] = Loader.prototype.close;
