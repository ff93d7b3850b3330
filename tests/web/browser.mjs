// Browsers for the tests: starting them, pages whose console is kept, and calls with a time limit.

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { launchWebKit } from './webkit.mjs';

const require = createRequire(resolve(process.env.WINDROW_WEB_TOOLS ?? 'target/web-tools', 'package.json'));

const PATHS = {
  chromium: ['/usr/bin/chromium', '/usr/bin/google-chrome'],
  firefox: ['/usr/bin/firefox-esr', '/usr/bin/firefox'],
};
const CHROMIUM = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--js-flags=--expose-gc',
];

/** What tests run in. WebKit comes without threads, and with them where its environment says so. */
export const PLACES = ['node', 'chromium', 'firefox', 'webkit', 'webkit-threads'];

/** Whether pages of a place can have threads. */
export const hasThreads = (place) => place !== 'webkit';

/**
 * A browser, or why there is none: `{ name, version, pid, page, close }`. A page's log has its failed
 * requests unless `requests` is false: Firefox spends half of its time on telling of thousands of ranges.
 */
export async function launch(name, { requests = true } = {}) {
  if (name.startsWith('webkit')) return launchWebKit(name, { shared: hasThreads(name) });
  const path = PATHS[name].find(existsSync);
  if (!path) return { missing: `none of ${PATHS[name].join(', ')} is there` };
  const puppeteer = require('puppeteer-core');
  const profile = mkdtempSync(join(tmpdir(), 'windrow-browser-'));
  const common = { executablePath: path, headless: true, protocolTimeout: 600_000, timeout: 120_000 };
  const browser = await puppeteer.launch(
    name === 'firefox' ? { ...common, browser: 'firefox' } : { ...common, args: [...CHROMIUM, `--user-data-dir=${profile}`] },
  );
  if (name === 'firefox' && !requests) await browser.connection.send('session.unsubscribe', { events: ['network'] });
  return {
    name,
    version: await browser.version(),
    pid: browser.process()?.pid,
    async page(url) {
      const page = await browser.newPage();
      const log = [];
      page.on('console', (message) => log.push(`${message.type()}: ${message.text()}`));
      page.on('pageerror', (error) => log.push(`uncaught: ${error.message}`));
      page.on('requestfailed', (request) => log.push(`failed: ${request.url()}`));
      await page.goto(url, { waitUntil: 'load', timeout: 60_000 });
      return { page, log };
    },
    async close() {
      await browser.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** The promise's value, or an error when it takes longer. */
export function within(milliseconds, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(Error(`${what}: no end within ${milliseconds} ms`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Says that a browser is not here; fails where the command line names it. */
export function absent(name, why) {
  if (process.argv.slice(2).includes(name)) throw Error(`${name} cannot run here: ${why}`);
  console.log(`skipped ${name}: ${why}`);
}

/** Ends the program with the counts; a run in which nothing passed has failed too. */
export function verdict(passed, failed) {
  console.log(`${passed} passed, ${failed} failed`);
  if (passed + failed === 0) console.log('no case ran: install a browser, or mend the filter');
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
}
