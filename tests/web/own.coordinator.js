import '/www/pkg/src/browser/coordinator.js';
