// Takes a picture of the top of the demo page after a worker was killed: `node scripts/demo-picture.mjs FILE`.

import { launch } from '../tests/web/browser.mjs';
import { serve } from './demo-serve.mjs';

const WIDTH = 1200;
/** Pixels between the last sheets on the picture and its end. */
const MARGIN = 10;
/** How many sheets are on it: two rows of four. */
const SHEETS = 8;

const browser = await launch('chromium');
if (browser.missing) throw Error(browser.missing);
const server = await serve();
try {
  const { page } = await browser.page('about:blank');
  await page.setViewport({ width: WIDTH, height: 1000 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
  await page.goto(`${server.origin}/?lang=en`);
  const done = () => page.waitForFunction(() => document.getElementById('proof').dataset.verdict === 'same', { timeout: 60_000 });
  await done();
  await page.click('#kill');
  await page.waitForFunction(() => document.getElementById('kill-told').dataset.kept === 'yes', { timeout: 60_000 });
  await done();
  // No outline of the button that was clicked, and no other colour under the pointer.
  await page.mouse.move(0, 0);
  const height = await page.evaluate((last) => {
    document.activeElement.blur();
    return document.querySelectorAll('#sheets > li')[last].getBoundingClientRect().bottom + scrollY;
  }, SHEETS - 1);
  await page.screenshot({ path: process.argv[2], clip: { x: 0, y: 0, width: WIDTH, height: Math.round(height) + MARGIN }, captureBeyondViewport: true });
} finally {
  server.close();
  await browser.close();
}
