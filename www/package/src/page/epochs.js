// @ts-check
// The epochs of a loader one after another, each with its batches.

import { CLOSED } from './arrivals.js';

/**
 * What gives one epoch after another. `peek(read)` tells the epoch of the next batch or error without taking it, `Infinity`
 * at the end and nothing where all is closed; where that is not the epoch `read`, this one is over. `leave(epoch)` goes on
 * with that epoch, and tells whether there is one; `reached()` is the epoch of what was received last. `place` is the epoch
 * of now and whether it is finished, kept by the loader for whoever asks for its epochs again; `refused` is an error in
 * place of everything.
 */
export function byEpoch(loader, { peek, leave, reached }, place, refused) {
  /** One after another, however many ask at once. */
  const inTurn = (act) => (place.turn = Promise.resolve(place.turn).then(act, act));

  async function next() {
    if (refused) throw refused;
    const { number, finished } = place;
    place.finished = false;
    if (number === undefined || (!finished && reached() > number)) {
      // Nobody has gone from epoch to epoch so far, or who did took batches of later ones.
      place.number = reached();
      return place.number < loader.progress.epochs;
    }
    place.number = number + 1;
    if (!finished) return leave(place.number);
    const at = await peek();
    // At the end, epochs are left that have no batches at all; of one that was closed, none.
    if (place.number < loader.progress.epochs) return at !== undefined;
    if (at === Infinity) await loader.next();
    return false;
  }

  const epoch = (own) => ({
    number: own,
    next: () =>
      inTurn(async () => {
        if (own !== place.number || place.finished) return CLOSED;
        const next = await peek(own);
        const item = next === undefined || next === own ? await loader.next() : CLOSED;
        place.finished = item.done === true;
        return item;
      }),
    return: async (value) => ({ done: true, value }),
    [Symbol.asyncIterator]() {
      return this;
    },
  });

  return {
    next: () =>
      inTurn(async () => {
        let more;
        try {
          more = await next();
          return more ? { done: false, value: epoch(place.number) } : CLOSED;
        } finally {
          refused = undefined;
          if (!more) await loader.close();
        }
      }),
    return: async (value) => (await loader.close(), { done: true, value }),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
