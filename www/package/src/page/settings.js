// @ts-check
// Checks the options of `loader()` before anything runs.

import { PIPELINE, isWhole, setting, shown } from './document.js';

const known = (...words) => [(value) => words.includes(value), `allowed: ${words.join(', ')}`];
const whole = [isWhole, 'give a whole number from 0'];
const milliseconds = [(value) => typeof value === 'number' && value > 0 && value < Infinity, 'give milliseconds: a number above 0'];
const called = (fix) => [(value) => typeof value === 'function', fix];
/** `own.js` throws the errors for functions that start workers. */
const anything = [() => true];

/** The settings of a loader: the check for each value, and the advice for a wrong value. */
const SETTINGS = {
  backend: known('auto', 'inline', 'workers', 'threads'),
  workers: [(value) => Number.isInteger(value) && value >= 0 && value <= 64, 'give a whole number from 0 to 64'],
  worker: anything,
  coordinator: anything,
  digest: [(value) => typeof value === 'boolean', 'give true or false'],
  resume: [(value) => typeof value === 'string' || (typeof value === 'object' && !Array.isArray(value)), 'give the state of a batch or a loader, or its JSON'],
  onError: known('throw', 'raise', 'skip'),
  retries: [(value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32, 'give a whole number from 0 to 2^32 - 1'],
  prefetch: whole,
  prefetchBytes: whole,
  sampleTimeout: milliseconds,
  startupTimeout: milliseconds,
  signal: [(value) => typeof value?.throwIfAborted === 'function', 'give the signal of an AbortController'],
  onEvent: called('give a function'),
};
/** The other options belong to the pipeline. `document.js` checks the source and its ops. */
const KNOWN = new Set(['spec', 'files', ...PIPELINE, ...Object.keys(SETTINGS)]);

/** Returns the options without `null` and `undefined`, or throws an error that names the wrong option. */
export function checked(options) {
  const sound = {};
  for (const [name, value] of Object.entries(options ?? {})) {
    if (!KNOWN.has(name)) throw setting(name, 'is not an option of loader()', `use one of ${[...KNOWN].join(', ')}`);
    if (value == null) continue;
    const [allows, fix] = SETTINGS[name] ?? anything;
    if (!allows(value)) throw setting(name, `is ${shown(value)}`, fix);
    sound[name] = value;
  }
  if (sound.onError === 'throw') sound.onError = 'raise';
  return sound;
}
