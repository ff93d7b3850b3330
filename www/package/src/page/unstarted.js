// @ts-check
// What is said of a script that does not start: loaded when one does not.

/** Milliseconds that a look at the file may take. */
const PATIENCE = 3000;

/** Who could not be started and why, as an error; where the browser gives no reason, its file is looked at. */
export async function unstarted(who, why) {
  return {
    code: 'WORKER_LOAD',
    message: `${who} could not be started: ${why || (await looked(who))}`,
    fix: 'look for a 404, a syntax error or a blocked request in the console; a worker file must call serve() of windrow/worker at once; a Content-Security-Policy needs worker-src for it, and a page with COEP needs that header on the script too. In Node, Worker is that of node:worker_threads',
  };
}

async function looked(who) {
  const url = /\((https?:.*)\)$/.exec(who)?.[1];
  if (!url) return 'the browser gives no reason';
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) });
    await response.body?.cancel();
    if (!response.ok) return `its file is answered with status ${response.status}`;
    const type = response.headers.get('Content-Type');
    if (!/(java|ecma)script/i.test(type)) return `its file comes as ${type}, not as JavaScript`;
  } catch (error) {
    return `its file cannot be fetched: ${error.message}`;
  }
  return 'its file is there; in it, or in a module that it imports, is a syntax error, or one that is not there';
}
