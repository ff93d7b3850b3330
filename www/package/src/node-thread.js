// @ts-check
// The script of a thread in Node.

import { parentPort } from 'node:worker_threads';

import { reader } from './node-reader.js';
import { initSync, lastPanic, provide, wbg_rayon_start_worker } from './threaded/windrow.js';
import { thread } from './threading.js';

thread(parentPort, { glue: { initSync, lastPanic, provide, wbg_rayon_start_worker }, reader });
