// What outlives the tab: the state after the last sheet, kept, shown, and as a command to copy.

import { SHEETS } from './stream.js';
import { put, t, told } from './text.js';

const KEY = 'windrow-demo';
const at = (id) => document.getElementById(id);

/** The run that a reload left in the middle: `{ settings, state, sheets, digest }`. */
export function left() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    return kept?.state && kept.sheets > 0 && kept.sheets < SHEETS ? kept : undefined;
  } catch {
    return undefined;
  }
}

export class Resume {
  #stream;
  #ends;
  #told = ['toldRunning', {}];
  #copied = ['', {}];

  /** `ends(seed)` is the native digest of a seed. */
  constructor(stream, { go, again, ends }) {
    this.#stream = stream;
    this.#ends = ends;
    at('pause').addEventListener('click', () => (stream.running ? stream.pause() : go()));
    at('again').addEventListener('click', again);
    at('reload').addEventListener('click', () => location.reload());
    at('copy').addEventListener('click', () => this.#copy());
    told(() => this.show());
  }

  begin(resumed) {
    this.#told = resumed ? ['toldResumed', { n: this.#stream.sheets }] : ['toldRunning', {}];
    this.#copied = ['', {}];
    this.show();
  }

  /** A sheet has come: the state is kept before anything else happens. */
  sheet() {
    const { settings, state, sheets } = this.#stream;
    try {
      localStorage.setItem(KEY, JSON.stringify({ settings, state, sheets }));
    } catch {
      // Without storage a reload starts over; everything else works.
    }
    this.show();
  }

  end() {
    const { sheets } = this.#stream;
    this.#told = sheets < SHEETS ? ['toldPaused', { n: sheets }] : ['toldDone', {}];
    this.show();
  }

  show() {
    const { settings, state, sheets, running } = this.#stream;
    put(at('pause'), t(running ? 'pause' : 'go'));
    at('pause').dataset.running = running;
    at('pause').dataset.run = this.#stream.runs;
    at('pause').disabled = !running && sheets >= SHEETS;
    put(at('resume-told'), t(...this.#told));
    put(at('copied'), this.#copied[0] ? t(...this.#copied) : '');
    const command = this.#command();
    put(at('command'), command ?? t('noState'));
    at('copy').disabled = !command;
    if (state) at('save').setAttribute('href', `data:application/json,${encodeURIComponent(JSON.stringify(state))}`);
    else at('save').removeAttribute('href');
    put(at('ends'), this.#ends(settings?.seed) ?? '–');
  }

  #command() {
    const { settings, state } = this.#stream;
    if (!state) return undefined;
    return [
      "cat > state.json <<'END'",
      JSON.stringify(state),
      'END',
      `windrow run www/data/emoji.json --seed ${settings.seed} --digest --state state.json`,
    ].join('\n');
  }

  async #copy() {
    const n = this.#stream.sheets;
    const text = this.#command();
    try {
      await navigator.clipboard.writeText(text);
      this.#copied = ['copied', { n }];
    } catch {
      getSelection().selectAllChildren(at('command'));
      this.#copied = ['copySelf', {}];
    }
    this.show();
  }
}
