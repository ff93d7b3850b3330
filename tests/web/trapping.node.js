import { WebWorker } from '../../www/pkg/src/plain/windrow.js';
import { serve } from '../../www/pkg/src/node/serve.js';
import { before, trapAt } from './trapping.js';

before(WebWorker, 'answer', trapAt(7));
serve({});
