// @ts-check
// Files at URLs, fetched whole or prepared for reads by ranges. Browsers and Node share this module.

/** The number of files fetched at the same time. */
const LANES = 8;
/** The time in milliseconds to wait for an answer, or for more of the answer. */
export const PATIENCE = 60_000;

/** Prepares files that need the network. `keep` makes a file from a blob. */
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
    throw Error(`[READ] ${url}: the request failed (${reason(error)}); check the connection, blockers, and the CORS headers of a server of another origin`);
  }
  if (ranged || !response.ok) done();
  if (!response.ok) throw Error(`[READ] ${url}: status ${response.status}`);
  const html = (start) => /^\s*<(!doctype|html)/i.test(start);
  const page = `[FORMAT] ${url}: the server sent an HTML page instead of the file; check the path`;
  if (!ranged) {
    const parts = [];
    try {
      const body = response.body.getReader();
      for (let part; !(part = await body.read()).done; again()) parts.push(part.value);
    } catch (error) {
      throw Error(`[READ] ${url}: the connection broke during the answer (${reason(error)})`);
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
  if (!Number.isSafeInteger(size)) throw Error(`[NO_RANGE] ${url}: the answer to a range does not give the size; send Content-Range, and expose the header to other origins`);
  const headers = ['ETag', 'Last-Modified'].map((header) => ({ header, value: response.headers.get(header) }));
  return { kind: 'range', url, size, tag: headers.find(({ value }) => value && !value.startsWith('W/')) };
}

/** Returns a signal that aborts unless `again` is called again and again. */
export function impatient() {
  const controller = new AbortController();
  let timer;
  const done = () => clearTimeout(timer);
  const again = () => {
    done();
    timer = setTimeout(() => controller.abort(Error(`no data for ${PATIENCE} ms`)), PATIENCE);
  };
  again();
  return { signal: controller.signal, again, done };
}

/** Returns the value of the header that asks for a range. */
export const wanted = (offset, length) => `bytes=${offset}-${offset + length - 1}`;

/** Returns the bytes of an answer to a range. Refuses an answer for changed content or for another range. */
export function check({ url, size, tag }, offset, length, status, header, bytes) {
  if (status !== 206) throw Error(`[${status === 200 ? 'NO_RANGE' : 'READ'}] ${url}: the server answered a range with status ${status}`);
  const changed = (what, was, is) => Error(`[SOURCE_CHANGED] ${url} changed after the start: ${what} was ${was}, is ${is}`);
  const [, came, total] = /^bytes (\d+-\d+)\/(\d+)$/.exec(header('Content-Range') ?? '') ?? [];
  if (total && Number(total) !== size) throw changed('the size', size, total);
  const now = tag && header(tag.header);
  if (now && now !== tag.value) throw changed(tag.header, tag.value, now);
  const wanted = `${offset}-${offset + length - 1}`;
  if (came && came !== wanted) throw Error(`[READ] ${url}: asked for bytes ${wanted}, received bytes ${came}`);
  if (bytes.length !== length) throw Error(`[READ] ${url}: asked for bytes ${wanted}, received ${bytes.length} bytes instead of ${length}`);
  return bytes;
}

/** Returns the reason of a failed request, which Node puts into the cause. */
export const reason = (error) => error.cause?.message || error.cause?.code || error.message;
