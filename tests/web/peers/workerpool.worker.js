import workerpool from 'workerpool';
import { batch } from './work.js';

workerpool.worker({
  make(kind, start, end) {
    const made = batch(kind, start, end);
    return new workerpool.Transfer(made, [made.buffer]);
  },
});
