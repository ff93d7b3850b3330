// @ts-check
// The coordinator's script in a browser, for the threaded build.

import { WebLoader, initSync, initThreadPool, lastPanic, provide } from '../threaded/windrow.js';
import { coordinate } from '../coordinator/coordinator.js';
import { prepare, reader } from './reader.js';
import { compile } from './wasm.js';

coordinate(self, {
  glue: { WebLoader, initSync, initThreadPool, lastPanic, provide },
  prepare,
  reader,
  threads: true,
  locks: navigator.locks,
  compile: () => compile(new URL('../threaded/windrow_bg.wasm', import.meta.url)),
});
