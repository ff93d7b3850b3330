// Shows windrow in the app router of Next.js: a client component that reads batches from workers, ends
// its loader when React unmounts it, and goes on after a reload. One pipeline runs on threads, the other
// calls a function of `loader.worker.js`. Both have the same digests as in Node.
//
//     npm install   # before windrow is published: scripts/build-web, then
//                   # npm install --no-save "$(npm pack --silent ../../www/pkg)"
//     npm run dev
//
// `npm run build` bundles, `npm start` serves the bundle. `stream.jsx` is the client component,
// `pipelines.js` has the options of its loaders.

import { Stream } from './stream';

export default function Page() {
  return (
    <main>
      <h1>windrow and Next.js</h1>
      <Stream name="waves" />
      <Stream name="noisy" />
    </main>
  );
}
