// @ts-check
// Compiles the wasm in a browser's worker.

import { impatient } from '../shared/http.js';

export async function compile(url) {
  const { signal, again, done } = impatient();
  let response;
  try {
    response = await fetch(url, { signal });
    // The wasm compiles while it loads, without any progress. Reading a copy shows the progress.
    drained(response.clone(), again).then(done, done);
  } catch (error) {
    done();
    throw Error(`[WASM_LOAD] ${url}: the request failed (${error.message})`);
  }
  if (!response.ok) throw Error(`[WASM_LOAD] ${url}: status ${response.status}`);
  try {
    if (/^application\/wasm/.test(response.headers.get('Content-Type'))) return await WebAssembly.compileStreaming(response);
    const bytes = await response.arrayBuffer();
    const [a, b, c, d] = new Uint8Array(bytes, 0, Math.min(4, bytes.byteLength));
    if (a !== 0 || b !== 0x61 || c !== 0x73 || d !== 0x6d) throw Error('the file is not wasm, but perhaps an HTML page of the server');
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw Error(`[WASM_LOAD] ${url}: ${error.message}; a Content-Security-Policy needs 'wasm-unsafe-eval' in script-src`);
  }
}

async function drained({ body }, again) {
  for (const reader = body.getReader(); !(await reader.read()).done; ) again();
}
