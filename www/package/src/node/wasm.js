// @ts-check
// Compiles the wasm in Node.

import { readFile } from 'node:fs/promises';

export async function compile(url) {
  try {
    return await WebAssembly.compile(await readFile(url));
  } catch (error) {
    throw Error(`[WASM_LOAD] ${url}: ${error.message}`);
  }
}
