import '../../www/pkg/src/node/coordinator.js';
