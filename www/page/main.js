// Puts the parts together: the controls, the stream, and what shows it.

import { Files } from './files.js';
import { Lanes } from './lanes.js';
import { Proof } from './proof.js';
import { Race } from './race.js';
import { Resume, left } from './resume.js';
import { Sheets } from './sheets.js';
import { SHEETS, Stream } from './stream.js';
import { keep, n, preferred, put, speak, t, told } from './text.js';

const at = (id) => document.getElementById(id);
/** A file of the page. */
const file = async (path) => {
  const answer = await fetch(path);
  if (!answer.ok) throw Error(`${path} did not load: the server answered ${answer.status}`);
  return answer;
};
const json = async (path) => (await file(path)).json();
const kept = left();
const language = preferred();
at('language').value = language;

// The controls work before the pictures are here. A failure is the run's, which waits for them.
const archive = file('data/emoji.tar').then((answer) => answer.blob());
archive.catch(() => {});
const [spec, names, expected] = await Promise.all([
  json('data/emoji.json'),
  json('data/emoji.names.json'),
  json('expected.json').catch(() => undefined),
  speak(language),
]);

const sheets = new Sheets(at('sheets'), names);
const proof = new Proof(expected);
const lanes = new Lanes();
let resumed = false;
let killed;
/** What the page says beside the button that kills, as a key of the strings and its values; and whether nothing was lost. */
let struck = ['killEffect'];
let unharmed = '';
let reseeded = false;
let failure;

const stream = new Stream(spec, archive, {
  begin({ seed, sheets: before }) {
    killed = failure = undefined;
    struck = ['killEffect'];
    unharmed = '';
    sheets.begin(before);
    proof.begin({ seed, sheets: before }, stream.state?.digest);
    lanes.begin();
    resume.begin(resumed);
    controls();
  },
  open(mode) {
    lanes.open(mode);
    controls();
  },
  sheet(number, batch, digest) {
    sheets.add(number, batch);
    if (performance.getEntriesByName('first sheet').length === 0) performance.mark('first sheet');
    proof.sheet(number, digest);
    lanes.sheet();
    resume.sheet();
  },
  event: (event) => lanes.event(event),
  killed(worker) {
    killed = worker;
    struck = ['killKilled', { worker }];
    unharmed = 'no';
    controls();
  },
  end: over,
  fail(error) {
    // A state of other data or of another version of this page is no use; the epoch is.
    if (error.code === 'STATE_MISMATCH') return again();
    failure = error;
    over();
  },
});

function over() {
  lanes.end();
  proof.pause();
  resume.end();
  const all = SHEETS;
  if (killed !== undefined && stream.sheets === SHEETS) {
    // In the first epoch of a page, no earlier sheet is there to compare with.
    const compared = sheets.same + sheets.fresh > 0;
    unharmed = sheets.seen === sheets.here && (!compared || sheets.same === all) ? 'yes' : 'no';
    struck = [compared ? 'killSame' : 'killOnce', { worker: killed, n: sheets.seen, all: sheets.here, same: sheets.same, sheets: all }];
  }
  controls();
  if (failure) proof.fail(failure.message);
  else if (stream.sheets < SHEETS) return;
  else if (resumed) proof.note('noteResumed', { n: resumed, ok: sheets.seen === sheets.here });
  else if (reseeded) proof.note('noteNew', { n: sheets.fresh, all });
  else if (sheets.same + sheets.fresh > 0) proof.note('noteSame', { n: sheets.same, all });
  else proof.note('noteFirst');
  reseeded = false;
  const parts = [at('verdict'), at('far'), at('note'), ...(killed === undefined ? [] : [at('kill-told')])];
  put(at('announce'), parts.map(({ textContent }) => textContent.trim()).filter(Boolean).join('. '));
}

const settings = () => ({ seed: Number(at('seed').value), workers: Number(at('workers').value), backend: at('backend').value });

function again() {
  resumed = false;
  return stream.start(settings());
}

function go() {
  const { state, sheets: before } = stream;
  resumed = before;
  return stream.start({ ...settings(), seed: stream.settings.seed }, { state, sheets: before });
}

const resume = new Resume(stream, { go, again, ends: (seed) => proof.end(seed) });
new Race({ pictures: () => sheets.pictures, workers: () => Number(at('workers').value), quiet: () => stream.running && stream.pause() });
new Files(() => Number(at('workers').value));

/** What the controls say of themselves. */
function controls() {
  put(at('workers-told'), n(Number(at('workers').value)));
  put(at('seed-told'), n(Number(at('seed').value)));
  const isolated = globalThis.crossOriginIsolated === true;
  const threads = isolated && typeof SharedArrayBuffer === 'function';
  at('backend').querySelector('[value=threads]').disabled = !threads;
  put(at('backend-told'), t(threads ? 'backendEffect' : 'noThreads'));
  const { backend } = settings();
  const own = backend === 'workers' || (backend === 'auto' && !isolated);
  at('kill').disabled = !own;
  at('kill-told').dataset.kept = own ? unharmed : '';
  put(at('kill-told'), own ? t(...struck) : t('killNot'));
}

let soon;
/** A slider that is dragged asks once it rests. */
function restart(event) {
  controls();
  clearTimeout(soon);
  // A paused epoch goes on with whoever is to make it; another seed is another epoch.
  if (stream.paused && event.target !== at('seed')) return;
  reseeded ||= event.target === at('seed');
  soon = setTimeout(again, event.target === at('backend') ? 0 : 150);
}
for (const id of ['workers', 'seed', 'backend']) at(id).addEventListener('input', restart);

at('kill').addEventListener('click', async () => {
  // In the middle of the epoch, where there is work to be lost.
  if (!stream.running || stream.sheets > SHEETS / 2) {
    again();
    struck = ['killStarting'];
    controls();
    for (const end = performance.now() + 20_000; stream.running && stream.sheets < 3 && performance.now() < end; ) await new Promise((later) => setTimeout(later, 20));
  }
  stream.kill();
});

at('language').addEventListener('change', async ({ target }) => {
  keep(target.value);
  await speak(target.value);
});

told(controls);
if (kept) {
  at('seed').value = kept.settings.seed;
  at('workers').value = kept.settings.workers;
  at('backend').value = kept.settings.backend;
  resumed = kept.sheets;
  stream.start(settings(), kept);
} else {
  again();
}
