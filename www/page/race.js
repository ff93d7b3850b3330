// The race: the same function over the same pictures, in the page's thread and in workers.

import { loader, ops, source } from '../pkg/src/index.js';
import { meter } from './meter.js';
import { soften } from './soften.js';
import { n, put, t, told } from './text.js';

const ROUNDS = 24;
const BATCH = 16;
/** Milliseconds that the dot takes across. */
const ACROSS = 1200;

const at = (id) => document.getElementById(id);
/** Lets the page draw and answer, as a loop with good manners does between batches. A message waits for no clock, but each of
 * several timers in a row takes 4 ms or more. */
const breath = () => new Promise((later) => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    later();
  };
  port2.postMessage(undefined);
});
const calm = matchMedia('(prefers-reduced-motion: reduce)');

export class Race {
  #results = {};
  #workers;
  #told = [];

  /** `pictures()` gives all pixels or nothing, `workers()` how many workers run. */
  constructor({ pictures, workers, quiet }) {
    at('race').addEventListener('click', () => this.#run(pictures(), workers(), quiet));
    this.#workers = workers;
    told(() => this.#show());
  }

  async #run(pictures, workers, quiet) {
    if (!pictures) return this.#tell('raceWait');
    quiet();
    this.#results = {};
    this.#workers = () => workers;
    at('race').disabled = true;
    try {
      const sums = [];
      for (const [who, go] of [['page', inPage], ['workers', inWorkers]]) {
        this.#tell('raceRunning', { who: () => this.#name(who) });
        await breath();
        const measured = meter(move);
        sums.push(await go(pictures, workers));
        this.#results[who] = measured.stop();
        this.#show();
      }
      this.#tell(sums[0] === sums[1] ? 'raceSame' : 'raceDifferent');
    } catch (error) {
      this.#tell('failed', { why: () => error.message });
    }
    at('race').disabled = false;
  }

  #tell(...what) {
    this.#told = what;
    this.#show();
  }

  #name = (who) => (who === 'page' ? t('racePage') : t('raceWorkers', { n: this.#workers() }));

  #show() {
    const [key, values = {}] = this.#told;
    put(at('race-told'), key ? t(key, Object.fromEntries(Object.entries(values).map(([name, of]) => [name, of()]))) : '\u00a0');
    put(at('race-workers-name'), this.#name('workers'));
    const longest = Math.max(...Object.values(this.#results).map(({ freeze }) => freeze));
    for (const who of ['page', 'workers']) {
      const result = this.#results[who];
      const [time, frames, freeze] = at(`race-${who}`).querySelectorAll('td');
      put(time, result ? t('seconds', { n: result.time / 1000 }) : '–');
      put(frames, result ? n(Math.round(result.frames)) : '–');
      put(freeze.firstElementChild, result ? t('raceMs', { n: Math.round(result.freeze) }) : '–');
      freeze.lastElementChild.style.inlineSize = result ? `${(100 * result.freeze) / longest}%` : 0;
    }
  }
}

function move(time) {
  if (calm.matches) return;
  const across = (time % ACROSS) / ACROSS;
  const dot = at('runner');
  const way = dot.parentElement.clientWidth - dot.offsetWidth;
  dot.style.transform = `translateX(${(document.documentElement.dir === 'rtl' ? -1 : 1) * across * way}px)`;
}

async function inPage({ data, shape: [count, height, width, channels] }) {
  const size = height * width * channels;
  let sum = 0;
  for (let first = 0; first < count; first += BATCH) {
    for (let at = first; at < Math.min(first + BATCH, count); at++) {
      const picture = { dtype: 'u8', shape: [height, width, channels], data: data.subarray(at * size, (at + 1) * size) };
      sum = added(sum, soften({ picture }, { rounds: ROUNDS }).picture.data);
    }
    await breath();
  }
  return sum;
}

async function inWorkers(pictures, workers) {
  const data = await loader({
    source: source.arrays({ picture: pictures }),
    pipeline: [ops.js('soften', { rounds: ROUNDS })],
    batchSize: BATCH,
    workers,
    worker: () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'windrow-race' }),
  });
  let sum = 0;
  for await (const { fields } of data) sum = added(sum, fields.picture.data);
  return sum;
}

/** A sum that depends on the order. */
function added(sum, bytes) {
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0;
  return sum;
}
