// @ts-check
// The worker's script in Node.

import { serve } from './node-serve.js';

serve({});
