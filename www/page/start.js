// Runs before the page is drawn, as a classic script: switches on what needs scripts, makes tabs of the examples, and
// loads the demo. Where the demo does not load, the page says why.

(() => {
  const at = (id) => document.getElementById(id);
  const page = document.documentElement;
  page.dataset.scripted = '';

  /** Makes tabs of the examples. Without this, both examples are visible. */
  function tabs() {
    const all = [...document.querySelectorAll('[role=tab]')];
    const select = (chosen) => {
      for (const tab of all) {
        const panel = at(tab.getAttribute('aria-controls'));
        tab.setAttribute('aria-selected', tab === chosen);
        tab.tabIndex = tab === chosen ? 0 : -1;
        panel.setAttribute('role', 'tabpanel');
        panel.setAttribute('aria-labelledby', tab.id);
        panel.hidden = tab !== chosen;
      }
    };
    for (const tab of all) {
      tab.addEventListener('click', () => select(tab));
      tab.addEventListener('keydown', (event) => {
        // Of two tabs, both arrows lead to the other one, in whichever direction the language is read.
        const other = all.find((one) => one !== tab);
        const to = { Home: all[0], End: all.at(-1), ArrowLeft: other, ArrowRight: other }[event.key];
        if (!to) return;
        event.preventDefault();
        select(to);
        to.focus();
      });
    }
    select(all[0]);
  }

  /** The scripts of this page that the server does not give, among those that the browser asked for. */
  async function missing() {
    const asked = performance.getEntriesByType('resource').map(({ name }) => name.split('?')[0]).filter((name) => name.endsWith('.js'));
    const urls = [...new Set([...asked, ...['page/main.js', 'pkg/src/index.js'].map((path) => new URL(path, document.baseURI).href)])];
    const loads = (url) => fetch(url).then((answer) => answer.ok && answer.headers.get('Content-Type')?.includes('javascript'), () => false);
    const found = await Promise.all(urls.map(loads));
    return urls.filter((_, number) => !found[number]);
  }

  async function failed(error) {
    page.dataset.failed = '';
    at('failure').hidden = false;
    at('failure-why').textContent = error.message;
    at('failure-wasm').hidden = typeof WebAssembly === 'object';
    at('failure-file').hidden = location.protocol !== 'file:';
    if (location.protocol !== 'file:') {
      const files = await missing();
      const item = (url) => Object.assign(document.createElement('li'), { textContent: url });
      at('failure-files').querySelector('ul').replaceChildren(...files.map(item));
      at('failure-files').hidden = at('failure-advice').hidden = files.length === 0;
    }
    // The words are English until their own script loads, which can be what failed.
    await import('./text.js').then(({ preferred, speak }) => speak(preferred())).catch(() => {});
  }

  addEventListener('DOMContentLoaded', () => {
    tabs();
    if (typeof WebAssembly === 'object') import('./main.js').catch(failed);
    else failed(Error('WebAssembly is not defined'));
  });
})();
