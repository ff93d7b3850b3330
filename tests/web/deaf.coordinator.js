// The package's coordinator, to which messages with a program in them come unreadable, and with `?all`
// every message that opens a loader.

import '/www/pkg/src/browser/coordinator.js';

const all = new URL(import.meta.url).searchParams.has('all');
const hear = self.onmessage;
self.onmessage = (event) => {
  const { type, module } = event.data;
  return type === 'open' && (all || module) ? self.onmessageerror(event) : hear(event);
};
