// @ts-check
// Files of the origin private file system. Only loaders with such files import this module.

import { WindrowError } from '../shared/errors.js';

/** Returns all files below a folder by their paths, prefixed with the folder's name. */
export async function files(folder, name) {
  if (folder?.kind !== 'opfs') throw new WindrowError({ code: 'SETTING', message: `a browser cannot list the folder ${name}`, fix: 'give source.folder(source.opfs(path)), or the files themselves' });
  const found = {};
  const walk = async (handle, path) => {
    for await (const [part, entry] of handle.entries()) {
      if (entry.kind === 'directory') await walk(entry, `${path}/${part}`);
      else found[`${path}/${part}`] = { kind: 'blob', blob: await entry.getFile() };
    }
  };
  await walk(await opfs(folder.path, (handle, last) => handle.getDirectoryHandle(last)), name);
  return found;
}

/** Returns a file by its path. */
export const file = (path) => opfs(path, async (folder, last) => (await folder.getFileHandle(last)).getFile());

/** Calls `get` with the folder of a path and the path's last part. */
async function opfs(path, get) {
  try {
    let folder = await navigator.storage.getDirectory();
    const parts = path.split('/').filter(Boolean);
    const last = parts.pop();
    for (const part of parts) folder = await folder.getDirectoryHandle(part);
    return await get(folder, last);
  } catch (error) {
    const why = navigator.storage?.getDirectory ? error.message : 'this page has no such file system; use https or localhost, and no private window';
    throw new WindrowError({ code: 'READ', message: `opening ${path} in the origin private file system: ${why}`, fix: 'write the file first, and give its whole path' }, { cause: error });
  }
}
