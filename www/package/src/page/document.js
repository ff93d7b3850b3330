// @ts-check
// Converts the options of `loader()` to a pipeline document and the files that the document names.

import { WindrowError } from '../shared/errors.js';

/** The options that belong to the pipeline, which `spec` replaces. */
export const PIPELINE = ['source', 'pipeline', 'stages', 'seed', 'split', 'shuffle', 'epochs', 'keys', 'batchSize', 'dropRemainder'];
/** Ops that choose samples. After a shuffle, such an op would choose other samples in each epoch. */
const CHOOSES = new Set(['slice', 'split', 'subset', 'shuffle_once', 'weighted_sample', 'class_balanced']);

/** Returns the document as text, the files by name, and the functions and sources to serve. */
export function describe(options) {
  const { spec, source, pipeline = [], stages = [], seed, split, keys, batchSize } = options;
  if (spec !== undefined) {
    for (const name of PIPELINE) {
      if (options[name] !== undefined) throw setting(name, 'conflicts with `spec`, which is a whole document', 'remove the option');
    }
    const document = typeof spec === 'string' ? spec : text(spec);
    return { document, files: options.files ?? {}, modules: [], calls: /"op"\s*:\s*"call"/.test(document), served: /"kind"\s*:\s*"served"/.test(document) };
  }
  if (!source?.document) throw setting('source', source == null ? 'is missing' : `is ${shown(source)}`, 'give one of `source.*`, or a whole document as `spec`');
  for (const [name, list] of Object.entries({ pipeline, stages })) {
    if (!Array.isArray(list)) throw setting(name, `is ${shown(list)}`, `give an array of ${name === 'stages' ? 'stages' : '`ops.*`'}`);
  }
  const steps = pipeline.map((op, number) => ({ op, word: `pipeline[${number}]` }));
  const shuffle = shuffled(options.shuffle);
  if (shuffle) steps.splice(beforeShuffle(pipeline), 0, { op: shuffle, word: 'shuffle' });
  if (split !== undefined && !Array.isArray(split?.parts)) throw setting('split', `is ${shown(split)}`, 'give { seed, parts: [0.8, 0.1, 0.1], part: 0 }');
  if (split !== undefined) steps.unshift({ op: { op: 'split', ...given(split) }, word: 'split' });
  const last = stages.map((stage, number) => ({ stage, word: `stages[${number}]` }));
  if (batchSize !== undefined) last.push({ stage: { stage: 'batch', size: batchSize, drop_remainder: options.dropRemainder ?? false }, word: 'batchSize' });
  else if (options.dropRemainder !== undefined) throw setting('dropRemainder', 'is given without batchSize', 'give batchSize too, or remove dropRemainder');
  if (keys !== undefined && typeof keys !== 'boolean') throw setting('keys', `is ${shown(keys)}`, 'give true or false');
  const ops = steps.map(({ op }) => op);
  /** @type {Record<string, any>} */
  const document = { version: 1, ...epochs(options.epochs), source: source.document, ops, stages: last.map(({ stage }) => stage) };
  if (seed !== undefined) document.seed = seed;
  if (keys) document.keys = true;
  const words = { ops: steps.map(({ word }) => word), stages: last.map(({ word }) => word) };
  const { sources = [source], ops: partOps = [] } = source;
  const calls = [...partOps, ...ops].filter((op) => op?.op === 'call');
  const served = sources.some(({ document: { kind } }) => kind === 'served');
  const modules = calls.filter(({ module }) => module).map(({ name, module }) => ({ kind: 'functions', name, module }));
  for (const { name, module } of modules) {
    if (modules.some((other) => other.name === name && other.module !== module)) throw setting(`the function ${name}`, 'comes from two modules', 'export the two functions under two names');
  }
  for (const { document: { name }, module } of sources) if (module) modules.push({ kind: 'sources', name, module });
  return { document: text(document, words), files: { ...source.files, ...options.files }, modules, calls: calls.length > 0, served, words };
}

