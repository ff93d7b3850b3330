// The page's words: one file a language, put where the document says `data-t`.

const LANGUAGES = { en: 'ltr', ar: 'rtl' };
let words = {};
let numbers = new Intl.NumberFormat('en');
const listeners = [];

/** The words for a key, with `{name}`s filled in; numbers as the language writes them. */
export function t(key, values = {}) {
  // What is filled in keeps its own direction, by the characters FSI and PDI.
  const [from, to] = document.documentElement.dir === 'rtl' ? ['\u2068', '\u2069'] : ['', ''];
  const filled = (value) => (typeof value === 'number' ? n(value) : `${from}${value ?? ''}${to}`);
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => filled(values[name]));
}

/** A number as the language writes it. */
export const n = (number) => numbers.format(number);

/** Calls this now and whenever the language changes. */
export function told(listener) {
  listeners.push(listener);
  listener();
}

/** Puts text in an element, only if it is another. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The language asked for in the address, chosen before, or the browser's; the first that there is. */
export function preferred() {
  const asked = new URLSearchParams(location.search).get('lang');
  return [asked, kept(), ...navigator.languages.map((tag) => tag.slice(0, 2))].find((tag) => Object.hasOwn(LANGUAGES, tag ?? '')) ?? 'en';
}

/** Speaks a language from now on. */
export async function speak(language) {
  const response = await fetch(`strings/${language}.json`);
  words = await response.json();
  numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  document.documentElement.lang = language;
  document.documentElement.dir = LANGUAGES[language];
  document.title = `windrow – ${t('title')}`;
  for (const element of document.querySelectorAll('[data-t]')) put(element, t(element.dataset.t));
  for (const element of document.querySelectorAll('[data-t-label]')) element.setAttribute('aria-label', t(element.dataset.tLabel));
  for (const listener of listeners) listener();
}

export function keep(language) {
  try {
    localStorage.setItem('windrow-language', language);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

function kept() {
  try {
    return localStorage.getItem('windrow-language');
  } catch {
    return null;
  }
}
