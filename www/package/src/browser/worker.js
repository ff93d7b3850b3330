// @ts-check
// The worker's script in a browser.

import { serve } from './serve.js';

serve({});