/**
 * Returns the number of ops before the shuffle.
 *
 * The count covers the ops at the start that choose samples, so that each epoch has the same samples. A shard comes after the
 * shuffle unless one of these ops follows the shard. The ranks of an epoch then see every sample once. A cache comes before the
 * shuffle with all ops before it, because samples in a new order for each epoch cannot be kept.
 */
function beforeShuffle(pipeline) {
  let count = 0;
  for (const [number, op] of pipeline.entries()) {
    if (CHOOSES.has(op?.op)) count = number + 1;
    else if (op?.op !== 'shard') break;
  }
  const cached = pipeline.map((op) => op?.op).lastIndexOf('cache') + 1;
  return Math.max(count, cached);
}

/** Returns the op for the option `shuffle`. 0 is a seed. */
function shuffled(shuffle) {
  if (shuffle === undefined || shuffle === false) return undefined;
  if (shuffle === true) return { op: 'shuffle' };
  if (!isWhole(shuffle)) throw setting('shuffle', `is ${shown(shuffle)}`, 'give true, false, or a seed: a whole number from 0');
  return { op: 'shuffle', seed: shuffle };
}

function epochs(count) {
  if (count === undefined) return {};
  if (count === Infinity) return { epochs: 'forever' };
  if (!isWhole(count) || count < 1) throw setting('epochs', `is ${shown(count)}`, 'give a whole number from 1, or Infinity');
  return { epochs: count };
}

/** Returns whether a value is a whole number from 0 that keeps all its bits. */
export const isWhole = (value) => (typeof value === 'bigint' ? value >= 0n : Number.isSafeInteger(value) && value >= 0);

/** Returns a short text for a value, for an error. */
export function shown(value) {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40));
  return typeof value === 'object' && value ? `of type ${value.constructor?.name ?? 'Object'}` : String(value).slice(0, 40);
}

/** Replaces the document's places in a message by the names of the options. */
export function inWords(message, words) {
  if (!words) return message;
  return message.replace(/\$\.(?:(ops|stages)\[(\d+)\]|(source|seed|epochs|keys)\b)((?:\.\w+|\[\d+\])*)/g, (all, list, number, name, rest) => {
    const word = name ?? words[list]?.[number];
    if (word === undefined) return all;
    if (word === 'batchSize' || word === 'shuffle') return rest === '.drop_remainder' ? 'dropRemainder' : word;
    return (word + rest).replace(OPTION, (_, where, op = '', option = '') => where + op.replace('ops', 'pipeline') + option.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()));
  });
}

/**
 * The start of a place, up to the option of an op. All other names are the caller's, or have the same spelling in the document.
 */
const OPTION = /^(pipeline\[\d+\]|split|source(?:\.parts\[\d+\]\.source)*\.parts\[\d+\])(\.ops\[\d+\])?(\.\w+)?/;

