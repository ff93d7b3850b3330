// @ts-check
// windrow in Node: worker_threads instead of web workers, files by path.

import { loaderOn } from './loader.js';
import { platform } from './node-platform.js';

export { WindrowError } from './errors.js';
export { ops } from './document.js';
export { source } from './source.js';
export const loader = loaderOn(platform);
