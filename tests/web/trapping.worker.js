// A worker that traps whenever it is asked for sample 7.

import { WebWorker } from '/www/pkg/src/plain/windrow.js';
import { serve } from '/www/pkg/src/browser/serve.js';
import { before, trapAt } from './trapping.js';

before(WebWorker, 'answer', trapAt(7));
serve({});
