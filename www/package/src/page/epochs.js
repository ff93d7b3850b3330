// @ts-check
// The epochs of a loader, one after another, each with its batches.

import { CLOSED } from './arrivals.js';

/**
 * Returns an iterator over the epochs of a loader.
 *
 * `peek(read)` returns the epoch of the next batch or error without taking the item. The result is `Infinity` at the
 * end, and `undefined` for a closed loader. If the result is not the epoch `read`, that epoch is over. `leave(epoch)`
 * continues with an epoch, and returns whether the epoch exists. `reached()` returns the epoch of the last item
 * received.
 *
 * `place` is the current epoch and whether the epoch is finished. The loader keeps `place` for later calls. `refused`
 * is an error to throw at the first call.
 */
export function byEpoch(loader, { peek, leave, reached }, place, refused) {
  /** Runs calls one after another, even if several callers ask at once. */
  const inTurn = (act) => (place.turn = Promise.resolve(place.turn).then(act, act));

  async function next() {
    if (refused) throw refused;
    const { number, finished } = place;
    place.finished = false;
    if (number === undefined || (!finished && reached() > number)) {
      // No caller has gone from epoch to epoch so far, or one took batches of later epochs too.
      place.number = reached();
      return place.number < loader.progress.epochs;
    }
    place.number = number + 1;
    if (!finished) return leave(place.number);
    const at = await peek();
    // At the end, the remaining epochs may have no batches. A closed loader has no more epochs.
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
