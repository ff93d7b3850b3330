// What must hold of the demo page before and without its scripts, and where a script does not load. Each case takes a page
// of its own, whose console may have errors.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

import { serve } from '../../scripts/demo-serve.mjs';
import { assert, equal } from './cases.js';
import { over, shown, words } from './demo-cases.mjs';
import { root } from './server.mjs';

const start = readFileSync(join(root, 'www/page/start.js'), 'utf8');

/** Runs a case on a page whose server has texts instead of files. WebKit has one page, which goes back afterwards. */
async function apart(tab, { browser, origin }, { instead = {}, query = '?lang=en' }, run) {
  const server = await serve({ instead });
  const own = browser.name === 'webkit' ? tab : await browser.tab('about:blank');
  try {
    await own.goto(`${server.origin}/${query}`);
    return await run(own, server.origin);
  } finally {
    await own.evaluate(() => localStorage.clear());
    if (own === tab) await tab.goto(`${origin}/?lang=en`);
    else await own.close();
    server.close();
  }
}

/** What a visitor sees of the page: its text, and the parts that need scripts. */
const seen = () => {
  const visible = (element) => element.checkVisibility({ visibilityProperty: true });
  return {
    text: document.body.innerText,
    live: [...document.querySelectorAll('.live')].filter(visible).length,
    panels: [...document.querySelectorAll('.panel')].filter(visible).map(({ id }) => id),
    tabs: [...document.querySelectorAll('[role=tab]')].filter(visible).length,
  };
};

/** The page says what windrow is, how to install it, and how to use it in both languages. */
function introduces({ text, live, panels, tabs }) {
  for (const key of ['title', 'purpose', 'promise', 'linkSource', 'raceText']) assert(text.includes(words.en[key]), `${key} is not in ${text}`);
  for (const code of ['cargo add windrow', 'npm install windrow', 'use windrow::', "from 'windrow'"]) assert(text.includes(code), `${code} is not in ${text}`);
  equal([live, panels, tabs], [0, ['rust', 'javascript'], 0]);
}

/** What the page says, once it says that the demo failed, and says this. */
async function failure(tab, part = '') {
  await tab.until(`the failure with ${part}`, (part) => {
    const told = document.getElementById('failure');
    return !told.hidden && told.innerText.includes(part);
  }, part);
  const page = await tab.evaluate(seen);
  equal(page.live, 0, 'parts that need scripts are visible');
  assert(page.text.includes('windrow') && page.tabs === 2, page.text);
  return page.text;
}

