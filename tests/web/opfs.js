// Files of the origin private file system, by their paths.

import { assert, equal, rejected } from './cases.js';
import { all } from './transforms.js';

/** Writes a file, its folders too. */
async function write(path, bytes) {
  const parts = path.split('/');
  let folder = await navigator.storage.getDirectory();
  for (const part of parts.slice(0, -1)) folder = await folder.getDirectoryHandle(part, { create: true });
  const stream = await (await folder.getFileHandle(parts.at(-1), { create: true })).createWritable();
  await stream.write(bytes);
  await stream.close();
}

export const opfs = {
  async 'a file of the origin private file system gives the native digest in every mode'({ windrow, here }) {
    const { loader, source } = windrow;
    const { digest } = (await here.json('tests/golden/digests.json'))['tests/golden/specs/lines.json'];
    await write('data/of today/digits.jsonl', await here.open('tests/golden/data/digits.jsonl'));
    const spec = await here.json('tests/golden/specs/lines.json');
    for (const mode of here.modes) {
      const files = { [spec.source.file]: source.opfs('data/of today/digits.jsonl') };
      const data = await loader({ spec, files, digest: true, ...mode });
      for await (const _ of data);
      equal(data.digest, digest);
    }
  },

  async 'a folder of it is a folder of pictures'({ windrow, here }) {
    const { loader, source } = windrow;
    const path = 'tests/golden/specs/folder.json';
    const { digest } = (await here.json('tests/golden/digests.json'))[path];
    for (const name of await here.list('tests/golden/data/folder')) await write(`pets/${name}`, await here.open(`tests/golden/data/folder/${name}`));
    const data = await loader({ spec: await here.json(path), files: { '../data/folder': source.folder(source.opfs('pets')) }, digest: true, workers: 2 });
    for await (const _ of data);
    equal(data.digest, digest);
  },

  async 'a path that is not there is named, and so is a folder that is a file'({ windrow }) {
    const { loader, source } = windrow;
    await write('one.npy', new Uint8Array(3));
    for (const path of ['nothing.npy', 'no/such/folder.npy', 'one.npy/below.npy', '']) {
      const error = await rejected(loader({ source: source.npy({ x: source.opfs(path) }), backend: 'inline' }));
      equal([error.name, error.code], ['WindrowError', 'READ'], error.message);
      assert(error.message.includes(path) && error.fix, error.message);
    }
    const folder = await rejected(loader({ source: source.images(source.folder(source.opfs('one.npy'))) }));
    equal(folder.code, 'READ', folder.message);
    const local = await rejected(loader({ source: source.images(source.folder('/home/pets')) }));
    equal(local.code, 'SETTING', local.message);
  },

  async 'a file that is written anew while it is read is named as changed'({ windrow, here }) {
    const { loader, source } = windrow;
    await write('changing.jsonl', await here.open('tests/golden/data/digits.jsonl'));
    const { source: { fields } } = await here.json('tests/golden/specs/lines.json');
    const open = () => loader({ source: source.jsonl(source.opfs('changing.jsonl'), { fields }), backend: 'inline' });
    const data = await open();
    await write('changing.jsonl', 'nothing of what there was');
    const fresh = await all(await open());
    equal(fresh.map(({ code }) => code), ['SAMPLE']);
    // What was read before is kept; nothing else is ever made up.
    const codes = new Set((await all(data)).map(({ code }) => code ?? 'ok'));
    assert([...codes].every((code) => ['ok', 'SOURCE_CHANGED'].includes(code)), [...codes].join());
  },
};
