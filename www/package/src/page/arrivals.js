// @ts-check
// The items from a coordinator that are not yet received, and the callers that wait for them.

/** The result after the last item. */
export const CLOSED = { done: true, value: undefined };

export class Arrivals {
  /** Items that arrived before a caller asked: batches, errors in their places, and the end. */
  items = [];
  /**
   * The callers that wait for an item, first come, first served. `#looking` holds those that wait only for an arrival.
   */
  #waiting = [];
  #looking = [];

  /** The number of waiting callers beyond the items at hand. */
  get owed() {
    return this.#waiting.length - this.items.length;
  }

  /** Returns the next item, as `serve` delivers it. */
  next() {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Returns a promise that resolves when an item has arrived. */
  look() {
    return new Promise((resolve) => this.#looking.push(resolve));
  }

  /** Delivers the items at hand to the waiting callers. */
  serve(deliver) {
    while (this.#waiting.length > 0 && this.items.length > 0) {
      const { resolve, reject } = this.#waiting.shift();
      deliver(this.items.shift()).then(resolve, reject);
    }
    this.show();
  }

  /** Wakes the callers that wait for an arrival. */
  show() {
    for (const look of this.#looking.splice(0)) look();
  }

  /** Resolves the remaining waiting callers with the result of `given`. */
  end(given) {
    this.show();
    for (const { resolve } of this.#waiting.splice(0)) resolve(given());
  }
}
