// @ts-check
// windrow in Node, with worker_threads instead of web workers, and files by path.

import { loaderOn } from '../page/loader.js';
import { platform } from './platform.js';

export { WindrowError } from '../shared/errors.js';
export { ops } from '../page/document.js';
export { source } from '../page/source.js';
export const loader = loaderOn(platform);
