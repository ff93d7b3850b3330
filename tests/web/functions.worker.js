import { serve } from '/www/pkg/src/serve.js';
import { functions, sources } from './functions.js';

serve(functions, sources);
