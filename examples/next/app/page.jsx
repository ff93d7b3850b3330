// Shows windrow in the app router of Next.js: a client component that reads batches from workers, ends
// its loader when it is unmounted, and goes on after a reload. One pipeline runs on threads, another one
// calls a function of `loader.worker.js`. Both give the digests that Node gives.
//
//     npm install   # before windrow is published: scripts/build-web, then
//                   # npm install --no-save "$(npm pack --silent ../../www/pkg)"
//     npm run dev
//
// `npm run build` and `npm start` serve the bundle. `stream.jsx` is the client component,
// `pipelines.js` has what it loads.

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