export const front = {
  async 'the text of the page is in its HTML, before any script runs'(tab) {
    const [texts, labels, others] = await tab.evaluate(async () => {
      const page = new DOMParser().parseFromString(await (await fetch('index.html')).text(), 'text/html');
      const empty = (element) => element.textContent.trim() === '' && !element.matches('#failure-why');
      return [
        [...page.querySelectorAll('[data-t]')].map(({ dataset, textContent }) => [dataset.t, textContent]),
        [...page.querySelectorAll('[data-t-label]')].map((element) => [element.dataset.tLabel, element.getAttribute('aria-label')]),
        [...page.querySelectorAll('h1, h2, h3, h4, button, a, dt, th:not(#race-workers-name)')].filter(empty).map(({ id, outerHTML }) => id || outerHTML),
      ];
    });
    for (const [key, text] of [...texts, ...labels]) equal(text, words.en[key], key);
    assert(texts.length > 60 && labels.length > 5, `${texts.length} texts, ${labels.length} labels`);
    equal(others, []);
  },

  async 'without scripts the page says what windrow is, with both examples'(tab, context) {
    await apart(tab, context, { instead: { '/page/start.js': null } }, async (own) => {
      const page = await own.evaluate(seen);
      introduces(page);
      assert(page.text.includes('page/start.js did not load'), page.text);
    });
    if (context.browser.name !== 'chromium') return 'by a script that is missing; JavaScript cannot be switched off here';
    await apart(tab, context, { query: 'data/README.md' }, async (own, origin) => {
      await own.page.setJavaScriptEnabled(false);
      await own.goto(`${origin}/`);
      introduces(await own.evaluate(seen));
    });
  },

  async 'a script that does not load is named in the page'(tab, context) {
    for (const path of ['/page/main.js', '/page/proof.js', '/pkg/src/index.js']) {
      for (const text of [null, ...(path === '/page/proof.js' ? ['This is no script {'] : [])]) {
        await apart(tab, context, { instead: { [path]: text } }, async (own) => {
          const page = await failure(own, text === null ? words.en.startAdvice : words.en.startFailed);
          assert(page.includes(words.en.startFailed), page);
          if (text === null) assert(page.includes(`${path}\n`), page);
          else assert(!page.includes(words.en.startFiles), page);
        });
      }
    }
    await apart(tab, context, { instead: { '/pkg/src/index.js': null }, query: '?lang=ar' }, async (own) => {
      await own.until('Arabic', () => document.documentElement.lang === 'ar');
      const page = await failure(own, words.ar.startAdvice);
      for (const key of ['startFailed', 'purpose']) assert(page.includes(words.ar[key]), page);
    });
    await apart(tab, context, { instead: { '/page/text.js': null }, query: '?lang=ar' }, async (own) => {
      const page = await failure(own, words.en.startAdvice);
      for (const key of ['startFailed', 'purpose']) assert(page.includes(words.en[key]), page);
    });
  },

  async 'a browser without WebAssembly, a missing file and a missing program are told'(tab, context) {
    await apart(tab, context, { instead: { '/page/start.js': `delete globalThis.WebAssembly;\n${start}` } }, async (own) => {
      const page = await failure(own);
      assert(page.includes(words.en.startWasm) && !page.includes(words.en.startAdvice), page);
    });
    await apart(tab, context, { instead: { '/data/emoji.json': null } }, async (own) => {
      const page = await failure(own);
      assert(page.includes('data/emoji.json did not load: the server answered 404'), page);
    });
    for (const path of ['/data/emoji.tar', '/pkg/src/plain/windrow_bg.wasm']) {
      await apart(tab, context, { instead: { [path]: null } }, async (own) => {
        await own.until('the failure', () => document.getElementById('proof').dataset.verdict === 'broken');
        const [verdict, note] = await own.evaluate(() => [document.getElementById('verdict').textContent, document.getElementById('note').textContent]);
        equal(verdict, words.en.broken);
        assert(note.includes(path.slice(path.lastIndexOf('/') + 1)), note);
      });
    }
  },

  async 'the examples are tabs, by pointer and by keyboard'(tab) {
    const state = () => [
      document.activeElement.id,
      [...document.querySelectorAll('[role=tab]')].map((one) => [one.getAttribute('aria-selected'), one.tabIndex]),
      [...document.querySelectorAll('[role=tabpanel]')].filter((one) => one.checkVisibility({ visibilityProperty: true })).map(({ id }) => id),
    ];
    const [rust, javascript] = [[['true', 0], ['false', -1]], [['false', -1], ['true', 0]]].map((tabs, at) => [tabs, [['rust'], ['javascript']][at]]);
    const is = async ([tabs, panels], focus) => equal(await tab.evaluate(state), [focus, tabs, panels]);
    equal(await tab.evaluate(() => [document.querySelector('[role=tablist]').getAttribute('aria-label'), document.getElementById('rust').getAttribute('aria-labelledby')]), [words.en.codeIn, 'tab-rust']);
    const above = () => document.getElementById('proof').getBoundingClientRect().top + scrollY;
    const place = await tab.evaluate(above);
    await tab.evaluate(() => document.getElementById('tab-rust').focus());
    await is(rust, 'tab-rust');
    for (const [key, now, focus] of [
      ['ArrowRight', javascript, 'tab-javascript'], ['ArrowRight', rust, 'tab-rust'], ['ArrowLeft', javascript, 'tab-javascript'],
      ['Home', rust, 'tab-rust'], ['End', javascript, 'tab-javascript'],
    ]) {
      await tab.press(key);
      await is(now, focus);
      equal(await tab.evaluate(above), place, 'the page below does not move');
    }
    await tab.evaluate(() => document.getElementById('tab-rust').click());
    await is(rust, 'tab-javascript');
    await tab.evaluate(() => (document.activeElement.blur(), scrollTo(0, 0)));
  },

  async 'the JavaScript example runs in Node as it is'(tab, { browser }) {
    if (browser.name !== 'chromium') return 'once is enough';
    const code = await tab.evaluate(() => document.querySelector('#javascript pre').textContent);
    equal(code.split('\n').length, 5);
    const folder = mkdtempSync(join(tmpdir(), 'windrow-example-'));
    try {
      mkdirSync(join(folder, 'node_modules'));
      symlinkSync(join(root, 'www/pkg'), join(folder, 'node_modules/windrow'));
      writeFileSync(join(folder, 'example.mjs'), code);
      const out = execFileSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8', timeout: 60_000 });
      const values = out.match(/\d+/g).map(Number).filter((value) => value !== 32 && value !== 10);
      equal(out.match(/Float32Array\(10\)/g).length, 10, out);
      assert(new Set(values).size > 90, out);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },

  async 'every link of the page leads somewhere'(tab, { origin }) {
    const bad = await tab.evaluate(async (origin) => {
      const links = [...document.querySelectorAll('a[href]')].filter(({ href }) => href.startsWith(origin) && !href.includes('#'));
      const got = await Promise.all(links.map(async ({ href }) => [href, (await fetch(href)).status]));
      return [links.length, got.filter(([, status]) => status !== 200)];
    }, origin);
    equal(bad, [6, []]);
  },

  async '`scripts/demo --check` fails at once with an advice where no browser can run'(tab, { browser }) {
    if (browser.name !== 'chromium') return 'once is enough';
    const folder = mkdtempSync(join(tmpdir(), 'windrow-bare-'));
    try {
      const real = (name) => process.env.PATH.split(delimiter).map((path) => join(path, name)).find((path) => {
        try {
          return readFileSync(path).length > 0;
        } catch {
          return false;
        }
      });
      for (const name of ['bash', 'cargo', 'cat', 'dirname', 'echo', 'node', 'sort', 'xargs']) symlinkSync(real(name), join(folder, name));
      writeFileSync(join(folder, 'id'), '#!/bin/sh\necho 1000\n', { mode: 0o755 });
      for (const named of [[], ['firefox']]) {
        let failed;
        try {
          execFileSync('bash', ['scripts/demo', '--check', ...named], { cwd: root, env: { ...process.env, PATH: folder }, encoding: 'utf8', timeout: 60_000, stdio: 'pipe' });
        } catch (error) {
          failed = error;
        }
        assert(failed?.status === 1 && failed.stderr.includes('install Chromium or Firefox'), `${failed?.status}: ${failed?.stdout}${failed?.stderr}`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
