// Ranges of a URL, read synchronously in Node: a thread of its own asks, this one waits for it.

import { MessageChannel, Worker, receiveMessageOnPort } from 'node:worker_threads';

import { PATIENCE } from './http.js';

let fetcher;

/** The bytes of a range, bound to the content that was there at the start. */
export function range(file, offset, length) {
  fetcher ??= start();
  const { port, worker, answers } = fetcher;
  const before = Atomics.load(answers, 0);
  port.postMessage({ file, offset, length });
  if (Atomics.wait(answers, 0, before, 2 * PATIENCE) === 'timed-out') {
    // What it says later would be taken for the answer to something else.
    worker.terminate();
    fetcher = undefined;
    throw Error(`[READ] ${file.url}: no answer within ${2 * PATIENCE} ms`);
  }
  const { bytes, error } = receiveMessageOnPort(port).message;
  if (error) throw Error(error);
  return bytes;
}

function start() {
  const { port1, port2 } = new MessageChannel();
  const answers = new Int32Array(new SharedArrayBuffer(4));
  const execArgv = process.execArgv.filter((flag) => !flag.startsWith('--input-type'));
  const worker = new Worker(new URL('./node-fetcher.js', import.meta.url), { execArgv, workerData: { port: port2, answers }, transferList: [port2] });
  // Neither keeps a program running that has nothing else to do.
  worker.unref();
  port1.unref();
  return { port: port1, worker, answers };
}
