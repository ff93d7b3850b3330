// What must hold of the demo page, in every browser. Each case begins on a page that has shown all
// its sheets.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

import { assert, equal } from './cases.js';
import { root } from './server.mjs';

const { seeds } = JSON.parse(readFileSync(join(root, 'www/expected.json'), 'utf8'));
const golden = JSON.parse(readFileSync(join(root, 'tests/golden/digests.json'), 'utf8'))['www/data/emoji.json'].digest;
export const words = Object.fromEntries(['en', 'ar'].map((name) => [name, JSON.parse(readFileSync(join(root, `www/strings/${name}.json`), 'utf8'))]));

/** What the page shows of the stream. */
export const shown = () => {
  const text = (id) => document.getElementById(id).textContent;
  const states = [...document.querySelectorAll('#sheets li')].map(({ dataset }) => dataset.state);
  return {
    verdict: document.getElementById('proof').dataset.verdict,
    sheets: document.getElementById('bar').value,
    running: document.getElementById('pause').dataset.running === 'true',
    native: text('native'), mine: text('mine'), note: text('note'), told: text('resume-told'), mode: text('mode'), ends: text('ends'),
    same: states.filter((state) => state === 'same').length,
    fresh: states.filter((state) => state === 'new').length,
  };
};

/** The page after the epoch that runs. */
export async function over(tab) {
  await tab.until('the end of the epoch', () => document.getElementById('pause').dataset.running === 'false' && document.getElementById('bar').value === 16);
  return tab.evaluate(shown);
}

/** The page after so many sheets of a run, still running. */
const after = (tab, sheets) => tab.until(`${sheets} sheets`, (sheets) => document.getElementById('pause').dataset.running === 'true' && document.getElementById('bar').value >= sheets, sheets);

/** Sets a control as an input of the user does, and waits until the epoch that follows has begun. */
async function set(tab, id, value) {
  const begun = await tab.evaluate(() => document.getElementById('pause').dataset.run);
  await tab.evaluate((id, value) => {
    const control = document.getElementById(id);
    control.value = value;
    control.dispatchEvent(new Event('input', { bubbles: true }));
  }, id, value);
  await tab.until('another epoch', (begun) => document.getElementById('pause').dataset.run !== begun, begun);
}

