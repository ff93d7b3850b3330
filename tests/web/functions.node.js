import { serve } from '../../www/pkg/src/node-serve.js';
import { functions } from './functions.js';

serve(functions);
