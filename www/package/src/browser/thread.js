// @ts-check
// The script of a thread in a browser.

import { initSync, lastPanic, provide, wbg_rayon_start_worker } from '../threaded/windrow.js';
import { reader } from './reader.js';
import { thread } from '../worker/thread.js';

thread(self, { glue: { initSync, lastPanic, provide, wbg_rayon_start_worker }, reader });
