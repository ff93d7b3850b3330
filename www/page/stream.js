// One pass over the pictures: started, paused, gone on with, and robbed of a worker. It knows the
// package and nothing of the document around it.

import { loader } from '../pkg/src/index.js';

/** Sheets of an epoch, pictures on a sheet, and milliseconds that a sheet is held, as a training step would. */
export const SHEETS = 16;
export const PICTURES = 32;
const STEP = 100;
/** Milliseconds after which a worker is killed even if none is seen at work. */
const PATIENCE = 500;

const sleep = (milliseconds) => new Promise((later) => setTimeout(later, milliseconds));

export class Stream {
  /** `{ seed, workers, backend }` of the run at hand. */
  settings;
  running = false;
  /** How many runs were begun. */
  runs = 0;
  /** After the last sheet, with the number of sheets until then. */
  state;
  sheets = 0;
  #document;
  #archive;
  #on;
  #abort;
  #workers = [];
  #lost = [];
  #armed = 0;

  /** `archive` is the pictures' tar, or a promise of it; `on` is told of `begin`, `open`, `sheet`, `event`, `killed`, `end`, `fail`. */
  constructor(document, archive, on) {
    this.#document = document;
    this.#archive = archive;
    this.#on = on;
  }

  /** Begins a run, in place of the one at hand. Goes on after `sheets` sheets where there is a state. */
  async start(settings, { state, sheets = 0 } = {}) {
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    Object.assign(this, { settings, state, sheets, running: true });
    this.runs += 1;
    this.#workers = [];
    this.#lost = [];
    this.#armed = 0;
    this.#on.begin({ ...settings, sheets });
    try {
      await this.#run(settings, abort.signal);
      if (!abort.signal.aborted) this.#stop('end');
    } catch (error) {
      if (!abort.signal.aborted) this.#stop('fail', error);
    }
  }

  async #run({ seed, workers, backend }, signal) {
    const data = await loader({
      spec: { ...this.#document, seed },
      files: { 'emoji.tar': await this.#archive },
      backend,
      workers,
      worker: this.#own(backend) ? () => this.#started() : undefined,
      digest: true,
      prefetch: 2 * PICTURES,
      sampleTimeout: 10_000,
      resume: this.state,
      signal,
      onEvent: (event) => !signal.aborted && this.#event(event),
    });
    this.#on.open(data.mode);
    for await (const batch of data) {
      if (signal.aborted) return;
      this.state = batch.state;
      this.sheets += 1;
      this.#on.sheet(this.sheets - 1, batch, data.digest);
      await sleep(STEP);
    }
  }

  #stop(how, error) {
    this.running = false;
    this.#workers = [];
    this.#on[how](error);
  }

  /** Ends the workers; the state is all that is left. */
  pause() {
    this.#abort?.abort();
    this.#stop('end');
  }

  /** Kills a worker right after it handed in a task, when it is at work on its next. */
  kill() {
    if (!this.killable) return;
    const armed = (this.#armed = performance.now());
    setTimeout(() => this.#armed === armed && this.#end(0), PATIENCE);
  }

  /** Whether it stands in the middle. */
  get paused() {
    return !this.running && this.sheets > 0 && this.sheets < SHEETS;
  }

  /** Whether the page has workers of its own in this run. */
  get killable() {
    return this.#workers.length > 0;
  }

  // Threads are not the page's to start. Where there are some, `auto` may choose them.
  #own = (backend) => backend === 'workers' || (backend === 'auto' && !globalThis.crossOriginIsolated);

  /** A worker for the package: one of the first, or one in place of one that was lost. */
  #started() {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'windrow-demo' });
    if (this.#workers.length < this.settings.workers) this.#workers.push(worker);
    else this.#workers[this.#lost.shift() ?? 0] = worker;
    return worker;
  }

  #event(event) {
    if (event.kind === 'lost') this.#lost.push(event.worker);
    this.#on.event(event);
    if (event.kind === 'task' && this.#armed) this.#end(event.worker);
  }

  #end(index) {
    this.#armed = 0;
    const worker = this.#workers[index];
    if (!worker) return;
    worker.terminate();
    this.#on.killed(index);
  }
}
