// WebKit for the tests, by raw WebDriver: the few verbs of a page that the tests use.
//
// There is one page at a time, and its console cannot be had. Its threads need
// JSC_useSharedArrayBuffer=1 in the environment; without it WebKit shows what a page does without
// them.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DRIVER = '/usr/bin/WebKitWebDriver';
const DISPLAY = '/usr/bin/Xvfb';
const BROWSERS = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/libexec']
  .map((folder) => `${folder}/webkit2gtk-4.1/MiniBrowser`);
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** Milliseconds that a program may take to start, and a script to end. */
const START = 60_000;
const SCRIPT = 600_000;

/** A browser, or why there is none: `{ name, version, page, close }`. */
export async function launchWebKit(name, { shared }) {
  const { missing, session, version, pid, end } = await startWebKit({ shared });
  if (missing) return { missing };
  return {
    name,
    version,
    pid,
    async page(url) {
      await session('POST', '/url', { url });
      return { page: pageOf(session), log: ['(the console of WebKit cannot be had)'] };
    },
    close: end,
  };
}

/** The browser in a screen and a home of its own, and `session(method, path, body)` for what is asked of it. */
export async function startWebKit({ shared, size = '1024x768', script = SCRIPT, pageLoad = START }) {
  const binary = BROWSERS.find(existsSync);
  const missing = [DRIVER, DISPLAY].find((path) => !existsSync(path)) ?? (binary ? undefined : BROWSERS[0]);
  if (missing) return { missing: `${missing} is not there` };
  const screen = spawn(DISPLAY, ['-displayfd', '3', '-screen', '0', `${size}x24`, '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const home = mkdtempSync(join(tmpdir(), 'windrow-webkit-'));
  let driver;
  const stop = () => {
    for (const signal of SIGNALS) process.off(signal, stopped);
    driver?.kill();
    screen.kill();
    rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  };
  // Nobody else ends them when the tests are stopped.
  const stopped = () => {
    stop();
    process.exit(130);
  };
  for (const signal of SIGNALS) process.once(signal, stopped);
  try {
    const display = await new Promise((resolve, reject) => {
      screen.stdio[3].on('data', (number) => resolve(`:${String(number).trim()}`));
      screen.on('error', reject).on('exit', () => reject(Error('Xvfb ended')));
    });
    const port = await free();
    // Without compositing, WebKit draws without Mesa's software rasteriser, in which its compositor crashed.
    const env = { ...process.env, DISPLAY: display, GDK_BACKEND: 'x11', WEBKIT_DISABLE_COMPOSITING_MODE: '1' };
    for (const folder of ['HOME', 'XDG_CACHE_HOME', 'XDG_DATA_HOME', 'XDG_CONFIG_HOME']) env[folder] = home;
    if (shared !== undefined) env.JSC_useSharedArrayBuffer = shared ? '1' : '0';
    driver = spawn(DRIVER, [`--port=${port}`], { env, stdio: 'ignore' });
    const send = (method, path, body) => call(port, method, path, body);
    for (const until = Date.now() + START; !(await send('GET', '/status').catch(() => ({}))).ready; ) {
      if (Date.now() > until) throw Error('the driver does not answer');
      await new Promise((later) => setTimeout(later, 100));
    }
    const options = { binary, args: ['--automation'] };
    const { sessionId, capabilities } = await send('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } });
    const session = (method, path, body) => send(method, `/session/${sessionId}${path}`, body);
    await session('POST', '/timeouts', { script, pageLoad });
    return {
      version: `${capabilities.browserName} ${capabilities.browserVersion}`,
      pid: driver.pid,
      session,
      async end() {
        await session('DELETE', '').catch(() => {});
        stop();
      },
    };
  } catch (error) {
    stop();
    throw error;
  }
}

function pageOf(session) {
  /** A function with its arguments, or an expression; its promise is waited for. */
  async function evaluate(what, ...args) {
    const asked = typeof what === 'string' ? `(${what})` : `(${what})(...given)`;
    const script = `const given = [...arguments], done = given.pop();
      (async () => ${asked})().then((value) => done({ value }), (error) => done({ error: error.message + '\\n' + error.stack }));`;
    const { value, error } = await session('POST', '/execute/async', { script, args });
    if (error) throw Error(error);
    return value;
  }
  return {
    evaluate,
    async waitForFunction(condition, { timeout = START } = {}) {
      for (const until = Date.now() + timeout; !(await evaluate(`Boolean(${condition})`)); ) {
        if (Date.now() > until) throw Error(`${condition}: not within ${timeout} ms`);
        await new Promise((later) => setTimeout(later, 100));
      }
    },
    reload: () => session('POST', '/refresh', {}),
    close: () => session('POST', '/url', { url: 'about:blank' }),
  };
}

/** One command; its value, or its error. No time limit of its own, as `fetch` has. */
function call(port, method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json' };
    const asked = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
      let text = '';
      answer.on('data', (piece) => (text += piece)).on('end', () => {
        try {
          const { value } = JSON.parse(text);
          if (answer.statusCode === 200) resolve(value);
          else reject(Error(`${method} ${path}: ${value.error}: ${value.message}`));
        } catch (error) {
          reject(error);
        }
      });
    });
    asked.on('error', reject).end(body && JSON.stringify(body));
  });
}

/** A port that nobody listens on. */
function free() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
