// @ts-check
// The clock of a loader's caller.

export class Times {
  /** The number of items received, and the milliseconds in which the caller waited and was busy. */
  items = 0;
  waited = 0;
  busy = 0;
  /** The number of calls that wait, and the time of the last change between waiting and not. */
  #calls = 0;
  #since;

  /** Counts the time until a promise settles as time in which the caller waits. Returns the promise. */
  of(promise) {
    if (this.#calls++ === 0) this.busy += this.#change();
    const answer = () => {
      if (--this.#calls === 0) this.waited += this.#change();
    };
    promise.then(answer, answer);
    return promise;
  }

  /** Returns the milliseconds since the last change, and 0 at the first one. */
  #change() {
    const now = performance.now();
    const passed = now - (this.#since ?? now);
    this.#since = now;
    return passed;
  }
}
