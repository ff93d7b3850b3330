// Files put one after another as a tar archive, without copying their bytes.

const TEXT = new TextEncoder();

/** A Blob of `[name, blob]`s, as `source.tar` reads it. */
export function tarball(files) {
  const parts = [];
  for (const [name, blob] of files) parts.push(header(name, blob.size), blob, new Uint8Array((512 - (blob.size % 512)) % 512));
  return new Blob([...parts, new Uint8Array(1024)]);
}

function header(name, size) {
  const block = new Uint8Array(512);
  const put = (text, at) => block.set(TEXT.encode(text), at);
  put(name, 0);
  put('0000644', 100);
  put('0000000', 108);
  put('0000000', 116);
  put(size.toString(8).padStart(11, '0'), 124);
  put('00000000000', 136);
  put('        ', 148);
  put('0', 156);
  put('ustar', 257);
  put('00', 263);
  put(`${block.reduce((all, byte) => all + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
