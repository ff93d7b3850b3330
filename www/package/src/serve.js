// For a worker file of one's own, in a browser: `serve({ name(sample, options, { rng }) {…} })`.

import { WebWorker, functions as serveFunctions, initSync, lastPanic, provide } from './plain/windrow.js';
import { reader } from './reader.js';
import { work } from './work.js';

const glue = { WebWorker, functions: serveFunctions, initSync, lastPanic, provide };

export const serve = (functions) => work(self, { glue, reader, locks: navigator.locks }, functions);
