// @ts-check
// windrow in a browser. The import has no side effects, so a server can import this module too.

import { loaderOn } from './page/loader.js';
import { platform } from './browser/platform.js';

export { WindrowError } from './shared/errors.js';
export { ops } from './page/document.js';
export { source } from './page/source.js';
export const loader = loaderOn(platform);
