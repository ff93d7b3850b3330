// @ts-check
// The coordinator: a loader in wasm, and messages to and from its workers. The coordinator carries messages and watches
// time limits. The loader decides what comes next.

import { isTold, plain } from '../shared/errors.js';
import { heldForLife } from '../shared/lock.js';
import { patience } from '../shared/patience.js';
import { trapped } from '../shared/trap.js';

/** @import { FromCoordinator, FromThread, FromWorker, Item, ToCoordinator, ToThread, ToWorker } from '../shared/protocol.js' */

/** The number of starts in a row that one worker may fail. */
const STARTS = 5;
/** The pause in milliseconds after a failed start. Each further failure makes the pause four times as long. */
const PAUSE = 100;
/** The time in milliseconds that the first of several batches may wait for the others. */
const TOGETHER = 4;

/**
 * @param {any} endpoint
 * @param {Record<string, any>} platform
 */
export function coordinate(endpoint, { glue, compile, prepare, reader, locks, threads }) {
  let core, opening, firstReady, failure, turn, epochTold, wanted = 0, ended = false, dead = false;
  const workers = [];
  /** The items of the next message, and their buffers to transfer. */
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

  // The glue of rayon's pool calls this function. The page has started the threads, and the function builds the pool.
  if (threads) {
    globalThis.windrowPool = async (module, memory, builder) => {
      /** @type {ToThread} */
      const job = { type: 'start', module, memory, receiver: builder.receiver(), files: opening.files };
      await Promise.all(opening.ports.map((port) => begun(port, job)));
      builder.build();
    };
  }

  /** Sends a thread its job once the thread has asked for one, as for workers. */
  const begun = (port, job) =>
    new Promise((ready, failed) => {
      port.onmessageerror = () => failed({ code: 'WORKER_LOAD', message: 'the coordinator could not read a message from a thread' });
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
    // A worker that is lost before its first task is restarted like any other.
    if (!threads) message.ports.forEach((port, index) => greet(index, port));
    const started = heldForLife(locks, message.lock).then((watched) => post({ type: 'started', watched }));
    const compiled = Promise.resolve(message.module ?? compile()).then((module) => {
      // A separate message, because Firefox may lose a message with a module.
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
    // Only workers know the lengths of the sources that they serve.
    const lengths = message.served ? await told : {};
    if (dead) return;
    core = new glue.WebLoader(message.document, { ...message.settings, lengths });
    opening.fingerprint = core.fingerprint();
    for (const worker of workers) if (worker.fingerprint) arrived(worker);
    // If a worker cannot start, opening fails, so wait for the first worker.
    if (workers.length === 0) opened();
  }

  /** Instantiates the module. WebKit checks the page's policy here and not at compilation. */
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
    post({ type: 'opened', state: core.state(), progress: core.progress(), text: core.describe(false), mermaid: core.describe(true) });
    pump();
  }

  /** Gives up all items after a state, and continues with an epoch. */
  function leave({ epoch, state, turn: now }) {
    // The page has dropped the item with this error, so the error is sent again.
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

  /** Connects to a worker that was started or restarted. */
  function greet(index, port) {
    const lock = locks ? `windrow:${crypto.randomUUID()}` : undefined;
    const worker = { index, port, lock, busy: [], starts: (workers[index]?.starts ?? 0) + 1 };
    workers[index] = worker;
    port.onmessageerror = () => workers[index] === worker && lost(index, 'the coordinator could not read a message from the worker');
    port.onmessage = ({ data }) => workers[index] === worker && !dead && heard(worker, data);
    expect(worker);
  }

  /** Opens a worker as soon as the files are ready, and starts its time limit. */
  function expect(worker) {
    if (!opening.prepared || !worker.port) return;
    const { startupTimeout } = opening;
    worker.relax = patience(startupTimeout, () => late(worker, startupTimeout));
    if (worker.asked) employ(worker);
  }

  function late({ index, asked }, startupTimeout) {
    const why = `did not start within ${startupTimeout} ms`;
    // The page knows the file of a worker that has not asked for work.
    if (opening.done || !asked) lost(index, why);
    else fatal({ code: 'WORKER_LOAD', message: `worker ${index} ${why}: its files, source and modules have not opened`, worker: index, fix: 'raise startupTimeout for a slow worker' });
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
      // A first failure is final. Later failures may come from a lost network connection.
      if (opening.done || opening.again) lost(worker.index, data.error.message, data.error);
      else fatal(data.error, 'WORKER');
    } else if (data.type === 'trap') {
      lost(worker.index, data.why);
    }
  }

  function arrived(worker) {
    worker.relax?.();
    if (worker.fingerprint !== opening.fingerprint) {
      return fatal({ code: 'SOURCE_CHANGED', message: `worker ${worker.index} has another source than the coordinator: fingerprint ${worker.fingerprint}, not ${opening.fingerprint}` });
    }
    worker.starts = 0;
    worker.running = true;
    // The lock becomes free when the worker ends for any reason.
    if (worker.watched) locks.request(worker.lock, () => workers[worker.index] === worker && lost(worker.index, 'was terminated')).catch(() => {});
    core.ready(worker.index);
    event('ready', worker);
    opened();
    pump();
  }

  function lost(index, why, error) {
    const worker = workers[index];
    // The end of a worker may be reported twice, as an error and an exit. At the second report, no new worker is there
    // yet.
    if (dead || !worker?.port) return;
    worker.relax?.();
    worker.port.close();
    const starts = worker.running ? 0 : worker.starts;
    if (starts >= STARTS) {
      const { code = 'WORKER_LOAD', fix = 'check that the worker file loads and calls serve() of windrow/worker at once; raise startupTimeout for a slow worker' } = error ?? {};
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

  /** Receives batches from the core. */
  const taker = {
    batch(buffer, fields, state, digest, [number, epoch, numberInEpoch, position, batches, skipped], keys) {
      fields &&= JSON.parse(fields);
      const item = { buffer, fields, state, number, numberInEpoch, progress: { epoch, position, batches, skipped, digest } };
      // Each property makes a message more expensive.
      items.push(keys === undefined ? item : { ...item, keys });
      buffers.push(buffer);
    },
  };

  /** Sends finished items to the page and requests to workers. */
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
      // Each call into the wasm has a cost.
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

  /** Sends the items: batches, errors in their places, or the end. */
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

  /** Starts the time limit of a worker's task. A task that takes too long costs the worker. */
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

  /** Ends this coordinator. After a trap the memory may be inconsistent. */
  function fatal(error, code) {
    if (dead) return;
    dead = true;
    const trap = trapped(error, glue);
    const told = trap ?? plain(error, code);
    // Another coordinator may have what this one lacked.
    const again = trap !== undefined || told.code === 'OUT_OF_MEMORY' || (opening?.again && !opening.done);
    post({ type: 'fatal', again, error: told });
  }
}
