// The thread in Node that asks for ranges while a worker waits.

import { workerData } from 'node:worker_threads';

import { PATIENCE, check, reason, wanted } from './http.js';

const { port, answers } = workerData;

port.on('message', async ({ file, offset, length }) => {
  let answer, transfer = [];
  try {
    const bytes = await fetched(file, offset, length);
    answer = { bytes };
    transfer = [bytes.buffer];
  } catch (error) {
    answer = { error: error.message };
  }
  port.postMessage(answer, transfer);
  Atomics.add(answers, 0, 1);
  Atomics.notify(answers, 0);
});

async function fetched(file, offset, length) {
  let response, buffer;
  try {
    response = await fetch(file.url, { headers: { Range: wanted(offset, length) }, signal: AbortSignal.timeout(PATIENCE) });
    if (response.status === 206) buffer = await response.arrayBuffer();
    else await response.body?.cancel();
  } catch (error) {
    throw Error(`[READ] ${file.url}: the request failed (${reason(error)})`);
  }
  check(file, response.status, (name) => response.headers.get(name));
  return new Uint8Array(buffer);
}
