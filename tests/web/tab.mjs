// A tab of Chromium, Firefox or WebKit with one set of verbs: the first two by puppeteer, WebKit by
// WebDriver, in a screen of its own.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { launch, within } from './browser.mjs';

/** How long a tab waits for what it waits for, in milliseconds. */
const PATIENCE = Number(process.env.WINDROW_CASE_LIMIT ?? 120_000);
const DRIVER = '/usr/bin/WebKitWebDriver';
const MINIBROWSER = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/libexec']
  .map((folder) => `${folder}/webkit2gtk-4.1/MiniBrowser`);
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
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

  async shot(path) {
    writeFileSync(path, Buffer.from(await this.call('GET', '/screenshot'), 'base64'));
  }

  close = () => this.#hear();
}

async function webkit() {
  const binary = MINIBROWSER.find(existsSync);
  const lacks = [[existsSync(DRIVER), DRIVER], [binary, MINIBROWSER[0]], [existsSync('/usr/bin/Xvfb'), '/usr/bin/Xvfb']].find(([there]) => !there);
  if (lacks) return { missing: `${lacks[1]} is not there` };
  const screen = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '2000x1400x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const display = await within(20_000, new Promise((told) => screen.stdio[3].once('data', (text) => told(String(text).trim()))), 'Xvfb');
  const port = await free();
  const home = mkdtempSync(join(tmpdir(), 'windrow-webkit-'));
  const folders = Object.fromEntries(['HOME', 'XDG_CACHE_HOME', 'XDG_DATA_HOME', 'XDG_CONFIG_HOME'].map((name) => [name, home]));
  const driver = spawn(DRIVER, [`--port=${port}`, '--host=127.0.0.1'], { env: { ...process.env, ...folders, DISPLAY: `:${display}`, GDK_BACKEND: 'x11' }, stdio: 'ignore' });
  const ask = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (value?.error) throw Error(`${value.error}: ${value.message}`);
    return value;
  };
  const stop = () => {
    for (const signal of SIGNALS) process.off(signal, stopped);
    driver.kill();
    screen.kill();
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  // Nobody else ends them when the tests are stopped.
  const stopped = () => {
    stop();
    process.exit(130);
  };
  for (const signal of SIGNALS) process.once(signal, stopped);
  try {
    for (let tries = 0; !(await ask('GET', '/status').then(() => true, () => tries > 200)); tries++) await pause(50);
    const browserOptions = { binary, args: ['--automation'] };
    const session = await ask('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': browserOptions } } });
    const call = (method, path, body) => ask(method, `/session/${session.sessionId}${path}`, body);
    await call('POST', '/timeouts', { script: PATIENCE, pageLoad: PATIENCE });
    return {
      name: 'webkit',
      version: `WebKitGTK ${session.capabilities.browserVersion}`,
      async tab(url) {
        const tab = new Driven(call);
        await tab.goto(url);
        return tab;
      },
      async close() {
        await call('DELETE', '').catch(() => {});
        stop();
      },
    };
  } catch (error) {
    stop();
    throw error;
  }
}

/** A port that nobody has. */
function free() {
  return new Promise((told) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => told(port));
    });
  });
}
