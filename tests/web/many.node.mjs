// Reads all pictures of a folder twice with every backend: prints how many came, and how many errors.

import { loader, source } from '../../www/pkg/src/node/index.js';

for (const backend of ['inline', 'workers', 'threads']) {
  const data = await loader({ source: source.images(source.folder(process.argv[2])), shuffle: 1, epochs: 2, backend, workers: 4 });
  let came = 0, errors = 0;
  for (;;) {
    const item = await data.next().catch(() => (errors += 1));
    if (item.done) break;
    came += 1;
  }
  await data.close();
  console.log(backend, came, errors);
}
