// @ts-check
// What came from a coordinator and was not received yet, and who waits for it.

/** What comes after the last item. */
export const CLOSED = { done: true, value: undefined };

export class Arrivals {
  /** Batches, errors in their places, and the end: what came before anybody asked. */
  items = [];
  /** Who waits for a batch, first come first served; and who waits to see whether anything comes, and leaves it there. */
  #waiting = [];
  #looking = [];

  /** How many more are waited for than are there. */
  get owed() {
    return this.#waiting.length - this.items.length;
  }

  /** The next item that comes, as `serve` delivers it. */
  next() {
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Fulfilled when there is something to look at. */
  look() {
    return new Promise((resolve) => this.#looking.push(resolve));
  }

  /** Gives those who wait what is there. */
  serve(deliver) {
    while (this.#waiting.length > 0 && this.items.length > 0) {
      const { resolve, reject } = this.#waiting.shift();
      deliver(this.items.shift()).then(resolve, reject);
    }
    this.show();
  }

  /** Those who look do so again. */
  show() {
    for (const look of this.#looking.splice(0)) look();
  }

  /** Gives those who still wait what comes in place of an item. */
  end(given) {
    this.show();
    for (const { resolve } of this.#waiting.splice(0)) resolve(given());
  }
}
