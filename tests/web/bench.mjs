// Runs the benchmarks in browsers: `node tests/web/bench.mjs [chromium] [firefox]`.

import { launch } from './browser.mjs';
import { ISOLATED, serve } from './server.mjs';

const places = process.argv.slice(2);
for (const place of places.length > 0 ? places : ['chromium', 'firefox']) {
  const browser = await launch(place);
  if (browser.missing) {
    console.log(`skipped ${place}: ${browser.missing}`);
    continue;
  }
  const server = await serve({ headers: ISOLATED });
  const { page } = await browser.page(`${server.origin}/tests/web/page.html`);
  await page.waitForFunction('globalThis.bench', { timeout: 30_000 });
  console.log(browser.version);
  for (const name of await page.evaluate('benchNames')) {
    const numbers = await page.evaluate((name) => globalThis.bench(name), name);
    const told = Object.entries(numbers).map(([what, number]) => `${what} ${number < 100 ? number.toFixed(2) : Math.round(number)}`);
    console.log(`  ${name}: ${told.join(', ')}`);
  }
  await browser.close();
  server.close();
}
