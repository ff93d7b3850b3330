// @ts-check
// The coordinator: a loader in wasm, and messages to and from its workers. It carries and watches;
// what comes next is the loader's to say.

import { isTold, plain } from '../shared/errors.js';
import { heldForLife } from '../shared/lock.js';
import { patience } from '../shared/patience.js';
import { trapped } from '../shared/trap.js';

/** @import { FromCoordinator, FromThread, FromWorker, Item, ToCoordinator, ToThread, ToWorker } from '../shared/protocol.js' */

/** Starts of one worker in a row that may fail. */
const STARTS = 5;
/** Milliseconds before a start that comes after a failed one; four times as many after each more. */
const PAUSE = 100;
/** Milliseconds that the first of several batches may wait to go in one message. */
const TOGETHER = 4;

/**
 * @param {any} endpoint
 * @param {Record<string, any>} platform
 */
export function coordinate(endpoint, { glue, compile, prepare, reader, locks, threads }) {
  let core, opening, firstReady, failure, turn, epochTold, wanted = 0, ended = false, dead = false;
  const workers = [];
  /** What goes in the next message: items, and what of them is transferred. */
  /** @type {Item[]} */
  let items = [];
  let buffers = [];
  /** @type {(message: FromCoordinator, transfer?: Transferable[]) => void} */
  const post = (message, transfer = []) => endpoint.postMessage(message, transfer);
  /** @type {(port: MessagePort, message: ToWorker, transfer?: Transferable[]) => void} */
  const tell = (port, message, transfer = []) => port.postMessage(message, transfer);

  endpoint.onmessage = (/** @type {{ data: ToCoordinator }} */ { data }) => {
    if (dead) return;
    if (data.type === 'open') open(data).catch((error) => fatal(error, 'FAILED'));
    else if (data.type === 'next') (wanted += data.count), pump();
    else if (data.type === 'leave') leave(data);
    else if (data.type === 'worker') greet(data.index, data.port);
    else if (data.type === 'died') lost(data.index, data.why);
  };
  endpoint.onmessageerror = () => post({ type: 'unread' });

  // What the glue of rayon's pool calls: the page has started the threads, this one builds the pool.
  if (threads) {
    globalThis.windrowPool = async (module, memory, builder) => {
      /** @type {ToThread} */
      const job = { type: 'start', module, memory, receiver: builder.receiver(), files: opening.files };
      await Promise.all(opening.ports.map((port) => begun(port, job)));
      builder.build();
    };
  }

  /** A thread that has asked for its job has it; not before, as with workers. */
  const begun = (port, job) =>
    new Promise((ready, failed) => {
      port.onmessageerror = () => failed({ code: 'WORKER_LOAD', message: 'a message from a thread could not be read' });
      port.onmessage = (/** @type {{ data: FromThread }} */ { data }) => {
        if (data.type === 'hello') port.postMessage(job);
        else if (data.type === 'ready') ready();
        else failed(data.error);
      };
    });

  async function open(message) {
    opening = message;
    turn = message.turn;
    const told = new Promise((resolve) => (firstReady = resolve));
    // One that is gone before it is of use is started again all the same.
    if (!threads) message.ports.forEach((port, index) => greet(index, port));
    const started = heldForLife(locks, message.lock).then((watched) => post({ type: 'started', watched }));
    const compiled = Promise.resolve(message.module ?? compile()).then((module) => {
      // By itself, since it may be lost.
      if (!message.module) post({ type: 'compiled', module });
      return module;
    });
    const [module, files] = await Promise.all([compiled, prepare(message.files), started]);
    Object.assign(opening, { module, files, prepared: true });
    post({ type: 'prepared' });
    workers.forEach(expect);
    instantiate(module);
    glue.provide(reader(files));
    if (threads) await glue.initThreadPool(message.settings.workers);
    // Only workers know how long a source is that they serve.
    const lengths = message.served ? await told : {};
    if (dead) return;
    core = new glue.WebLoader(message.document, { ...message.settings, lengths });
    opening.fingerprint = core.fingerprint();
    for (const worker of workers) if (worker.fingerprint) arrived(worker);
    // A worker that cannot start is an error of opening, so the first one is waited for.
    if (workers.length === 0) opened();
  }

  /** WebKit asks the page's policy here, and not when it compiles. */
  function instantiate(module) {
    try {
      glue.initSync({ module });
    } catch (error) {
      if (trapped(error, glue)) throw error;
      throw Error(`[WASM_LOAD] ${error.message}; a Content-Security-Policy needs 'wasm-unsafe-eval' in script-src`);
    }
  }

  function opened() {
    if (opening.done) return;
    opening.done = true;
    post({ type: 'opened', state: core.state(), progress: core.progress() });
    pump();
  }

  /** What was made after a state is given up, and an epoch goes on in its place. */
  function leave({ epoch, state, turn: now }) {
    // Sent before, and dropped with the rest.
    if (failure) return fatal(failure);
    turn = now;
    epochTold = undefined;
    wanted = 0;
    ended = false;
    guarded(() => {
      core.leave(BigInt(epoch), state);
      post({ type: 'left', state: core.state(), progress: core.progress(), turn });
    });
  }

  /** Introduces itself to a worker that was started, or started again. */
  function greet(index, port) {
    const lock = locks ? `windrow:${crypto.randomUUID()}` : undefined;
    const worker = { index, port, lock, busy: [], starts: (workers[index]?.starts ?? 0) + 1 };
    workers[index] = worker;
    port.onmessageerror = () => workers[index] === worker && lost(index, 'a message from it could not be read');
    port.onmessage = ({ data }) => workers[index] === worker && !dead && heard(worker, data);
    expect(worker);
  }

  /** Lets a worker start as soon as there is what it needs, in the time that it has for that. */
  function expect(worker) {
    if (!opening.prepared || !worker.port) return;
    const { startupTimeout } = opening;
    worker.relax = patience(startupTimeout, () => late(worker, startupTimeout));
    if (worker.asked) employ(worker);
  }

  function late({ index, asked }, startupTimeout) {
    const why = `did not start within ${startupTimeout} ms`;
    // Of one that has not even asked for work, the page knows where it comes from.
    if (opening.done || !asked) lost(index, why);
    else fatal({ code: 'WORKER_LOAD', message: `worker ${index} ${why}: its files, source and modules have not opened`, worker: index, fix: 'a slow one needs a longer startupTimeout' });
  }

  function employ(worker) {
    const { document, files, module, modules } = opening;
    tell(worker.port, { type: 'open', document, files, module, modules, lock: worker.lock });
  }

  /**
   * @param {any} worker
   * @param {FromWorker} data
   */
  function heard(worker, data) {
    if (data.type === 'hello') {
      // Not before: Firefox loses a module that is posted to a port on its way to a worker.
      worker.asked = true;
      if (opening.prepared) employ(worker);
    } else if (data.type === 'ready') {
      worker.fingerprint = data.fingerprint;
      worker.watched = data.watched;
      firstReady(data.lengths);
      if (core) arrived(worker);
    } else if (data.type === 'reply') {
      const request = worker.busy.shift();
      if (opening.timeline) event('task', worker, { ...request, started: data.started, ended: data.ended });
      watch(worker);
      guarded(() => core.replied(worker.index, data.bytes));
      pump();
    } else if (data.type === 'error') {
      // What fails at first fails for good; later, the network may have been away.
      if (opening.done || opening.again) lost(worker.index, data.error.message, data.error);
      else fatal(data.error, 'WORKER');
    } else if (data.type === 'trap') {
      lost(worker.index, data.why);
    }
  }

  function arrived(worker) {
    worker.relax?.();
    if (worker.fingerprint !== opening.fingerprint) {
      return fatal({ code: 'SOURCE_CHANGED', message: `worker ${worker.index} sees another source than the coordinator: fingerprint ${worker.fingerprint}, not ${opening.fingerprint}` });
    }
    worker.starts = 0;
    worker.running = true;
    // The lock is free again when the worker is gone, however it went.
    if (worker.watched) locks.request(worker.lock, () => workers[worker.index] === worker && lost(worker.index, 'was terminated')).catch(() => {});
    core.ready(worker.index);
    event('ready', worker);
    opened();
    pump();
  }

  function lost(index, why, error) {
    const worker = workers[index];
    // Its end may be told twice, as an error and an exit: the second time there is none yet in its place.
    if (dead || !worker?.port) return;
    worker.relax?.();
    worker.port.close();
    const starts = worker.running ? 0 : worker.starts;
    if (starts >= STARTS) {
      const { code = 'WORKER_LOAD', fix = 'a worker file must load, and call serve() of windrow/worker at once; a slow one needs a longer startupTimeout' } = error ?? {};
      return fatal({ code, message: `worker ${index} failed ${STARTS} times to start: ${why}`, worker: index, fix });
    }
    workers[index] = { starts };
    event('lost', worker, { why });
    core?.lost(index, why);
    const restart = () => dead || post({ type: 'restart', index, why });
    if (starts > 0) setTimeout(restart, PAUSE * 4 ** (starts - 1));
    else restart();
    pump();
  }

  /** What the core gives batches to. */
  const taker = {
    batch(buffer, fields, state, digest, [number, epoch, numberInEpoch, position, batches, skipped], keys) {
      fields &&= JSON.parse(fields);
      const item = { buffer, fields, state, number, numberInEpoch, progress: { epoch, position, batches, skipped, digest } };
      // Each property of a message costs.
      items.push(keys === undefined ? item : { ...item, keys });
      buffers.push(buffer);
    },
  };

  /** Gives out what is there, and carries what there is to carry. */
  function pump() {
    if (!core || dead) return;
    let since;
    while (wanted > 0 && !ended && !dead) {
      try {
        const given = threads ? core.wait(taker) : core.poll(taker);
        if (given === undefined) break;
        if ((ended = !given)) items.push({ progress: core.progress() });
      } catch (error) {
        if (!isTold(error)) return send(), fatal(error, 'FAILED');
        if (error.position === undefined) failure = error;
        items.push({ error, state: core.state(), progress: core.progress() });
      }
      const item = items.at(-1);
      // Each call into the wasm costs too.
      if (item.progress.epoch !== epochTold) {
        item.starts = core.epoch_starts();
        epochTold = item.progress.epoch;
      }
      wanted -= 1;
      // A message costs more than a small batch.
      const now = performance.now();
      since ??= now;
      if (now - since >= TOGETHER) send(), (since = undefined);
    }
    send();
    guarded(() => {
      for (let request; (request = core.request()) !== undefined; ) carry(...request);
    });
  }

  /** Items: a batch, an error in its place, or neither, which is the end. */
  function send() {
    if (items.length > 0) post({ type: 'items', items, turn }, buffers);
    items = [];
    buffers = [];
  }

  function carry(index, bytes) {
    const worker = workers[index];
    const [, start, count] = new BigUint64Array(bytes.buffer);
    worker.busy.push({ start: Number(start), count: Number(count) });
    if (worker.busy.length === 1) watch(worker);
    tell(worker.port, { type: 'request', bytes }, [bytes.buffer]);
  }

  /** A task that takes too long costs its worker. */
  function watch(worker) {
    const { sampleTimeout } = opening;
    if (sampleTimeout === undefined) return;
    worker.relax?.();
    const [task] = worker.busy;
    if (!task) return;
    const most = sampleTimeout * task.count;
    worker.relax = patience(most, () => lost(worker.index, `took longer than ${most} ms for ${task.count} sample(s) from position ${task.start}`));
  }

  const event = (kind, { index }, more = {}) => opening.timeline && post({ type: 'event', event: { kind, worker: index, at: performance.timeOrigin + performance.now(), ...more } });

  function guarded(work) {
    try {
      work();
    } catch (error) {
      fatal(error, 'FAILED');
    }
  }

  /** The end of this coordinator: after a trap its memory is not to be trusted. */
  function fatal(error, code) {
    if (dead) return;
    dead = true;
    const trap = trapped(error, glue);
    const told = trap ?? plain(error, code);
    // Another one may have what this one lacked.
    const again = trap !== undefined || told.code === 'OUT_OF_MEMORY' || (opening?.again && !opening.done);
    post({ type: 'fatal', again, error: told });
  }
}
