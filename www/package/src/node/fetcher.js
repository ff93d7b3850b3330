// @ts-check
// The thread in Node that fetches ranges while a worker waits.

import { workerData } from 'node:worker_threads';

import { check, reason, wanted } from '../shared/http.js';

const { port, answers } = workerData;

port.on('message', async ({ number, file, offset, length, patience }) => {
  let answer, transfer = [];
  try {
    const bytes = await fetched(file, offset, length, patience);
    answer = { number, bytes };
    transfer = [bytes.buffer];
  } catch (error) {
    answer = { number, error: error.message };
  }
  port.postMessage(answer, transfer);
  Atomics.add(answers, 0, 1);
  Atomics.notify(answers, 0);
});

async function fetched(file, offset, length, patience) {
  let response, bytes;
  try {
    response = await fetch(file.url, { headers: { Range: wanted(offset, length) }, signal: AbortSignal.timeout(patience) });
    if (response.status === 206) bytes = new Uint8Array(await response.arrayBuffer());
    else await response.body?.cancel();
  } catch (error) {
    const why = error.name === 'TimeoutError' ? `no answer within ${patience} ms` : reason(error);
    throw Error(`[READ] ${file.url}: the request failed (${why})`);
  }
  return check(file, offset, length, response.status, (name) => response.headers.get(name), bytes);
}
