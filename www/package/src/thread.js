// The script of a thread in a browser.

import * as glue from './threaded/windrow.js';
import { reader } from './reader.js';
import { thread } from './threading.js';

thread(self, { glue, reader });
