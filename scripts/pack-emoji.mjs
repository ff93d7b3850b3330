// Packs the demo page's pictures, www/data/emoji.tar and emoji.names.json, from their npm package:
// `node scripts/pack-emoji.mjs`. The same package gives the same bytes.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = 'emoji-datasource-google@16.0.0';
const SHA512 = 'ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==';
/** Leaves out flags, whose pictures have other terms, and people. */
const CATEGORIES = ['Smileys & Emotion', 'Animals & Nature', 'Food & Drink', 'Activities'];
const COUNT = 512;

const data = fileURLToPath(new URL('../www/data/', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'windrow-emoji-'));
try {
  const archive = execFileSync('npm', ['pack', '--silent', '--pack-destination', scratch, PACKAGE], { encoding: 'utf8' }).trim().split('\n').at(-1);
  const hash = createHash('sha512').update(readFileSync(join(scratch, archive))).digest('base64');
  if (hash !== SHA512) throw Error(`${PACKAGE} has SHA-512 ${hash}, not ${SHA512}`);
  execFileSync('tar', ['xzf', archive, 'package/emoji.json', 'package/img/google/64'], { cwd: scratch });

  const pictures = chosen(JSON.parse(readFileSync(join(scratch, 'package/emoji.json'), 'utf8')));
  const parts = pictures.flatMap(({ image }, number) => {
    const key = String(number).padStart(3, '0');
    return [
      ...file(`${key}.png`, readFileSync(join(scratch, 'package/img/google/64', image))),
      ...file(`${key}.cls`, Buffer.from(String(number))),
    ];
  });
  writeFileSync(join(data, 'emoji.tar'), Buffer.concat([...parts, Buffer.alloc(1024)]));
  const names = pictures.map(({ unified, short_name }) => `["${character(unified)}", "${short_name.replaceAll(/[_-]+/g, ' ')}"]`);
  writeFileSync(join(data, 'emoji.names.json'), `[\n${names.join(',\n')}\n]\n`);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

/** Returns the same share of each category, in the order in which keyboards show them. */
function chosen(all) {
  const groups = CATEGORIES.map((category) => all
    .filter((emoji) => emoji.category === category && emoji.has_img_google)
    .sort((a, b) => a.sort_order - b.sort_order));
  const share = Math.min(COUNT / groups.length, ...groups.map(({ length }) => length));
  const counts = groups.map(() => share);
  for (let left = COUNT - share * groups.length, at = 0; left > 0; at = (at + 1) % groups.length) {
    if (counts[at] < groups[at].length) (counts[at] += 1), (left -= 1);
  }
  return groups.flatMap((group, at) => group.slice(0, counts[at]));
}

function character(unified) {
  return String.fromCodePoint(...unified.split('-').map((code) => parseInt(code, 16)));
}

/** Returns a file of a tar archive, without any data of the machine that packs it. */
function file(name, bytes) {
  const header = Buffer.alloc(512);
  const put = (text, at) => header.write(text, at, 'ascii');
  put(name, 0);
  put('0000644\0', 100);
  put('0000000\0', 108);
  put('0000000\0', 116);
  put(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  put('00000000000\0', 136);
  put('        ', 148);
  put('0', 156);
  put('ustar\x0000', 257);
  const sum = header.reduce((all, byte) => all + byte, 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
}
