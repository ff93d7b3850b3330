// @ts-check
// The error for a script that does not start. The loader imports this module only then.

/** The time limit for fetching the file, in milliseconds. */
const PATIENCE = 3000;

/** Returns the error for a script that could not start. If the browser gives no reason, checks the script's file. */
export async function unstarted(who, why) {
  return {
    code: 'WORKER_LOAD',
    message: `${who} could not be started: ${why || (await looked(who))}`,
    fix: 'check the console for a 404, a syntax error or a blocked request; call serve() of windrow/worker at once in a worker file; allow the script in worker-src of a Content-Security-Policy; send COEP with the script if the page has COEP; in Node, use Worker of node:worker_threads',
  };
}

async function looked(who) {
  const url = /\((https?:.*)\)$/.exec(who)?.[1];
  if (!url) return 'the browser gives no reason';
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE) });
    await response.body?.cancel();
    if (!response.ok) return `the server answers with status ${response.status}`;
    const type = response.headers.get('Content-Type');
    if (!/(java|ecma)script/i.test(type)) return `the server sends the file as ${type}, not as JavaScript`;
  } catch (error) {
    return `the file cannot be fetched: ${error.message}`;
  }
  return 'the file exists, so the file or a module that it imports has a syntax error, or an imported module is missing';
}
