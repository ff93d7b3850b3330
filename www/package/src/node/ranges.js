// @ts-check
// Synchronous reads of URL ranges in Node: another thread fetches while this thread waits.

import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';

import { execArgv } from './flags.js';
import { PATIENCE } from '../shared/http.js';

let fetcher;
/** The number of the last request. */
let asked = 0;

/** Returns the bytes of a range, and refuses content that changed after the start. */
export function range(file, offset, length, patience = PATIENCE) {
  fetcher ??= start();
  const { port, worker, answers } = fetcher;
  const number = (asked += 1);
  port.postMessage({ number, file, offset, length, patience });
  // The fetcher stops by itself at `patience`. The rest of the time is for a fetcher that is gone.
  for (const end = performance.now() + 2 * patience; ; ) {
    // A wake-up may come without an answer. Look for the answer after reading the count, so that none is missed.
    const before = Atomics.load(answers, 0);
    for (let one; (one = receiveMessageOnPort(port)); ) {
      const { message } = one;
      if (message.number !== number) continue;
      if (message.error) throw Error(message.error);
      return message.bytes;
    }
    const left = end - performance.now();
    if (left <= 0) break;
    Atomics.wait(answers, 0, before, left);
  }
  worker.terminate();
  fetcher = undefined;
  throw Error(`[READ] ${file.url}: no answer within ${2 * patience} ms`);
}

function start() {
  const { port1, port2 } = new MessageChannel();
  /** The number of answers so far. */
  const answers = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(new URL('./fetcher.js', import.meta.url), { execArgv, workerData: { port: port2, answers }, transferList: [port2] });
  const gone = () => fetcher?.worker === worker && (fetcher = undefined);
  worker.on('error', gone);
  worker.on('exit', gone);
  // Neither keeps a program running that has nothing else to do.
  worker.unref();
  port1.unref();
  return { port: port1, worker, answers };
}
