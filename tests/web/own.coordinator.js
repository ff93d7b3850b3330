import '/www/pkg/src/coordinator.js';