/** Returns a document as text. Throws an error with the place of a value that is not JSON, such as a function. */
function text(document, words) {
  const walk = (value, path) => {
    if (typeof value === 'function' || typeof value === 'symbol') {
      throw unserved(inWords(path, words), value);
    }
    if (typeof value === 'number' && !Number.isFinite(value)) throw setting(inWords(path, words), `is ${value}`, 'give a finite number');
    if (typeof value === 'object' && value !== null) {
      for (const key of Object.keys(value)) walk(value[key], Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
    }
  };
  walk(document, '$');
  return JSON.stringify(document, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}

/** Returns the error for a function in a place where its name belongs. */
function unserved(where, value) {
  const [message, fix] =
    typeof value === 'function' || typeof value === 'symbol'
      ? [`${where} is a ${typeof value}, which cannot be sent to a worker`, 'export the function from a module and use ops.js({ module, export }), or serve it from your own worker file and use its name']
      : [`${where} is ${shown(value)}`, 'give the name of a function that a worker serves, or { module, export }'];
  return new WindrowError({ code: 'NOT_CLONEABLE', message, fix });
}

/** Returns options without `null` and `undefined`, with the names of the document. */
function given(options) {
  const named = Object.entries(options ?? {}).map(([name, value]) => [snake(name), value]);
  return Object.fromEntries(named.filter(([, value]) => value != null));
}

/** Returns a name in the spelling of the document. */
const snake = (name) => name.replace(/[A-Z]/g, (hump) => `_${hump.toLowerCase()}`);

/** Returns the function that makes an op from its options, which are one object. */
const step = (op, name = op) => (options, ...more) => {
  if (more.length > 0 || (options != null && (typeof options !== 'object' || Array.isArray(options)))) {
    throw setting(`ops.${name}()`, `received ${[options, ...more].map(shown).join(', ')}`, 'give one object of options, such as ops.slice({ start: 0, end: 5 })');
  }
  return { op, ...given(options) };
};

/** The ops with the same names as in the document, except for the spelling in camel case. */
const STEPS = [
  'shuffle', 'shuffleOnce', 'shuffleLikeGrain', 'windowShuffle', 'split', 'slice', 'subset', 'reverse', 'sample', 'weightedSample', 'classBalanced', 'repeat',
  'shard', 'cache', 'batch',
  'select', 'cast', 'reshape', 'scale', 'oneHot', 'filter', 'decodeImage', 'decodeNumber', 'resize', 'normalize',
  'randomCrop', 'randomFlip', 'randomRotate90', 'randomBrightness', 'randomContrast', 'randomErase', 'noise', 'gaussianNoise',
];

/** The ops, which workers apply to each record. */
export const ops = {
  ...Object.fromEntries(STEPS.map((name) => [name, step(snake(name), name)])),
  /** A function of the workers: a name that a worker file serves, or a module's URL and export. */
  js(what, options) {
    if (typeof what === 'string') return { op: 'call', name: what, options };
    if (what?.module === undefined) throw unserved('ops.js()', what);
    const made = { op: 'call', name: what.export ?? 'default', options };
    // The location of a function is not part of the pipeline, so the document does not contain the URL.
    return Object.defineProperty(made, 'module', { value: String(what.module) });
  },
  /** Any other op, by its name in the pipeline document. */
  op: (name, options) => step(name)(options),
};

/** The sources of records. */
export const source = {
  range: (start, end) => ({ document: { kind: 'range', ...(end === undefined ? { end: start } : { start, end }) } }),
  csv: (file, options) => ({ document: { kind: 'csv', file: 'data.csv', ...options }, files: { 'data.csv': file } }),
  jsonl: (file, options) => ({ document: { kind: 'jsonl', file: 'data.jsonl', ...options }, files: { 'data.jsonl': file } }),
  /** One or several tar archives in WebDataset's form: the files of a key are a sample. */
  tar(archives, options) {
    const files = Object.fromEntries([archives].flat().map((file, number) => [`${number}.tar`, file]));
    return { document: { kind: 'tar', files: Object.keys(files), ...options }, files };
  },
  /**
   * A source of the workers: a name that a worker file serves, or a module's URL and export.
   * @param {any} what
   * @param {{ identity?: string | number, options?: object }} [more]
   */
  js(what, { identity, options } = {}) {
    const text = typeof what === 'string';
    const document = { kind: 'served', name: text ? what : what.export ?? 'default', options };
    if (identity !== undefined) document.identity = String(identity);
    return { document, ...(text ? {} : { module: String(what.module) }) };
  },
  /** Pictures in the order of their paths: files, URLs, `{ path: file }`, or `source.folder()`. */
  images(files, options) {
    const all = files?.kind === 'folder' ? [['images', files]] : paths(files).map(([path, file]) => [`images/${path}`, file]);
    return { document: { kind: 'images', folder: 'images', ...options }, files: Object.fromEntries(all) };
  },
  /** The samples of several sources, part after part. */
  concat: (parts) => joined('concat', parts),
  /** The samples of several sources in proportion to their weights. */
  mix: (parts) => joined('mix', parts),
  npy: (fields, options) => named('npy', fields, options),
  idx: (fields, options) => named('idx', fields, options),
  /** Arrays in memory, with one sample in each row: typed arrays, `{ data, shape }`, or plain (nested) arrays. */
  arrays: (fields) => named('npy', Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, () => inMemory(name, value)]))),
};

