// @ts-check
// Ranges of a URL, read synchronously in Node: a thread of its own asks, this one waits for it.

import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';

import { execArgv } from './flags.js';
import { PATIENCE } from '../shared/http.js';

let fetcher;
/** The number of the last question. */
let asked = 0;

/** The bytes of a range, bound to the content that was there at the start. */
export function range(file, offset, length, patience = PATIENCE) {
  fetcher ??= start();
  const { port, worker, answers } = fetcher;
  const number = (asked += 1);
  port.postMessage({ number, file, offset, length, patience });
  // The fetcher gives up by itself; the rest is for one that is gone.
  for (const end = performance.now() + 2 * patience; ; ) {
    // Being woken says nothing: what counts is an answer to this question, looked for after the count was read.
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
  /** How many answers were given. */
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
