// @ts-check
// The epochs of a loader one after another, each with its batches.

const DONE = { done: true, value: undefined };

/**
 * What gives one epoch after another. `peek()` tells the epoch of the next batch or error without taking it, and nothing
 * at the end; `leave(epoch)` goes on with that epoch, and tells whether there is one; `refused` is an error in place of
 * everything.
 */
export function byEpoch(loader, { peek, leave }, refused) {
  let number, finished;

  async function next() {
    if (refused) throw refused;
    if (number === undefined) {
      number = loader.progress.epoch;
      return number < loader.progress.epochs;
    }
    number += 1;
    if (!finished) return leave(number);
    finished = false;
    // At the end, epochs are left that have no batches at all; of one that was closed, none.
    return (await peek()) !== undefined || number < loader.progress.epoch;
  }

  const epoch = (own) => ({
    number: own,
    async next() {
      if (own !== number) return DONE;
      const next = await peek();
      const item = next === undefined || next === own ? await loader.next() : DONE;
      if (own === number) finished = item.done === true;
      return item;
    },
    return: async (value) => ({ done: true, value }),
    [Symbol.asyncIterator]() {
      return this;
    },
  });

  return {
    async next() {
      let more;
      try {
        more = await next();
        return more ? { done: false, value: epoch(number) } : DONE;
      } finally {
        refused = undefined;
        if (!more) await loader.close();
      }
    },
    return: async (value) => (await loader.close(), { done: true, value }),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
