// @ts-check
// Sources, and the kinds of files that a browser or Node reads.

import { source as records } from './document.js';

export const source = {
  ...records,
  /** A file at a URL, fetched whole, or read by ranges with `{ read: 'range' }`. */
  http: (url, options) => ({ kind: 'http', url, read: 'whole', ...options }),
  /** A file of the origin private file system, by its path. */
  opfs: (path) => ({ kind: 'opfs', path }),
  /** A file of this machine, in Node. */
  path: (path) => ({ kind: 'path', path }),
  /** All files below a folder: a path in Node, or `source.opfs(path)` in a browser. */
  folder: (folder) => ({ kind: 'folder', folder }),
};