/** Returns `[path, file]` for each file, with paths below the picked folder, or below what all URLs share. */
function paths(files) {
  if (typeof files?.[Symbol.iterator] !== 'function') return Object.entries(files ?? {});
  const all = [...files].map((/** @type {any} */ file) => {
    if (file instanceof Blob) {
      const { webkitRelativePath: path, name } = /** @type {File} */ (file);
      return [path ? path.replace(/^[^/]*\//, '') : name, file];
    }
    return [decodeURIComponent(new URL(file?.url ?? file, 'http://x/').pathname), file, true];
  });
  const urls = all.filter(([, , url]) => url).map(([path]) => path.slice(0, path.lastIndexOf('/') + 1));
  let shared = urls[0] ?? '';
  while (!urls.every((path) => path.startsWith(shared))) shared = shared.slice(0, shared.lastIndexOf('/', shared.length - 2) + 1);
  const found = new Map();
  for (const [path, file, url] of all) {
    const name = url ? path.slice(shared.length) : path;
    if (!name || found.has(name)) throw setting(`source.images: ${name ?? file}`, name ? 'appears twice' : 'has no name', 'give { path: file }');
    found.set(name, file);
  }
  return [...found];
}

/** Returns a source of parts. The files of each part lie in a folder with the part's number. */
function joined(kind, parts) {
  if (!Array.isArray(parts)) throw setting(`source.${kind}()`, `received ${shown(parts)}`, 'give an array of sources, or of { source, pipeline }');
  const files = {}, sources = [], ops = [];
  const list = parts.map((part, number) => {
    const { document, files: own, module, sources: inner, ops: innerOps, ...more } = part ?? {};
    // A source with a weight beside it, such as `{ ...source.range(9), weight: 2 }`, is a part too.
    const { source, pipeline = [], ...rest } = document ? { source: { document, files: own, module, sources: inner, ops: innerOps }, ...more } : more;
    if (!source?.document) throw setting(`source.${kind}()`, `received ${shown(part)} as part ${number}`, 'give one of `source.*`, or { source, pipeline }');
    if (!Array.isArray(pipeline)) throw setting(`source.${kind}()`, `received a pipeline of part ${number} that is ${shown(pipeline)}`, 'give an array of `ops.*`');
    const below = (name) => `${number}/${name}`;
    for (const [name, file] of Object.entries(source.files ?? {})) files[below(name)] = file;
    sources.push(...(source.sources ?? [source]));
    ops.push(...(source.ops ?? []), ...pipeline);
    return { source: moved(source.document, below), ...(pipeline.length ? { ops: pipeline } : {}), ...given(rest) };
  });
  return { document: { kind, parts: list }, files, sources, ops };
}

/** Returns a source's document with its files below a folder. */
function moved(document, below) {
  const { kind, file, files, folder, fields, parts } = document;
  if (kind === 'served') return document;
  if (parts) return { ...document, parts: parts.map((part) => ({ ...part, source: moved(part.source, below) })) };
  return {
    ...document,
    ...(file === undefined ? {} : { file: below(file) }),
    ...(files === undefined ? {} : { files: files.map(below) }),
    ...(folder === undefined ? {} : { folder: below(folder) }),
    ...(kind === 'npy' || kind === 'idx' ? { fields: Object.fromEntries(Object.entries(fields).map(([name, path]) => [name, below(path)])) } : {}),
  };
}

function named(kind, fields, options) {
  const files = {}, names = {};
  for (const [field, file] of Object.entries(fields)) {
    names[field] = `${field}.${kind}`;
    files[names[field]] = file;
  }
  return { document: { kind, fields: names, ...options }, files };
}

/** Returns an array as the bytes of a file. Only pages with arrays import the code for this. */
const inMemory = async (name, value) => (await import('../shared/tensor.js')).npy(value, (what, fix) => setting(`source.arrays: ${name}`, what, fix));

export const setting = (name, what, fix) => new WindrowError({ code: 'SETTING', message: `${name} ${what}`, fix });
