// The coordinator's script in a browser.

import * as glue from './plain/windrow.js';
import { coordinate } from './coordinate.js';
import { prepare, reader } from './reader.js';
import { compile } from './wasm.js';

coordinate(self, {
  glue,
  prepare,
  reader,
  locks: navigator.locks,
  compile: () => compile(new URL('./plain/windrow_bg.wasm', import.meta.url)),
});
