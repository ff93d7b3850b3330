// @ts-check
// Synchronous reads in a browser, which are allowed only in workers.

import { PATIENCE, check, prepare as fetchAll, wanted } from '../shared/http.js';
import { keeper } from '../shared/kept.js';

export function reader(files) {
  const file = (name) => (Object.hasOwn(files, name) ? files[name] : undefined);
  const kept = keeper((name, start, end) => slice(file(name).blob.slice(start, end), name));
  return {
    size(name) {
      const found = file(name);
      return found ? (found.kind === 'blob' ? found.blob.size : found.size) : -1;
    },
    names: () => Object.keys(files),
    read(name, offset, length) {
      if (length === 0) return new Uint8Array(0);
      const found = file(name);
      return found.kind === 'range' ? range(found, offset, length) : kept(name, found.blob.size, offset, length);
    },
  };
}

function slice(blob, name) {
  try {
    return new Uint8Array(new (/** @type {any} */ (globalThis).FileReaderSync)().readAsArrayBuffer(blob));
  } catch (error) {
    throw Error(`[SOURCE_CHANGED] ${name} cannot be read any more (${error.name}); pick the file again, because it was changed or removed`);
  }
}

/** Reads one range of a URL, and refuses content that changed after the start. */
function range(file, offset, length) {
  const request = new XMLHttpRequest();
  request.open('GET', file.url, false);
  request.responseType = 'arraybuffer';
  request.timeout = PATIENCE;
  request.setRequestHeader('Range', wanted(offset, length));
  try {
    request.send();
  } catch (error) {
    throw Error(`[READ] ${file.url}: the request failed (${error.message}): offline, blocked, or no answer within ${PATIENCE} ms`);
  }
  return check(file, offset, length, request.status, (name) => request.getResponseHeader(name), new Uint8Array(request.response));
}

/** Prepares files that need the network. */
export const prepare = (files) => fetchAll(files, (blob) => ({ kind: 'blob', blob }));
