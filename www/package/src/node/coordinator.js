// @ts-check
// The coordinator's script in Node.

import { parentPort } from 'node:worker_threads';

import { WebLoader, initSync, lastPanic, provide } from '../plain/windrow.js';
import { coordinate } from '../coordinator/coordinator.js';
import { prepare, reader } from './reader.js';
import { compile } from './wasm.js';

coordinate(parentPort, {
  glue: { WebLoader, initSync, lastPanic, provide },
  prepare,
  reader,
  compile: () => compile(new URL('../plain/windrow_bg.wasm', import.meta.url)),
});
