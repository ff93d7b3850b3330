// WebKit for the tests, by raw WebDriver: the few verbs of a page that the tests use.
//
// There is one page at a time, and its console cannot be had. Its threads need
// JSC_useSharedArrayBuffer=1 in the environment; without it WebKit shows what a page does without
// them.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';

const DRIVER = '/usr/bin/WebKitWebDriver';
const DISPLAY = '/usr/bin/Xvfb';
const BROWSERS = ['/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser', '/usr/libexec/webkit2gtk-4.1/MiniBrowser'];
/** Milliseconds that a program may take to start, and a script to end. */
const START = 60_000;
const SCRIPT = 600_000;

/** A browser, or why there is none: `{ name, version, page, close }`. */
export async function launchWebKit({ shared = true } = {}) {
  const binary = BROWSERS.find(existsSync);
  const missing = [DRIVER, DISPLAY].find((path) => !existsSync(path)) ?? (binary ? undefined : BROWSERS[0]);
  if (missing) return { missing: `${missing} is not there` };
  const screen = spawn(DISPLAY, ['-displayfd', '3', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  let driver;
  const end = () => (driver?.kill(), screen.kill());
  try {
    const display = await new Promise((resolve, reject) => {
      screen.stdio[3].on('data', (number) => resolve(`:${String(number).trim()}`));
      screen.on('error', reject).on('exit', () => reject(Error('Xvfb ended')));
    });
    const port = await free();
    const env = { ...process.env, DISPLAY: display, JSC_useSharedArrayBuffer: shared ? '1' : '0' };
    driver = spawn(DRIVER, [`--port=${port}`], { env, stdio: 'ignore' });
    const send = (method, path, body) => call(port, method, path, body);
    for (const until = Date.now() + START; !(await send('GET', '/status').catch(() => ({}))).ready; ) {
      if (Date.now() > until) throw Error('the driver does not answer');
      await new Promise((later) => setTimeout(later, 100));
    }
    const options = { binary, args: ['--automation'] };
    const { sessionId, capabilities } = await send('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } });
    const session = (method, path, body) => send(method, `/session/${sessionId}${path}`, body);
    await session('POST', '/timeouts', { script: SCRIPT, pageLoad: START });
    return {
      name: 'webkit',
      version: `${capabilities.browserName} ${capabilities.browserVersion}`,
      pid: driver.pid,
      async page(url) {
        await session('POST', '/url', { url });
        return { page: pageOf(session), log: ['(the console of WebKit cannot be had)'] };
      },
      async close() {
        await session('DELETE', '').catch(() => {});
        end();
      },
    };
  } catch (error) {
    end();
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
