// @ts-check
// Files at URLs: fetched whole, or made ready to be read by ranges. The same in browsers and in Node.

/** Files fetched at the same time. */
const LANES = 8;
/** Milliseconds that an answer, or more of it, may take. */
export const PATIENCE = 60_000;

/** Makes files that need the network ready to be read; `keep` makes a file of a blob. */
export async function prepare(files, keep) {
  const made = {};
  const left = Object.entries(files).reverse();
  const lane = async () => {
    for (let next; (next = left.pop()); ) {
      const [name, file] = next;
      made[name] = undefined;
      made[name] = file.kind === 'http' ? await fetched(file, keep) : file;
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return made;
}

async function fetched({ url, read }, keep) {
  const ranged = read === 'range';
  const { signal, again, done } = impatient();
  let response;
  try {
    response = await fetch(url, ranged ? { headers: { Range: 'bytes=0-0' }, cache: 'no-store', signal } : { signal });
  } catch (error) {
    done();
    throw Error(`[READ] ${url}: the request failed (${reason(error)}); offline, blocked, or a server of another origin that does not allow it`);
  }
  if (ranged || !response.ok) done();
  if (!response.ok) throw Error(`[READ] ${url}: status ${response.status}`);
  const html = (start) => /^\s*<(!doctype|html)/i.test(start);
  const page = `[FORMAT] ${url}: an HTML page came where bytes were expected, as from a server that answers a wrong path with its start page`;
  if (!ranged) {
    const parts = [];
    try {
      const body = response.body.getReader();
      for (let part; !(part = await body.read()).done; again()) parts.push(part.value);
    } catch (error) {
      throw Error(`[READ] ${url}: the answer broke off (${reason(error)})`);
    } finally {
      done();
    }
    const blob = new Blob(parts);
    if (html(await blob.slice(0, 64).text())) throw Error(page);
    return keep(blob);
  }
  await response.body?.cancel();
  if (response.status !== 206) {
    if (/html/.test(response.headers.get('Content-Type'))) throw Error(page);
    throw Error(`[NO_RANGE] ${url}: the server does not answer range requests (status ${response.status}); use read: 'whole'`);
  }
  const size = Number(/\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '')?.[1] ?? NaN);
  if (!Number.isSafeInteger(size)) throw Error(`[NO_RANGE] ${url}: the answer to a range does not tell the size (Content-Range; from another origin it must be exposed)`);
  const headers = ['ETag', 'Last-Modified'].map((header) => ({ header, value: response.headers.get(header) }));
  return { kind: 'range', url, size, tag: headers.find(({ value }) => value && !value.startsWith('W/')) };
}

/** A signal that aborts unless something happens again and again. */
export function impatient() {
  const controller = new AbortController();
  let timer;
  const done = () => clearTimeout(timer);
  const again = () => {
    done();
    timer = setTimeout(() => controller.abort(Error(`nothing came for ${PATIENCE} ms`)), PATIENCE);
  };
  again();
  return { signal: controller.signal, again, done };
}

/** The value of the header that asks for a range. */
export const wanted = (offset, length) => `bytes=${offset}-${offset + length - 1}`;

/**
 * The bytes of an answer to a range. Refuses one that is not bound to the content that was there at the start, and one
 * that is not the range that was asked for.
 */
export function check({ url, size, tag }, offset, length, status, header, bytes) {
  if (status !== 206) throw Error(`[${status === 200 ? 'NO_RANGE' : 'READ'}] ${url}: a range was answered with status ${status}`);
  const changed = (what, was, is) => Error(`[SOURCE_CHANGED] ${url} is not what it was at the start: ${what} was ${was}, is ${is}`);
  const [, came, total] = /^bytes (\d+-\d+)\/(\d+)$/.exec(header('Content-Range') ?? '') ?? [];
  if (total && Number(total) !== size) throw changed('its size', size, total);
  const now = tag && header(tag.header);
  if (now && now !== tag.value) throw changed(tag.header, tag.value, now);
  const wanted = `${offset}-${offset + length - 1}`;
  if (came && came !== wanted) throw Error(`[READ] ${url}: bytes ${wanted} were asked for, bytes ${came} came`);
  if (bytes.length !== length) throw Error(`[READ] ${url}: ${bytes.length} bytes came for bytes ${wanted}, which are ${length}`);
  return bytes;
}

/** Why a request failed; Node has it one level down. */
export const reason = (error) => error.cause?.message || error.cause?.code || error.message;
