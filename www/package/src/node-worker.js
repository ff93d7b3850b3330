// The worker's script in Node.

import { parentPort } from 'node:worker_threads';

import * as glue from './plain/windrow.js';
import { reader } from './node-reader.js';
import { work } from './work.js';

work(parentPort, { glue, reader });
