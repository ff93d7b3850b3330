// The badge: the digest of the batches so far beside the native run's after as many.

import { SHEETS } from './stream.js';
import { put, t, told } from './text.js';

const at = (id) => document.getElementById(id);
/** As long as a digest, so that nothing moves when one comes. */
const NONE = '·'.repeat(64);

export class Proof {
  verdict = 'waiting';
  #seeds;
  #seed;
  #sheets = 0;
  #mine;
  #paused = false;
  #note = ['', {}];

  constructor(expected) {
    this.#seeds = expected?.seeds;
    told(() => this.#show());
  }

  /** What the native run of a seed ends with. */
  end(seed) {
    return this.#seeds?.[seed]?.at(-1);
  }

  begin({ seed, sheets }, mine) {
    this.#seed = seed;
    this.#sheets = sheets;
    this.#mine = mine;
    this.#paused = false;
    this.note('');
    this.#judge();
  }

  sheet(number, digest) {
    this.#sheets = number + 1;
    this.#mine = digest;
    this.#judge();
  }

  pause() {
    this.#paused = this.#sheets < SHEETS;
    this.#show();
  }

  /** The run has ended with an error. */
  fail(why) {
    this.verdict = 'broken';
    this.note('failed', { why });
  }

  /** What else there is to say. */
  note(key, values = {}) {
    this.#note = [key, values];
    this.#show();
  }

  #judge() {
    const native = this.#native();
    if (!this.#seeds) this.verdict = 'unproven';
    else if (!this.#mine) this.verdict = 'waiting';
    else if (this.#mine !== native) this.verdict = 'different';
    else this.verdict = this.#sheets < SHEETS ? 'sofar' : 'same';
    this.#show();
  }

  #native() {
    return this.#sheets === 0 ? undefined : this.#seeds?.[this.#seed]?.[this.#sheets - 1];
  }

  #show() {
    at('proof').dataset.verdict = this.verdict;
    put(at('verdict'), t(this.verdict));
    put(at('far'), t(this.#paused ? 'pausedFar' : 'far', { n: this.#sheets, all: SHEETS }));
    at('bar').value = this.#sheets;
    put(at('native'), this.#native() ?? NONE);
    put(at('mine'), this.#mine ?? NONE);
    const [key, values] = this.verdict === 'unproven' && !this.#note[0] ? ['noteMissing', {}] : this.#note;
    put(at('note'), key ? t(key, { ...values, ...(values.ok === undefined ? {} : { ok: t(values.ok ? 'yes' : 'no') }) }) : '\u00a0');
  }
}
