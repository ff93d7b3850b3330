// Synchronous reads in a browser's worker, which is where they are allowed.

/** Files up to this many bytes are kept in memory once read. */
const KEPT = 64 << 20;

export function reader(files) {
  const kept = new Map();
  const file = (name) => (Object.hasOwn(files, name) ? files[name] : undefined);
  return {
    size(name) {
      const found = file(name);
      return found ? (found.kind === 'blob' ? found.blob.size : found.size) : -1;
    },
    names: () => Object.keys(files).join(', ') || 'none',
    read(name, offset, length) {
      if (length === 0) return new Uint8Array(0);
      const found = file(name);
      if (found.kind === 'range') return range(found, offset, length);
      const whole = kept.get(name);
      if (whole) return whole.subarray(offset, offset + length);
      if (found.blob.size > KEPT) return slice(found.blob.slice(offset, offset + length), name);
      const bytes = slice(found.blob, name);
      kept.set(name, bytes);
      return bytes.subarray(offset, offset + length);
    },
  };
}

function slice(blob, name) {
  try {
    return new Uint8Array(new FileReaderSync().readAsArrayBuffer(blob));
  } catch (error) {
    throw Error(`[SOURCE_CHANGED] ${name} cannot be read any more (${error.name}): a file that was changed or removed since it was picked`);
  }
}

/** One range of a URL, bound to the content that was there at the start. */
function range({ url, size, tag }, offset, length) {
  const request = new XMLHttpRequest();
  request.open('GET', url, false);
  request.responseType = 'arraybuffer';
  request.setRequestHeader('Range', `bytes=${offset}-${offset + length - 1}`);
  try {
    request.send();
  } catch (error) {
    throw Error(`[READ] ${url}: the request failed (${error.message}); offline, or blocked`);
  }
  if (request.status !== 206) throw Error(`[${request.status === 200 ? 'NO_RANGE' : 'READ'}] ${url}: a range was answered with status ${request.status}`);
  const total = Number(/\/(\d+)$/.exec(request.getResponseHeader('Content-Range') ?? '')?.[1] ?? size);
  const now = tag && request.getResponseHeader(tag.header);
  if (total !== size || (tag && now && now !== tag.value)) {
    throw Error(`[SOURCE_CHANGED] ${url} is not what it was at the start: ${tag?.header ?? 'size'} was ${tag?.value ?? size}, is ${now ?? total}`);
  }
  return new Uint8Array(request.response);
}

/** Makes files that need the network ready to be read. */
export async function prepare(files) {
  const made = {};
  for (const [name, file] of Object.entries(files)) made[name] = file.kind === 'http' ? await fetched(file) : file;
  return made;
}

async function fetched({ url, read }) {
  const ranged = read === 'range';
  let response;
  try {
    response = await fetch(url, ranged ? { headers: { Range: 'bytes=0-0' }, cache: 'no-store' } : {});
  } catch (error) {
    throw Error(`[READ] ${url}: the request failed (${error.message}); offline, blocked, or a server of another origin that does not allow it`);
  }
  if (!response.ok) throw Error(`[READ] ${url}: status ${response.status}`);
  const html = (start) => /^\s*<(!doctype|html)/i.test(start);
  const page = `[FORMAT] ${url}: an HTML page came where bytes were expected, as from a server that answers a wrong path with its start page`;
  if (!ranged) {
    const blob = await response.blob();
    if (html(await blob.slice(0, 64).text())) throw Error(page);
    return { kind: 'blob', blob };
  }
  await response.body?.cancel();
  if (response.status !== 206) {
    if (/html/.test(response.headers.get('Content-Type'))) throw Error(page);
    throw Error(`[NO_RANGE] ${url}: the server does not answer range requests (status ${response.status}); use read: 'whole'`);
  }
  const size = Number(/\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '')?.[1]);
  if (!Number.isFinite(size)) throw Error(`[NO_RANGE] ${url}: the answer to a range does not tell the size (Content-Range; from another origin it must be exposed)`);
  const headers = ['ETag', 'Last-Modified'].map((header) => ({ header, value: response.headers.get(header) }));
  return { kind: 'range', url, size, tag: headers.find(({ value }) => value && !value.startsWith('W/')) };
}
