// For a worker file of one's own, in a browser: `serve({ name(sample, options, { rng }) {…} })`.

import * as glue from './plain/windrow.js';
import { reader } from './reader.js';
import { work } from './work.js';

export const serve = (functions) => work(self, { glue, reader, locks: navigator.locks }, functions);
