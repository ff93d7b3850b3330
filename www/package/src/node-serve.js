// For a worker file of one's own, in Node.

import { parentPort } from 'node:worker_threads';

import * as glue from './plain/windrow.js';
import { reader } from './node-reader.js';
import { work } from './work.js';

export const serve = (functions) => work(parentPort, { glue, reader }, functions);
