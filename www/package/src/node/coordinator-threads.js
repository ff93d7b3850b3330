// @ts-check
// The coordinator's script in Node, for the threaded build.

import { parentPort } from 'node:worker_threads';

import { WebLoader, initSync, initThreadPool, lastPanic, provide } from '../threaded/windrow.js';
import { coordinate } from '../coordinator/coordinator.js';
import { prepare, reader } from './reader.js';
import { compile } from './wasm.js';

coordinate(parentPort, {
  glue: { WebLoader, initSync, initThreadPool, lastPanic, provide },
  prepare,
  reader,
  threads: true,
  compile: () => compile(new URL('../threaded/windrow_bg.wasm', import.meta.url)),
});
