// From what `loader()` is given to a pipeline document and the files it names.

import { WindrowError } from './errors.js';

/** `{ document, files, modules, calls, served }`: the document as text, the files by name, what it needs served. */
export function describe(options) {
  const { spec, source, pipeline = [], stages = [], seed, shuffle, epochs, batchSize } = options;
  if (spec !== undefined) {
    for (const name of ['source', 'pipeline', 'stages', 'seed', 'shuffle', 'epochs', 'batchSize']) {
      if (options[name] !== undefined) throw setting(name, 'is part of `spec` already', 'leave it out');
    }
    const document = typeof spec === 'string' ? spec : text(spec);
    return { document, files: options.files ?? {}, modules: [], calls: /"op"\s*:\s*"call"/.test(document), served: /"kind"\s*:\s*"served"/.test(document) };
  }
  if (!source?.document) throw setting('source', 'is missing', 'give one of `source.*`, or a whole document as `spec`');
  const ops = [];
  if (shuffle) ops.push({ op: 'shuffle', ...(shuffle === true ? {} : { seed: shuffle }) });
  if (epochs !== undefined) ops.push({ op: 'repeat', epochs });
  ops.push(...pipeline);
  const last = [...stages];
  if (batchSize !== undefined) {
    last.push({ stage: 'batch', size: batchSize, drop_remainder: options.dropRemainder ?? false });
  }
  const document = { version: 1, source: source.document, ops, stages: last };
  if (seed !== undefined) document.seed = seed;
  const calls = ops.filter(({ op }) => op === 'call');
  const served = source.document.kind === 'served';
  const modules = calls.filter(({ module }) => module).map(({ name, module }) => ({ kind: 'functions', name, module }));
  for (const { name, module } of modules) {
    if (modules.some((other) => other.name === name && other.module !== module)) throw setting(`the function ${name}`, 'is of two modules', 'export it under two names');
  }
  if (source.module) modules.push({ kind: 'sources', name: source.document.name, module: source.module });
  return { document: text(document), files: { ...source.files, ...options.files }, modules, calls: calls.length > 0, served };
}

/** Everything that is no JSON has its place named: a function cannot be posted. */
function text(document) {
  const walk = (value, path) => {
    if (typeof value === 'function' || typeof value === 'symbol') {
      throw new WindrowError({
        code: 'NOT_CLONEABLE',
        message: `${path} is a ${typeof value}, which cannot be sent to a worker`,
        fix: 'serve the function from a worker file of your own and name it: ops.js(name, options)',
      });
    }
    if (typeof value === 'object' && value !== null) {
      for (const key of Object.keys(value)) walk(value[key], Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
    }
  };
  walk(document, '$');
  return JSON.stringify(document, (_, value) => (typeof value === 'bigint' ? String(value) : value));
}

const step = (op) => ({ dropRemainder: drop_remainder, ...rest } = {}) => ({
  op,
  ...rest,
  ...(drop_remainder !== undefined && { drop_remainder }),
});

/** The ops that are named here as in the document, but for the hump. */
const STEPS = ['shuffle', 'shuffleLikeGrain', 'slice', 'repeat', 'shard', 'batch', 'select', 'cast', 'reshape', 'scale', 'oneHot', 'filter', 'decodeImage', 'decodeNumber', 'resize', 'normalize'];

/** What workers do to each record. */
export const ops = {
  ...Object.fromEntries(STEPS.map((name) => [name, step(name.replace(/[A-Z]/g, (hump) => `_${hump.toLowerCase()}`))])),
  /** A function that workers have: served by a worker file under this name, or an export of a module by its URL. */
  js(what, options) {
    if (typeof what === 'string') return { op: 'call', name: what, options };
    const made = { op: 'call', name: what.export ?? 'default', options };
    // Where a function is loaded from is no part of what it is, so it is not in the document.
    return Object.defineProperty(made, 'module', { value: String(what.module) });
  },
  /** Any other op by its name in the pipeline document. */
  op: (name, options) => step(name)(options),
};

/** Where records come from. */
export const source = {
  range: (start, end) => ({ document: { kind: 'range', ...(end === undefined ? { end: start } : { start, end }) } }),
  csv: (file, options) => ({ document: { kind: 'csv', file: 'data.csv', ...options }, files: { 'data.csv': file } }),
  jsonl: (file, options) => ({ document: { kind: 'jsonl', file: 'data.jsonl', ...options }, files: { 'data.jsonl': file } }),
  /** One tar archive or several: WebDataset's form, a sample a key. */
  tar(archives, options) {
    const files = Object.fromEntries([archives].flat().map((file, number) => [`${number}.tar`, file]));
    return { document: { kind: 'tar', files: Object.keys(files), ...options }, files };
  },
  /** A source that workers have: served by a worker file under this name, or an export of a module by its URL. */
  js(what, { identity, options } = {}) {
    const text = typeof what === 'string';
    const document = { kind: 'served', name: text ? what : what.export ?? 'default', options };
    if (identity !== undefined) document.identity = String(identity);
    return { document, ...(text ? {} : { module: String(what.module) }) };
  },
  /** Pictures, in the order of their paths: many files, URLs, `{ path: file }`, or `source.folder()`. */
  images(files, options) {
    const all = files?.kind === 'folder' ? [['images', files]] : paths(files).map(([path, file]) => [`images/${path}`, file]);
    return { document: { kind: 'images', folder: 'images', ...options }, files: Object.fromEntries(all) };
  },
  npy: (fields) => named('npy', fields),
  idx: (fields) => named('idx', fields),
  /** Arrays in memory, a sample a row: typed arrays, `{ data, shape }`, or plain (nested) arrays. */
  arrays: (fields) => named('npy', Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, () => inMemory(name, value)]))),
};

/** `[path, file]` of each: below the folder that was picked, or that all URLs share. */
function paths(files) {
  if (typeof files?.[Symbol.iterator] !== 'function') return Object.entries(files ?? {});
  const all = [...files].map((file) => {
    if (file instanceof Blob) return [file.webkitRelativePath ? file.webkitRelativePath.replace(/^[^/]*\//, '') : file.name, file];
    return [decodeURIComponent(new URL(file?.url ?? file, 'http://x/').pathname), file, true];
  });
  const urls = all.filter(([, , url]) => url).map(([path]) => path.slice(0, path.lastIndexOf('/') + 1));
  let shared = urls[0] ?? '';
  while (!urls.every((path) => path.startsWith(shared))) shared = shared.slice(0, shared.lastIndexOf('/', shared.length - 2) + 1);
  const found = new Map();
  for (const [path, file, url] of all) {
    const name = url ? path.slice(shared.length) : path;
    if (!name || found.has(name)) throw setting(`source.images: ${name ?? file}`, name ? 'is there twice' : 'has no name', 'give { path: file }');
    found.set(name, file);
  }
  return [...found];
}

function named(kind, fields) {
  const files = {}, names = {};
  for (const [field, file] of Object.entries(fields)) {
    names[field] = `${field}.${kind}`;
    files[names[field]] = file;
  }
  return { document: { kind, fields: names }, files };
}

/** An array as the bytes of a file, by what only pages load that have arrays. */
const inMemory = async (name, value) => (await import('./tensor.js')).npy(value, (what, fix) => setting(`source.arrays: ${name}`, what, fix));

export const setting = (name, what, fix) => new WindrowError({ code: 'SETTING', message: `${name} ${what}`, fix });
