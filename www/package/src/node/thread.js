// @ts-check
// The script of a thread in Node.

import { parentPort } from 'node:worker_threads';

import { reader } from './reader.js';
import { initSync, lastPanic, provide, wbg_rayon_start_worker } from '../threaded/windrow.js';
import { thread } from '../worker/thread.js';

thread(parentPort, { glue: { initSync, lastPanic, provide, wbg_rayon_start_worker }, reader });
