import { serve } from '/www/pkg/src/serve.js';
import { functions } from './functions.js';

serve(functions);
