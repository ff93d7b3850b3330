// A lane for each worker on an axis of time, and the sheets as the page got them; the same as a table.

import { n, put, t, told } from './text.js';

const LANES = 8;
/** The height of the axis and of the highest bar, and what lies between two numbers of the axis, by the size of letters. */
const AXIS = 2;
const BAR = 1.8;
const APART = 5;
/** The shortest axis, in seconds. */
const SHORTEST = 2;

const at = (id) => document.getElementById(id);
const now = () => performance.timeOrigin + performance.now();

export class Lanes {
  #canvas = at('lanes');
  #table = at('lanes-twin');
  #began = now();
  #ended;
  #tasks = [];
  #losses = [];
  #sheets = [];
  #mode;
  #due = false;

  constructor() {
    new ResizeObserver(() => this.#soon()).observe(this.#canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#soon());
    this.#table.addEventListener('toggle', () => this.#tell());
    told(() => this.#tell());
  }

  begin() {
    this.#began = now();
    this.#ended = undefined;
    this.#mode = undefined;
    this.#tasks = [];
    this.#losses = [];
    this.#sheets = [];
    this.#canvas.dataset.lost = 0;
    this.#soon();
  }

  open(mode) {
    this.#mode = mode;
    this.#tell();
  }

  event(event) {
    if (event.kind === 'task') this.#tasks.push(event);
    if (event.kind === 'lost') this.#losses.push({ worker: event.worker, at: event.at, again: undefined });
    if (event.kind === 'ready') {
      const loss = this.#losses.findLast(({ worker, again }) => worker === event.worker && !again);
      if (loss) loss.again = event.at;
    }
    this.#canvas.dataset.lost = this.#losses.length;
    this.#soon();
  }

  sheet() {
    this.#sheets.push(now());
    this.#soon();
  }

  end() {
    this.#ended = now();
    this.#tell();
  }

  /** In words: when something is over, never in the middle of it. */
  #tell() {
    if (this.#mode) put(at('mode'), t('mode', this.#mode));
    const { silent } = this;
    const seconds = ((this.#ended ?? now()) - this.#began) / 1000;
    put(at('lanes-about'), silent ? t('lanesSilent') : t('lanesAbout', { tasks: this.#tasks.length, workers: this.#mode?.workers ?? 0, seconds }));
    if (this.#table.open) this.#fill();
    this.#soon();
  }

  /** Whether the backend at hand tells no tasks. */
  get silent() {
    return this.#mode !== undefined && this.#mode.backend !== 'workers' && this.#tasks.length === 0;
  }

  #fill() {
    const rows = Array.from({ length: this.#mode?.workers ?? 0 }, (_, worker) => {
      const own = this.#tasks.filter((task) => task.worker === worker);
      const sum = (of) => own.reduce((all, task) => all + of(task), 0);
      const row = document.createElement('tr');
      const head = document.createElement('th');
      head.scope = 'row';
      head.textContent = n(worker);
      const cells = [own.length, sum(({ count }) => count), Math.round(sum(({ started, ended }) => ended - started)), this.#losses.filter((loss) => loss.worker === worker).length];
      row.append(head, ...cells.map((value) => Object.assign(document.createElement('td'), { textContent: n(value) })));
      return row;
    });
    at('lanes-rows').replaceChildren(...rows);
  }

  #soon() {
    if (this.#due) return;
    this.#due = true;
    requestAnimationFrame(() => {
      this.#due = false;
      this.#draw();
    });
  }

  #draw() {
    const canvas = this.#canvas;
    const scale = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`);
    const context = canvas.getContext('2d');
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const letter = parseFloat(style.fontSize);
    context.font = `${letter}px ${style.fontFamily}`;
    context.textBaseline = 'middle';

    const workers = Math.min(this.#mode?.workers ?? 0, LANES);
    const names = [...Array.from({ length: workers }, (_, worker) => t('lane', { n: worker })), t('laneSheets')];
    const side = Math.max(...names.map((name) => context.measureText(name).width)) + 12;
    // Time goes as the language is read.
    const back = document.documentElement.dir === 'rtl';
    const span = Math.max(SHORTEST * 1000, (this.#ended ?? this.#sheets.at(-1) ?? this.#began) - this.#began);
    const long = width - side - 12;
    const x = (time) => {
      const at = side + (Math.min(Math.max(time - this.#began, 0), span) / span) * long;
      return back ? width - at : at;
    };
    // The lanes share the height, so that nothing moves when there are more or fewer.
    const row = (height - AXIS * letter) / (workers + 1);
    const thick = Math.min(row - 6, BAR * letter);
    const bar = (from, to, lane) => context.fillRect(Math.min(x(from), x(to)), (lane + 0.5) * row - thick / 2, Math.max(Math.abs(x(to) - x(from)), 2), thick);

    context.direction = document.documentElement.dir;
    context.textAlign = 'start';
    names.forEach((name, lane) => {
      context.fillStyle = colour('line');
      context.fillRect(back ? 12 : side, Math.round((lane + 1) * row) - 1, long, 1);
      context.fillStyle = colour('quiet');
      context.fillText(name, back ? width : 0, (lane + 0.5) * row);
    });
    context.fillStyle = colour('accent');
    if (!this.silent) for (const { worker, started, ended } of this.#tasks) bar(started, ended, worker);
    for (const { worker, at, again } of this.#losses) {
      context.fillStyle = colour('bad-soft');
      bar(at, again ?? this.#ended ?? at, worker);
      context.fillStyle = colour('bad');
      context.textAlign = 'center';
      context.font = `bold ${1.5 * letter}px ${style.fontFamily}`;
      context.fillText('✕', x(at), (worker + 0.5) * row);
    }
    context.fillStyle = colour('ink');
    for (const time of this.#sheets) bar(time, time, workers);
    context.fillStyle = colour('quiet');
    context.font = `${letter}px ${style.fontFamily}`;
    const step = [0.5, 1, 2, 5, 10, 30, 60].find((step) => span / 1000 / step <= long / (APART * letter)) ?? 120;
    for (let second = 0; second * 1000 <= span; second += step) {
      context.textAlign = second === 0 ? 'start' : second * 1000 > span * 0.96 ? 'end' : 'center';
      context.fillText(t('seconds', { n: second }), x(this.#began + second * 1000), height - (AXIS * letter) / 2);
    }
  }
}
