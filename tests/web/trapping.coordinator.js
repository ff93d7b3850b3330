// The package's coordinator, which traps at the call that its address says: `?at=3`.

import { WebLoader } from '/www/pkg/src/plain/windrow.js';
import '/www/pkg/src/browser/coordinator.js';
import { before, trap } from './trapping.js';

const at = Number(new URL(import.meta.url).searchParams.get('at'));
before(WebLoader, 'poll', (count) => count === at && trap());
