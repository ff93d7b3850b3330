// @ts-check
// `serve` for the caller's own worker files, in a browser: `serve({ name(sample, options, { rng }) {…} }, { name: {
// length, get(index) {…} } })`.

import { WebWorker, functions as serveFunctions, initSync, lastPanic, provide, settle } from '../plain/windrow.js';
import { reader } from './reader.js';
import { work } from '../worker/worker.js';

const glue = { WebWorker, functions: serveFunctions, initSync, lastPanic, provide, settle };

export const serve = (functions, sources) => work(self, { glue, reader, locks: navigator.locks }, functions, sources);
