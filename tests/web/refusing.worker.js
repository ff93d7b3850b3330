// A worker to which locks are refused.

import './refusing.js';
import '/www/pkg/src/browser/worker.js';