export const demo = {
  async 'the page shows 512 real pictures and the native digest'(tab) {
    const page = await over(tab);
    equal([page.verdict, page.mine, page.native, page.ends], ['same', golden, golden, golden]);
    const drawn = await tab.evaluate(() => [...document.querySelectorAll('#sheets canvas')].map((canvas) => {
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.reduce((colours, value) => colours.add(value), new Set()).size;
    }));
    assert(drawn.length === 16 && drawn.every((colours) => colours > 200), `colours on the sheets: ${drawn}`);
  },

  async 'workers and backend change neither sheets nor digest'(tab, { isolated }) {
    const settings = [['workers', 1], ['workers', 5], ['workers', 8], ['backend', 'inline'], ['backend', 'workers'], ['workers', 2]];
    if (isolated) settings.push(['backend', 'threads']);
    for (const [id, value] of [...settings, ['backend', 'auto']]) {
      await set(tab, id, value);
      const { verdict, mine, same, fresh, mode } = await over(tab);
      equal([verdict, mine, same, fresh], ['same', golden, 16, 0], `${id} ${value}`);
      if (id === 'backend' && value !== 'auto') assert(mode.includes(value), mode);
    }
  },

  async 'the seed changes every sheet, and the digest to the native one of that seed'(tab) {
    for (const seed of ['0', '9', '3', '7']) {
      await set(tab, 'seed', seed);
      const { verdict, mine, fresh, note } = await over(tab);
      equal([verdict, mine, fresh], ['same', seeds[seed].at(-1), 16], `seed ${seed}`);
      equal(note, words.en.noteNew.replace('{n}', '16').replace('{all}', '16'));
    }
  },

  async 'a killed worker changes nothing, and the page says so beside the button'(tab) {
    const beside = () => {
      const told = document.getElementById('kill-told');
      return [told.textContent, told.dataset.kept, told.getBoundingClientRect().top - document.getElementById('kill').getBoundingClientRect().bottom];
    };
    for (let killed = 0; killed < 3; killed++) {
      await tab.click('#kill');
      await tab.until('a kill', () => document.getElementById('lanes').dataset.lost > 0);
      const [killed, kept] = await tab.evaluate(beside);
      assert(killed.endsWith('Another worker makes its pictures.') && kept === 'no', `${killed} ${kept}`);
      const { verdict, mine, same } = await over(tab);
      equal([verdict, mine, same], ['same', golden, 16]);
      const [told, unharmed, apart] = await tab.evaluate(beside);
      assert(/^Worker \d was killed\. .* 512 of 512\. .* 16 of 16\.$/.test(told) && unharmed === 'yes', `${told} ${unharmed}`);
      assert(apart >= 0 && apart < 20, `the text is ${apart} pixels below the button`);
    }
    await tab.evaluate(() => (document.getElementById('lanes-twin').open = true));
    const rows = await tab.until('the table of lanes', () => [...document.querySelectorAll('#lanes-rows tr')].map((row) => [...row.cells].map(({ textContent }) => Number(textContent))));
    equal(rows.length, 2);
    equal(rows.reduce((all, [, , pictures]) => all + pictures, 0) >= 512, true, 'pictures of all workers');
    equal(rows.reduce((all, row) => all + row[4], 0), 1, 'workers killed');
  },

  async 'a tab that is reloaded in the middle goes on to the same digest'(tab) {
    await set(tab, 'seed', '4');
    await after(tab, 5);
    await tab.reload();
    await after(tab, 6);
    const { told } = await tab.evaluate(shown);
    assert(/^The run stopped after sheet \d+ and resumed/.test(told), told);
    const page = await over(tab);
    equal([page.verdict, page.mine], ['same', seeds[4].at(-1)]);
    assert(page.note.includes('yes'), page.note);
    const before = await tab.evaluate(() => document.querySelectorAll('[data-state=before]').length);
    assert(before >= 5 && before < 16, `${before} sheets were from before`);
    await set(tab, 'seed', '7');
    await over(tab);
  },

  async 'a state of other data is put aside, and the epoch begins anew'(tab) {
    await tab.evaluate(() => {
      const state = { version: 1, position: '160', batches: '5', cursors: [['0']], digest: '0'.repeat(64), fingerprint: '0'.repeat(16), pipeline: 'range(start=0,end=9)' };
      localStorage.setItem('windrow-demo', JSON.stringify({ settings: { seed: 7, workers: 2, backend: 'auto' }, sheets: 5, state }));
    });
    await tab.reload();
    const { verdict, mine, told } = await over(tab);
    equal([verdict, mine, told], ['same', golden, words.en.toldDone]);
  },

  async 'the copied command ends natively with the digest that the tab ends with'(tab, { command }) {
    await set(tab, 'seed', '5');
    await after(tab, 4);
    await tab.click('#pause');
    const { told, sheets, ends } = await tab.evaluate(shown);
    assert(sheets >= 4 && sheets < 16, `${sheets} sheets`);
    assert(told.startsWith('Paused after sheet'), told);
    const text = await tab.evaluate(() => document.getElementById('command').textContent);
    const folder = mkdtempSync(join(tmpdir(), 'windrow-copied-'));
    try {
      symlinkSync(join(root, 'www'), join(folder, 'www'));
      const out = execFileSync('bash', ['-e'], { cwd: folder, input: text, encoding: 'utf8', timeout: 60_000, env: { ...process.env, PATH: `${dirname(command)}${delimiter}${process.env.PATH}` } });
      equal(/digest ([0-9a-f]{64})/.exec(out)[1], ends, out);
      const saved = await tab.evaluate(() => document.getElementById('save').href);
      equal(JSON.parse(decodeURIComponent(saved.replace(/^[^,]*,/, ''))).batches, String(sheets));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    // Copied, or where the browser does not let a page, marked.
    await tab.click('#copy');
    const copied = await tab.until('the copy', () => document.getElementById('copied').textContent);
    const marked = await tab.evaluate(() => getSelection().toString());
    assert(copied.startsWith('Copied') || (copied === words.en.copySelf && marked.includes('windrow run')), copied);
    // Whoever goes on may be others.
    await tab.evaluate(() => {
      document.getElementById('workers').value = 3;
      document.getElementById('workers').dispatchEvent(new Event('input', { bubbles: true }));
    });
    await tab.click('#pause');
    const page = await over(tab);
    equal([page.verdict, page.mine, page.mine], ['same', ends, seeds[5].at(-1)]);
    assert(page.mode.includes(', 3 at work') && page.note.includes('after sheet'), `${page.mode}, ${page.note}`);
    await set(tab, 'workers', '2');
    await set(tab, 'seed', '7');
    await over(tab);
  },

  async 'in the race the page is free while workers work'(tab) {
    let page, workers, told, timers;
    // Once more where the rest of the machine got in the way of the one and not of the other.
    for (let tries = 0; tries < 3 && !(workers?.[2] < page?.[2] && workers[1] > page[1]); tries++) {
      await tab.evaluate(() => {
        globalThis.timers = 0;
        const { setTimeout } = globalThis;
        globalThis.setTimeout = (...given) => {
          // WebDriver has timers of seconds in the page, for the scripts that it runs there.
          if (!(given[1] > 100)) globalThis.timers += 1;
          return setTimeout(...given);
        };
        const name = document.getElementById('race-page');
        // The page's own side is over when its row has numbers.
        new MutationObserver((_, seen) => {
          if (!/\d/.test(name.textContent)) return;
          seen.disconnect();
          globalThis.setTimeout = setTimeout;
        }).observe(name, { childList: true, subtree: true, characterData: true });
        document.getElementById('race').click();
      });
      await tab.until('the end of the race', () => !document.getElementById('race').disabled);
      [page, workers, told, timers] = await tab.evaluate(() => {
        const row = (id) => [...document.querySelectorAll(`#${id} td`)].map(({ textContent }) => parseFloat(textContent.replaceAll(',', '')));
        return [row('race-page'), row('race-workers'), document.getElementById('race-told').textContent, globalThis.timers];
      });
      equal(told, words.en.raceSame);
      assert(page.every(Number.isFinite) && workers.every(Number.isFinite), 'everything is measured');
    }
    assert(workers[2] < page[2], `the longest freeze was ${page[2]} ms in the page and ${workers[2]} ms with workers`);
    equal(timers, 0, 'timers between the batches of the page, each of which waits 4 ms');
    assert(workers[1] > page[1], `frames a second: ${page[1]} in the page, ${workers[1]} with workers`);
    return `page thread ${page.join(', ')}; workers ${workers.join(', ')} (s, frames/s, ms frozen)`;
  },

  async 'a broken file is named and left out, and the rest goes on'(tab) {
    await tab.evaluate(async () => {
      const canvas = Object.assign(document.createElement('canvas'), { width: 40, height: 30 });
      canvas.getContext('2d').fillRect(3, 3, 20, 20);
      const png = await new Promise((made) => canvas.toBlob(made));
      const table = 'a,name,b\n1,x,2.5\n3,y,4\n7,w,8\n';
      const transfer = new DataTransfer();
      for (const [content, name, type] of [
        [png, 'one.png', 'image/png'], [png.slice(0, 60), 'broken.png', 'image/png'], [png, 'two.png', 'image/png'],
        ['hello', 'notes.txt', 'text/plain'],
        [table.replace('3,', 'three,'), 'broken.csv', 'text/csv'], [table, 'table.csv', 'text/csv'],
      ]) transfer.items.add(new File([content], name, { type }));
      const input = document.getElementById('files');
      input.files = transfer.files;
      input.dispatchEvent(new Event('change'));
    });
    await tab.until('the files', () => document.querySelector('#files-made table') !== null);
    const [told, skipped, figure, cells, high] = await tab.evaluate(() => [
      document.getElementById('files-told').textContent,
      [...document.querySelectorAll('#files-skipped li')].map(({ textContent }) => textContent),
      document.querySelector('#files-made figcaption').textContent,
      [...document.querySelectorAll('#files-made td')].map(({ textContent }) => Number(textContent)),
      document.querySelector('#files-made canvas').height,
    ]);
    equal(told, 'Samples made: 5. Left out: 3. The same with one worker and with 2: yes');
    for (const name of ['broken.png: the PNG', 'notes.txt: is neither', 'broken.csv: line 3']) assert(skipped.some((text) => text.startsWith(name)), `${name} is not named: ${skipped}`);
    assert(figure.includes('one.png, two.png') && high === 72, figure);
    equal(cells, [1, 2.5, 3, 4, 7, 8]);
    const dropped = await tab.evaluate(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['no table'], 'dropped.txt', { type: 'text/plain' }));
      const event = new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true });
      // A browser may keep what a page made from being dropped.
      return event.dataTransfer?.files.length > 0 && (document.getElementById('drop').dispatchEvent(event), event.defaultPrevented);
    });
    if (dropped) await tab.until('the dropped file', () => document.getElementById('files-skipped').textContent.startsWith('dropped.txt'));
    return dropped ? 'chosen and dropped' : 'chosen; this browser drops nothing that a page made';
  },

  async 'every word is there in both languages, right to left too'(tab) {
    for (const language of ['ar', 'en']) {
      await tab.evaluate((language) => {
        const choice = document.getElementById('language');
        choice.value = language;
        choice.dispatchEvent(new Event('change'));
      }, language);
      await tab.until(language, (language) => document.documentElement.lang === language, language);
      const [direction, texts, side] = await tab.evaluate(() => [
        getComputedStyle(document.body).direction,
        [...document.querySelectorAll('[data-t]')].map(({ dataset, textContent }) => [dataset.t, textContent]),
        document.querySelector('.brand').getBoundingClientRect().left > innerWidth / 2,
      ]);
      equal([direction, side], language === 'ar' ? ['rtl', true] : ['ltr', false]);
      for (const [key, text] of texts) equal(text, words[language][key], key);
    }
  },

  async 'the keyboard is enough'(tab) {
    // A browser remembers where the last focus or selection was; the keyboard begins before all of it.
    await tab.evaluate(() => {
      const start = document.createElement('span');
      start.tabIndex = -1;
      document.body.prepend(start);
      start.focus();
      start.addEventListener('blur', () => start.remove());
    });
    const met = [];
    for (let presses = 0; presses < 40 && met.at(-1) !== 'files'; presses++) {
      await tab.press('Tab');
      const [id, outlined] = await tab.evaluate(() => {
        const { activeElement: element } = document;
        return [element.id || element.className || element.tagName, getComputedStyle(element).outlineStyle !== 'none'];
      });
      assert(outlined, `the focus on ${id} cannot be seen`);
      met.push(id);
    }
    const wanted = ['skip', 'language', 'tab-rust', 'workers', 'backend', 'kill', 'seed', 'again', 'reload', 'command', 'copy', 'save', 'race', 'files'];
    equal(wanted.filter((id) => !met.includes(id)), [], `met ${met}`);
    await tab.evaluate(() => document.getElementById('workers').focus());
    await tab.press('ArrowRight');
    await after(tab, 1);
    equal((await over(tab)).same, 16, 'by an arrow key');
    equal(await tab.evaluate(() => document.getElementById('workers-told').textContent), '3');
    await tab.press('ArrowLeft');
    await after(tab, 1);
    await over(tab);
    await tab.evaluate(() => document.getElementById('kill').focus());
    await tab.press('Enter');
    await tab.until('a kill', () => document.getElementById('lanes').dataset.lost > 0);
    equal((await over(tab)).same, 16, 'a kill by the Enter key');
  },

  async 'nothing moves while it runs'(tab) {
    const places = () => [...document.querySelectorAll('main *:not(tbody *, option), footer')].map((element) => {
      const { left, top, width, height } = element.getBoundingClientRect();
      return [element.id || element.className || element.tagName, ...[left, top, width, height].map(Math.round)].join(' ');
    });
    // What says how long something is is as long as it is; where it begins is what counts.
    const rest = (list) => list.filter((place) => !/^(far|verdict|note|state|SPAN|mode|pause|again|reload|workers-told|seed-told|resume-told) /.test(place));
    await tab.evaluate(() => scrollTo(0, 0));
    const before = rest(await tab.evaluate(places));
    const moved = (now, when) => equal(now.flatMap((place, at) => (place === before[at] ? [] : [`${before[at]} -> ${place}`])).slice(0, 4), [], when);
    for (const [id, value] of [['seed', '2'], ['workers', '8'], ['workers', '2'], ['seed', '7']]) {
      await set(tab, id, value);
      await after(tab, 2);
      moved(rest(await tab.evaluate(places)), `${id} ${value}`);
      await over(tab);
      moved(rest(await tab.evaluate(places)), `${id} ${value}, over`);
    }
  },
};
