// @ts-check
// windrow in a browser. Nothing happens on import, so it can be imported on a server too.

import { loaderOn } from './loader.js';
import { platform } from './platform.js';

export { WindrowError } from './errors.js';
export { ops } from './document.js';
export { source } from './source.js';
export const loader = loaderOn(platform);
