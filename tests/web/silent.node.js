// A worker file that forgets to call serve().

import { parentPort } from 'node:worker_threads';

parentPort.on('message', () => {});
