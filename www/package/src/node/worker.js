// @ts-check
// The worker's script in Node.

import { serve } from './serve.js';

serve({});
