// @ts-check
// The coordinator's script in a browser.

import { WebLoader, initSync, lastPanic, provide } from '../plain/windrow.js';
import { coordinate } from '../coordinator/coordinator.js';
import { prepare, reader } from './reader.js';
import { compile } from './wasm.js';

coordinate(self, {
  glue: { WebLoader, initSync, lastPanic, provide },
  prepare,
  reader,
  locks: navigator.locks,
  compile: () => compile(new URL('../plain/windrow_bg.wasm', import.meta.url)),
});
