// For a worker file of one's own, in Node.

import { parentPort } from 'node:worker_threads';

import { WebWorker, functions as serveFunctions, initSync, lastPanic, provide } from './plain/windrow.js';
import { reader } from './node-reader.js';
import { work } from './work.js';

const glue = { WebWorker, functions: serveFunctions, initSync, lastPanic, provide };

export const serve = (functions) => work(parentPort, { glue, reader }, functions);
