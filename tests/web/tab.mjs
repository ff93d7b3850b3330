// A tab of Chromium, Firefox or WebKit with one set of verbs: the first two by puppeteer, WebKit by
// WebDriver, in a screen of its own.

import { writeFileSync } from 'node:fs';

import { launch, within } from './browser.mjs';
import { startWebKit } from './webkit.mjs';

/** How long a tab waits for what it waits for, in milliseconds. */
const PATIENCE = Number(process.env.WINDROW_CASE_LIMIT ?? 120_000);
/** How long WebKit may take for a screenshot, in milliseconds. */
const DRAWN = 10_000;
/** WebDriver's names of keys. */
const KEYS = { Tab: '\ue004', Enter: '\ue007', Space: ' ', ArrowLeft: '\ue012', ArrowRight: '\ue014', Home: '\ue011', End: '\ue010' };
const pause = (milliseconds) => new Promise((later) => setTimeout(later, milliseconds));

/** A browser whose tabs are opened by `tab(url)`, or `{ missing }`. */
export async function browser(name) {
  if (name === 'webkit') return webkit();
  const made = await launch(name);
  if (made.missing) return made;
  return {
    name,
    version: made.version,
    async tab(url) {
      const { page, log } = await made.page('about:blank');
      const own = new Puppet(page, log);
      await own.goto(url);
      return own;
    },
    close: () => made.close(),
  };
}

class Tab {
  /** What the console said, and what failed. */
  log = [];

  /** Waits until a function in the page gives something true, and gives that. */
  async until(what, check, ...given) {
    for (const end = Date.now() + PATIENCE; Date.now() < end; await pause(40)) {
      const got = await this.evaluate(check, ...given);
      if (got) return got;
    }
    throw Error(`${what}: not within ${PATIENCE} ms`);
  }

  click(selector) {
    return this.evaluate((selector) => document.querySelector(selector).click(), selector);
  }
}

class Puppet extends Tab {
  constructor(page, log) {
    super();
    Object.assign(this, { page, log });
  }

  goto = (url) => this.page.goto(url, { waitUntil: 'load', timeout: PATIENCE });
  reload = () => this.page.reload({ waitUntil: 'load', timeout: PATIENCE });
  evaluate = (run, ...given) => this.page.evaluate(run, ...given);
  press = (key) => this.page.keyboard.press(key);
  size = (width, height) => this.page.setViewport({ width, height });
  shot = (path, whole) => this.page.screenshot({ path, fullPage: whole });
  close = () => this.page.close();
}

class Driven extends Tab {
  constructor(call) {
    super();
    this.call = call;
  }

  async goto(url) {
    await this.call('POST', '/url', { url });
    await this.#listen();
  }

  async reload() {
    await this.#hear();
    await this.call('POST', '/refresh', {});
    await this.#listen();
  }

  /** WebDriver tells no console, so the page is asked to keep it; what came before the load is not in it. */
  #listen = () => this.evaluate(() => {
    globalThis.heard = [];
    for (const kind of ['warn', 'error']) console[kind] = (...said) => globalThis.heard.push(`${kind}: ${said.join(' ')}`);
    addEventListener('error', ({ message }) => globalThis.heard.push(`uncaught: ${message}`));
    addEventListener('unhandledrejection', ({ reason }) => globalThis.heard.push(`uncaught: ${reason}`));
    addEventListener('securitypolicyviolation', ({ violatedDirective }) => globalThis.heard.push(`error: policy ${violatedDirective}`));
  });

  async #hear() {
    this.log.push(...(await this.evaluate(() => globalThis.heard.splice(0))));
  }

  async evaluate(run, ...given) {
    const script = `const done = arguments[arguments.length - 1]; Promise.resolve((${run})(...Array.from(arguments).slice(0, -1))).then((got) => done({ got }), (error) => done({ error: String(error) }));`;
    const { got, error } = await this.call('POST', '/execute/async', { script, args: given });
    if (error) throw Error(error);
    return got ?? undefined;
  }

  press(key) {
    const value = KEYS[key] ?? key;
    return this.call('POST', '/actions', { actions: [{ type: 'key', id: 'keys', actions: [{ type: 'keyDown', value }, { type: 'keyUp', value }] }] });
  }

  async size(width, height) {
    await this.call('POST', '/window/rect', { width, height });
    // A window has a least width of its own, so what comes is taken once it stays.
    let before;
    for (let now = ''; now !== before; ) {
      before = now;
      await pause(300);
      now = await this.evaluate(() => `${innerWidth} ${innerHeight}`);
    }
  }

  /** WebKit without compositing at times draws no picture until something changes; then there is none. */
  async shot(path) {
    const picture = await within(DRAWN, this.call('GET', '/screenshot'), 'a screenshot').catch(({ message }) => console.log(`webkit: ${message}`));
    if (picture) writeFileSync(path, Buffer.from(picture, 'base64'));
  }

  close = () => this.#hear();
}

async function webkit() {
  const { missing, session, version, end } = await startWebKit({ size: '2000x1400', script: PATIENCE, pageLoad: PATIENCE });
  if (missing) return { missing };
  return {
    name: 'webkit',
    version,
    async tab(url) {
      const tab = new Driven(session);
      await tab.goto(url);
      return tab;
    },
    close: end,
  };
}
