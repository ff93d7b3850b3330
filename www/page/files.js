// Files of the visitor: what each is, one pipeline for the pictures and one a table, and what was left out.

import { loader, ops, source } from '../pkg/src/index.js';
import { draw } from './sheets.js';
import { n, put, t, told } from './text.js';
import { peek } from './table.js';
import { tarball } from './tarball.js';

const SIDE = 72;
const MOST = 256;
const ROWS = 5;
const at = (id) => document.getElementById(id);
const element = (name, more = {}, ...inside) => {
  const made = Object.assign(document.createElement(name), more);
  made.append(...inside);
  return made;
};

export class Files {
  #told = ['', {}];
  #skipped = [];
  #made = [];
  #turn = 0;

  /** `workers()` says how many workers run. */
  constructor(workers) {
    const take = (files) => files.length > 0 && this.#take([...files], workers());
    at('files').addEventListener('change', ({ target }) => {
      take(target.files);
      target.value = '';
    });
    const drop = at('drop');
    const over = (on) => (event) => {
      event.preventDefault();
      drop.classList.toggle('over', on);
    };
    drop.addEventListener('dragover', over(true));
    drop.addEventListener('dragleave', over(false));
    drop.addEventListener('drop', (event) => {
      over(false)(event);
      take(event.dataTransfer.files);
    });
    told(() => this.#show());
  }

  async #take(files, workers) {
    const turn = ++this.#turn;
    this.#skipped = [];
    this.#made = [];
    this.#told = ['filesWorking', { n: files.length }];
    this.#show();
    const pictures = [];
    const tables = [];
    let out = 0;
    const skip = (name, why) => {
      out += 1;
      this.#skipped.push({ name, why });
    };
    for (const file of files) {
      if (/\.csv$/i.test(file.name) || file.type === 'text/csv') tables.push(file);
      else if (!/\.(png|jpe?g)$/i.test(file.name) && !/^image\/(png|jpeg)$/.test(file.type)) skip(file.name, () => t('filesKind'));
      else if (pictures.length === MOST) skip(file.name, () => t('filesMany', { n: MOST }));
      else pictures.push(file);
    }
    let made = 0;
    let twice;
    const same = (one) => (twice = twice === undefined ? one : twice && one);
    try {
      if (pictures.length > 0) {
        const got = await developed(pictures, workers, skip);
        same(got.digest === (await developed(pictures, 1, () => {})).digest);
        if (turn !== this.#turn) return;
        made += got.samples.length;
        if (got.samples.length > 0) this.#made.push(contact(got.samples));
      }
      for (const file of tables) {
        const got = await read(file, workers, skip);
        if (!got) continue;
        same(got.digest === (await read(file, 1, () => {}))?.digest);
        if (turn !== this.#turn) return;
        made += got.count;
        this.#made.push(sample(file.name, got));
      }
      this.#told = made > 0 ? ['filesDone', { n: made, out }, 'filesTwice', { n: workers, ok: twice }] : ['filesNone', {}];
    } catch (error) {
      this.#told = ['failed', { why: error.message }];
    }
    this.#show();
  }

  #show() {
    const [key, values, more, others] = this.#told;
    const text = key ? t(key, values) : '\u00a0';
    put(at('files-told'), more ? `${text} ${t(more, { ...others, ok: t(others.ok ? 'yes' : 'no') })}` : text);
    at('files-skipped').replaceChildren(...this.#skipped.map(({ name, why }) => element('li', {}, element('bdi', { textContent: name }), ': ', element('bdi', { textContent: why() }))));
    at('files-made').replaceChildren(...this.#made.map((make) => make()));
  }
}

/** Goes through a loader; `bad` gets the position and the reason of every sample that cannot be made. */
async function drain(data, each, bad) {
  try {
    for (;;) {
      const item = await data.next().catch((error) => {
        if (error.position === undefined || error.code !== 'SAMPLE') throw error;
        return { error };
      });
      if (item.error) bad(item.error.position, item.error.message);
      else if (item.done) return data.digest;
      else each(item.value);
    }
  } finally {
    await data.close();
  }
}

async function developed(files, workers, skip) {
  const archive = tarball(files.flatMap((file, number) => [[`${number}.picture`, file], [`${number}.number`, new Blob([String(number)])]]));
  const samples = [];
  const data = await loader({
    source: source.tar(archive, { fields: ['picture', 'number'] }),
    pipeline: [
      ops.decodeNumber({ field: 'number', dtype: 'u16' }),
      ops.decodeImage({ field: 'picture', channels: 4 }),
      ops.resize({ field: 'picture', height: SIDE, width: SIDE }),
    ],
    batchSize: 16,
    workers,
    digest: true,
    sampleTimeout: 20_000,
  });
  const size = SIDE * SIDE * 4;
  const digest = await drain(data, ({ fields }) => fields.number.data.forEach((number, row) => {
    samples.push({ name: files[number].name, pixels: fields.picture.data.slice(row * size, (row + 1) * size) });
  }), (position, why) => skip(files[position].name, () => why.replace(/^.*field "picture": /, '')));
  return { samples, digest };
}

/** The pictures on a canvas of their own, with their names below. */
const contact = (samples) => () => {
  const canvas = element('canvas', { width: Math.min(samples.length, 8) * SIDE, height: Math.ceil(samples.length / 8) * SIDE });
  canvas.setAttribute('role', 'img');
  const names = samples.map(({ name }) => name).join(', ');
  canvas.setAttribute('aria-label', t('filesPictures', { names }));
  const pixels = new Uint8Array(samples.length * SIDE * SIDE * 4);
  samples.forEach((sample, number) => pixels.set(sample.pixels, number * SIDE * SIDE * 4));
  draw(canvas, pixels, samples.length);
  return element('figure', {}, canvas, element('figcaption', { textContent: t('filesPictures', { names }) }));
};

async function read(file, workers, skip) {
  const found = await peek(file);
  if (!found) {
    skip(file.name, () => t('filesNumbers'));
    return undefined;
  }
  const { header, fields, names } = found;
  const rows = [];
  let count = 0;
  try {
    const data = await loader({ source: source.csv(file, { header, fields }), batchSize: 256, workers, digest: true });
    for await (const batch of data) {
      const [length] = batch.fields[fields[0].name].shape;
      count += length;
      for (let row = 0; row < length && rows.length < ROWS; row++) rows.push(fields.map(({ name }) => batch.fields[name].data[row]));
    }
    return { digest: data.digest, rows, names, count };
  } catch (error) {
    // A table is read as a whole before anything is made of it, so one bad row is a bad file.
    skip(file.name, () => error.message.replace(/^data\.csv: /, ''));
    return undefined;
  }
}

const sample = (name, { rows, names, count }) => () => {
  const table = element('table', {},
    element('caption', { textContent: t('filesRows', { name, n: count }) }),
    element('thead', {}, element('tr', {}, ...names.map((text) => element('th', { scope: 'col', textContent: text })))),
    element('tbody', {}, ...rows.map((row) => element('tr', {}, ...row.map((value) => element('td', { textContent: n(value) }))))));
  const region = element('div', { className: 'wide', tabIndex: 0 }, table);
  region.setAttribute('role', 'region');
  region.setAttribute('aria-label', t('filesRows', { name, n: count }));
  return region;
};
