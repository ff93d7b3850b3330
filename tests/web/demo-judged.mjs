// What tools and numbers say of the demo page: accessibility, sizes, budgets, and pictures of it to
// be looked at. A browser that cannot tell something is not asked.

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';

import { serve } from '../../scripts/demo-serve.mjs';
import { assert, equal } from './cases.js';
import { over, shown } from './demo-cases.mjs';
import { root } from './server.mjs';

const require = createRequire(resolve(process.env.WINDROW_WEB_TOOLS ?? 'target/web-tools', 'package.json'));
const WIDTHS = [360, 1024, 1920];
/** Bytes of the page's own JavaScript and CSS, compressed. */
const WEIGHT = 60_000;

/** The page again in another way, and back. */
async function elsewhere(tab, url, run) {
  await tab.goto(url);
  try {
    return await run();
  } finally {
    await tab.evaluate(() => localStorage.clear());
  }
}

export const judged = {
  async 'axe finds nothing serious'(tab, { origin }) {
    const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
    const found = [];
    for (const language of ['en', 'ar']) {
      await elsewhere(tab, `${origin}/?lang=${language}`, async () => {
        await over(tab);
        await tab.evaluate(() => document.querySelectorAll('details').forEach((details) => (details.open = true)));
        await tab.evaluate(new Function(`${axe}\nreturn undefined;`));
        for (const scheme of tab.page?.emulateMediaFeatures && (await dark(tab)) ? ['dark', 'light'] : ['light']) {
          if (scheme === 'light' && tab.page) await tab.page.emulateMediaFeatures?.([{ name: 'prefers-color-scheme', value: 'light' }]).catch(() => {});
          const violations = await tab.evaluate(async () => (await globalThis.axe.run()).violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map(({ target }) => target.join(' ')).slice(0, 3) })));
          found.push(...violations.map((violation) => ({ language, scheme, ...violation })));
        }
      });
    }
    equal(found.filter(({ impact }) => ['serious', 'critical'].includes(impact)), []);
    return `${found.length} minor${found.map(({ id }) => ` ${id}`)}`;
  },

  async 'no width from 360 pixels to 4K makes it scroll sideways, in either direction'(tab, { origin, browser, shots }) {
    for (const language of ['en', 'ar']) {
      await elsewhere(tab, `${origin}/?lang=${language}`, async () => {
        await over(tab);
        for (const width of tab.page ? [...WIDTHS, 768, 3840] : WIDTHS) {
          await tab.size(width, width < 600 ? 780 : width < 1400 ? 768 : 1080);
          const [inner, wide, out] = await tab.evaluate(() => [innerWidth, document.documentElement.scrollWidth, [...document.querySelectorAll('body *')].filter((element) => {
            const { left, right, width } = element.getBoundingClientRect();
            return width > 1 && (right > innerWidth + 1 || left < -1);
          }).map(({ id, className, tagName }) => id || className || tagName)]);
          assert(wide <= inner, `${wide} pixels at ${inner}: ${out}`);
          if (WIDTHS.includes(width)) await tab.shot(join(shots, `${browser.name}-${language}-${width}.png`), true);
        }
      });
    }
    await tab.size(1024, 768);
  },

  async 'the digest that is not the native one is told in red, and one that is not known is not judged'(tab) {
    const wrong = JSON.stringify({ seeds: { 7: Array(16).fill('0'.repeat(64)) } });
    for (const [instead, verdict] of [[wrong, 'different'], ['{}', 'unproven']]) {
      const server = await serve({ instead: { '/expected.json': instead } });
      await elsewhere(tab, `${server.origin}/?lang=en`, async () => {
        await over(tab);
        equal((await tab.evaluate(shown)).verdict, verdict);
      });
      server.close();
    }
  },

  async 'the first sheet is there soon'(tab, { origin }) {
    const times = [];
    while (times.length < 3) {
      await elsewhere(tab, `${origin}/?lang=en`, async () => {
        await over(tab);
        times.push(Math.round(await tab.evaluate(() => performance.getEntriesByName('first sheet')[0].startTime)));
      });
    }
    // How soon is told, not judged: a busy machine says nothing of the page.
    assert(times.every((time) => time > 0), `milliseconds: ${times}`);
    return `after ${times} ms`;
  },

  async 'the page weighs little and asks no other server'(tab, { origin }) {
    const www = join(root, 'www');
    const files = ['index.html', 'page.css', ...readdirSync(join(www, 'page')).map((name) => `page/${name}`)];
    const weight = files.reduce((all, name) => all + gzipSync(readFileSync(join(www, name))).length, 0);
    assert(weight <= WEIGHT, `${weight} bytes`);
    const others = await tab.evaluate((origin) => performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => !name.startsWith(origin) && !name.startsWith('data:')), origin);
    equal(others, []);
    return `${weight} bytes gz`;
  },

  async 'whoever wants no motion gets none'(tab, { browser, origin }) {
    if (browser.name !== 'chromium') return 'not asked: motion cannot be emulated here';
    await tab.page.emulateMediaFeatures([{ name: 'prefers-reduced-motion', value: 'reduce' }]);
    await elsewhere(tab, `${origin}/?lang=en`, async () => {
      await over(tab);
      await tab.evaluate(() => {
        globalThis.moved = 0;
        document.addEventListener('animationstart', () => (globalThis.moved += 1));
        new MutationObserver(() => (globalThis.moved += 1)).observe(document.getElementById('runner'), { attributes: true });
        document.getElementById('race').click();
      });
      await tab.until('the end of the race', () => !document.getElementById('race').disabled);
      equal(await tab.evaluate(() => globalThis.moved), 0);
    });
    await tab.page.emulateMediaFeatures([]);
  },

  async 'the layout does not shift'(tab, { browser, origin }) {
    if (browser.name !== 'chromium') return 'not asked: this browser does not measure it';
    await elsewhere(tab, `${origin}/?lang=en`, async () => {
      await over(tab);
      const shift = await tab.evaluate(() => new Promise((told) => {
        const observer = new PerformanceObserver((list) => told(list.getEntries().reduce((all, { value }) => all + value, 0)));
        observer.observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => told(0), 1000);
      }));
      assert(shift < 0.01, `cumulative layout shift ${shift}`);
    });
  },
};

/** Asks for the dark colours; whether the browser can be asked. */
const dark = (tab) => tab.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]).then(() => true, () => false);
