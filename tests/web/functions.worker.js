import { serve } from '/www/pkg/src/browser/serve.js';
import { functions, sources } from './functions.js';

serve(functions, sources);
