// Turbopack bundles windrow's workers and `app/loader.worker.js` without configuration. The headers make
// the page cross-origin isolated, so pipelines without functions of JavaScript run on threads.

const isolated = [
  { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
  { key: 'Cross-Origin-Embedder-Policy', value: 'require-corp' },
];

export default { headers: async () => [{ source: '/:path*', headers: isolated }] };
