// A classifier as an ONNX model: the digit whose mean picture is the nearest. Of the squared distance
// |x - c|², only 2 x·c - |c|² differs between digits, so the nearest digit has the highest score.

const PIXELS = 64, CLASSES = 10;

/** Returns the mean picture of each digit. */
export async function centroids(data) {
  const sums = Array.from({ length: CLASSES }, () => new Float64Array(PIXELS));
  const counts = new Float64Array(CLASSES);
  for await (const { fields: { image, label } } of data) {
    label.data.forEach((digit, i) => {
      counts[digit] += 1;
      for (let j = 0; j < PIXELS; j++) sums[digit][j] += image.data[i * PIXELS + j];
    });
  }
  return sums.map((sum, digit) => sum.map((x) => x / counts[digit]));
}

/** Encodes the model as the protocol buffers that ONNX defines: a node `Gemm`, then a node `ArgMax`. */
export function encode(means) {
  const weights = Float32Array.from(means.flatMap((mean) => [...mean]), (x) => 2 * x);
  const bias = Float32Array.from(means, (mean) => -mean.reduce((sum, x) => sum + x * x, 0));
  const graph = message(
    text(2, 'nearest mean'),
    node('Gemm', ['image', 'weights', 'bias'], ['scores'], { transB: 1 }),
    node('ArgMax', ['scores'], ['digit'], { axis: 1, keepdims: 0 }),
    tensor('weights', [CLASSES, PIXELS], weights),
    tensor('bias', [CLASSES], bias),
    bytes(11, value('image', FLOAT, ['samples', PIXELS])),
    bytes(12, value('digit', INT64, ['samples'])),
  );
  return message(number(1, 8), bytes(7, graph), bytes(8, message(number(2, 13)))); // IR 8, opset 13
}

// Types of elements, and of attributes, by their numbers in `onnx.proto`.
const FLOAT = 1, INT64 = 7, INT = 2;

const node = (kind, inputs, outputs, attributes) =>
  bytes(1, message(
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, kind),
    ...Object.entries(attributes).map(([name, of]) => bytes(5, message(text(1, name), number(3, of), number(20, INT)))),
  ));
const tensor = (name, shape, data) =>
  bytes(5, message(...shape.map((length) => number(1, length)), number(2, FLOAT), text(8, name), bytes(9, new Uint8Array(data.buffer))));
const value = (name, type, shape) =>
  message(text(1, name), bytes(2, message(bytes(1, message(number(1, type), bytes(2, message(...shape.map(length))))))));
const length = (of) => bytes(1, message(typeof of === 'string' ? text(2, of) : number(1, of)));

// Protocol buffers: a field is its number and kind, then a number, or a length and so many bytes.
const message = (...fields) => Uint8Array.from(fields.flatMap((field) => [...field]));
const number = (field, of) => [...varint(field << 3), ...varint(of)];
const bytes = (field, of) => [...varint((field << 3) | 2), ...varint(of.length), ...of];
const text = (field, of) => bytes(field, new TextEncoder().encode(of));
const varint = (of) => (of < 128 ? [of] : [(of & 127) | 128, ...varint(of >>> 7)]);
