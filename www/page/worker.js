// The page's own worker: windrow's, with a function of this page. What the page starts, it can kill.

import { serve } from '../pkg/src/browser/serve.js';
import { soften } from './soften.js';

serve({ soften });
