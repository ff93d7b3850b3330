// The package's coordinator, to which locks are refused.

import './refusing.js';
import '/www/pkg/src/browser/coordinator.js';
