// The worker's script in a browser.

import * as glue from './plain/windrow.js';
import { reader } from './reader.js';
import { work } from './work.js';

work(self, { glue, reader, locks: navigator.locks });
