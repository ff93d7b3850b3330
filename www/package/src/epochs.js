// @ts-check
// The epochs of a loader one after another, each with its batches.

const DONE = { done: true, value: undefined };

/**
 * What gives one epoch after another. `peek()` tells the epoch of the next batch or error without taking it, and nothing
 * at the end; `refused` is an error in place of everything.
 */
export function byEpoch(loader, peek, refused) {
  let number;

  /** The rest of the epoch of now is received by nobody. */
  async function pass() {
    for (let epoch; (epoch = await peek()) === undefined || epoch === number; ) {
      try {
        if ((await loader.next()).done) return;
      } catch (error) {
        // A sample's error is part of what is left out.
        if (error?.fatal !== false) throw error;
      }
    }
  }

  async function next() {
    if (refused) throw refused;
    if (number === undefined) {
      number = loader.progress.epoch;
      return number < loader.progress.epochs;
    }
    await pass();
    number += 1;
    // At the end, epochs are left that have no batches at all; of one that was closed, none.
    return (await peek()) !== undefined || number < loader.progress.epoch;
  }

  const epoch = (own) => ({
    number: own,
    async next() {
      if (own !== number) return DONE;
      const next = await peek();
      return next === undefined || next === own ? loader.next() : DONE;
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
