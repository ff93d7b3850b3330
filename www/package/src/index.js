// @ts-check
// windrow in a browser. Nothing happens on import, so it can be imported on a server too.

import { loaderOn } from './page/loader.js';
import { platform } from './browser/platform.js';

export { WindrowError } from './shared/errors.js';
export { ops } from './page/document.js';
export { source } from './page/source.js';
export const loader = loaderOn(platform);
