// The contact sheets: a canvas a batch, compared byte by byte with what was there before, and the
// same in words.

import { PICTURES } from './stream.js';
import { put, t, told } from './text.js';

const SIDE = 72;
const COLUMNS = 8;

export class Sheets {
  /** What stayed and what is new in this run, and how often each picture came. */
  same = 0;
  fresh = 0;
  #names;
  #sheets;
  #seen = new Set();
  #twin = document.getElementById('twin');
  #list = document.getElementById('twin-sheets');

  constructor(list, names) {
    this.#names = names;
    this.#sheets = Array.from(list.children, (item) => sheet(item, this.#list));
    this.#twin.addEventListener('toggle', () => this.#tell());
    told(() => this.#tell());
  }

  /** A run begins after so many sheets; what is shown stays until it is made again. */
  begin(sheets) {
    this.same = this.fresh = 0;
    this.#seen.clear();
    this.#sheets.forEach((sheet, number) => {
      sheet.state = number < sheets && !sheet.pixels ? 'before' : '';
      if (number < sheets) for (const label of sheet.labels) this.#seen.add(label);
      this.#show(sheet, number);
    });
  }

  /** How many different pictures of this epoch are here. */
  get seen() {
    return this.#seen.size;
  }

  /** How many pictures are on all sheets that are here. */
  get here() {
    return this.#sheets.filter(({ pixels }) => pixels).length * PICTURES;
  }

  /** The pixels of all sheets that are here, as they were shown, or nothing. */
  get pictures() {
    const here = this.#sheets.filter(({ pixels }) => pixels);
    if (here.length === 0) return undefined;
    const size = PICTURES * SIDE * SIDE * 4;
    const data = new Uint8Array(here.length * size);
    here.forEach(({ pixels }, number) => data.set(pixels, number * size));
    return { data, shape: [here.length * PICTURES, SIDE, SIDE, 4] };
  }

  /** A batch has come. */
  add(number, { fields }) {
    const sheet = this.#sheets[number];
    const pixels = fields.png.data;
    const known = sheet.pixels !== undefined;
    const stayed = known && equal(sheet.pixels, pixels);
    if (stayed) this.same += 1;
    else if (known) this.fresh += 1;
    sheet.state = stayed ? 'same' : known ? 'new' : 'first';
    sheet.labels = [...fields.cls.data];
    for (const label of sheet.labels) this.#seen.add(label);
    if (!stayed) {
      sheet.pixels = pixels;
      draw(sheet.canvas, pixels, PICTURES);
    }
    this.#show(sheet, number);
    if (this.#twin.open) this.#name(sheet);
  }

  #tell() {
    this.#sheets.forEach((sheet, number) => {
      this.#show(sheet, number);
      if (this.#twin.open) this.#name(sheet);
    });
  }

  #show({ item, canvas, caption, mark, state, labels, pixels }, number) {
    const n = number + 1;
    item.dataset.state = state;
    put(caption, t('sheet', { n }));
    put(mark, { same: t('stateSame'), new: t('stateNew'), before: t('before') }[state] ?? '');
    const name = (label) => this.#names[label][1];
    const label = pixels
      ? t('sheetOf', { n, count: labels.length, first: name(labels[0]), last: name(labels.at(-1)) })
      : t(state === 'before' ? 'sheetBefore' : 'sheetEmpty', { n });
    if (canvas.getAttribute('aria-label') !== label) canvas.setAttribute('aria-label', label);
  }

  #name({ words, labels }) {
    put(words, labels.map((label) => this.#names[label].join(' ')).join(', '));
  }
}

/** A sheet of the document, and its twin in words. */
function sheet(item, twin) {
  const canvas = item.querySelector('canvas');
  const [caption, mark] = item.querySelectorAll('span');
  const words = document.createElement('li');
  words.lang = 'en';
  words.dir = 'ltr';
  twin.append(words);
  return { item, canvas, caption, mark, words, state: '', labels: [], pixels: undefined };
}

/** Puts pictures, one after another in memory, in rows on a canvas. */
export function draw(canvas, pixels, count) {
  const strip = new ImageData(new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, count * SIDE * SIDE * 4), SIDE, SIDE * count);
  const context = canvas.getContext('2d');
  for (let at = 0; at < count; at++) {
    const [x, y] = [(at % COLUMNS) * SIDE, Math.floor(at / COLUMNS) * SIDE];
    context.putImageData(strip, x, y - at * SIDE, 0, at * SIDE, SIDE, SIDE);
  }
}

function equal(a, b) {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
