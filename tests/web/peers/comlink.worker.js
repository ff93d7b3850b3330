import * as Comlink from 'comlink';
import { batch } from './work.js';

Comlink.expose((kind, start, end) => {
  const made = batch(kind, start, end);
  return Comlink.transfer(made, [made.buffer]);
});
