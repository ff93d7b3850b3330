// What must hold of a coordinator that is busy or whose machine sleeps: `coordinator.js` itself, on this
// thread, with a core that does as a case says and a worker at the other end of a port.

import { equal } from './cases.js';

const LIMIT = 300;

/** Keeps this thread from its messages and timers, as a large batch or a sleeping machine does. */
const busy = (milliseconds) => {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
};

/**
 * Opens a loader with one worker and gives it one task: why the worker was lost, or nothing where its answer was
 * heard. `opening` is done while the core opens; `asked(reply)` once the task is on its way.
 */
async function lost(here, { opening = () => {}, asked, sampleTimeout = 60_000, startupTimeout = 60_000 }) {
  const { coordinate } = await import(here.url('www/pkg/src/coordinator/coordinator.js'));
  const { port1, port2 } = new MessageChannel();
  const reply = () => port2.postMessage({ type: 'reply', started: 0, ended: 1 });
  try {
    return await new Promise((resolve) => {
      let given = false;
      class WebLoader {
        constructor() {
          opening();
        }
        fingerprint = () => 'same';
        state = () => '{}';
        progress = () => ({});
        describe = () => '';
        poll() {}
        ready() {}
        lost() {}
        replied = () => resolve();
        request() {
          // The task was posted when the core is asked for another.
          if (given) return asked(reply);
          given = true;
          return [0, new BigUint64Array([0n, 0n, 1n])];
        }
      }
      const endpoint = { postMessage: ({ type, why, error }) => (type === 'restart' ? resolve(why) : type === 'fatal' && resolve(error.message)) };
      coordinate(endpoint, { glue: { WebLoader, initSync() {}, provide() {} }, prepare: async () => ({}), reader() {} });
      port2.onmessage = ({ data }) => data.type === 'open' && port2.postMessage({ type: 'ready', fingerprint: 'same', lengths: {} });
      port2.postMessage({ type: 'hello' });
      endpoint.onmessage({ data: { type: 'open', module: {}, document: '{}', settings: {}, ports: [port1], modules: [], sampleTimeout, startupTimeout } });
    });
  } finally {
    port1.close();
    port2.close();
  }
}

/** Does something the first time. */
const once = (act) => {
  let done = false;
  return (...all) => {
    if (!done) (done = true), act(...all);
  };
};

export const patience = {
  async 'a coordinator that is busy, or asleep, takes no answer that is there for one that is late'({ here }) {
    const late = (reply) => (reply(), busy(2 * LIMIT));
    equal(await lost(here, { asked: once(late), sampleTimeout: LIMIT }), undefined, 'in a message');
    equal(await lost(here, { asked: once((reply) => setTimeout(late, LIMIT / 2, reply)), sampleTimeout: LIMIT }), undefined, 'in a timer');
  },

  async 'a coordinator that opens for long takes no worker for one that does not start'({ here }) {
    const asked = once((reply) => reply());
    equal(await lost(here, { asked, opening: () => busy(2 * LIMIT), startupTimeout: LIMIT }), undefined);
  },

  async 'a worker that answers nothing is lost, however busy the coordinator is'({ here }) {
    for (const most of [0, 2 * LIMIT]) {
      const asked = once(() => busy(most));
      const why = await lost(here, { asked, sampleTimeout: LIMIT });
      equal(why, `took longer than ${LIMIT} ms for 1 sample(s) from position 0`, `busy for ${most} ms`);
    }
  },

  async 'a time limit of any length is no shorter than it says'({ here }) {
    for (const sampleTimeout of [2 ** 31, 1e300, Infinity]) {
      const asked = once((reply) => setTimeout(reply, 100));
      equal(await lost(here, { asked, sampleTimeout, startupTimeout: sampleTimeout }), undefined, `${sampleTimeout} ms`);
    }
  },
};
