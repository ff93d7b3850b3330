import { serve } from '../../www/pkg/src/node/serve.js';
import { functions, sources } from './functions.js';

serve(functions, sources);
