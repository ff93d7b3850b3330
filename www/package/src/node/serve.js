// @ts-check
// `serve` for the caller's own worker files, in Node.

import { parentPort } from 'node:worker_threads';

import { WebWorker, functions as serveFunctions, initSync, lastPanic, provide, settle } from '../plain/windrow.js';
import { reader } from './reader.js';
import { work } from '../worker/worker.js';

const glue = { WebWorker, functions: serveFunctions, initSync, lastPanic, provide, settle };

export const serve = (functions, sources) => work(parentPort, { glue, reader }, functions, sources);
