#!/usr/bin/env python3
"""Makes golden streams again, from ARCHITECTURE.md alone: order, random numbers, encoding, digest.

Knows nothing of windrow's code, and needs nothing but Python. Without arguments it checks
order.json and those documents of digests.json that it can make. With --values it reads values
from its input, a JSON list of {"type", "value", "sha256"}, and checks how each is encoded.
"""

import csv
import gzip
import hashlib
import itertools
import json
import math
import struct
import sys
from fractions import Fraction
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MASK = 2**64 - 1
DTYPES = "BOOL U8 I8 U16 I16 U32 I32 U64 I64 F16 BF16 F32 F64".split()
FORMATS = {
    "bool": "?", "u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i",
    "u64": "Q", "i64": "q", "f32": "f", "f64": "d", "char": "I",
}
DOCUMENTS = [
    "tests/golden/specs/augmented.json", "tests/golden/specs/bucketed.json", "tests/golden/specs/cut.json",
    "tests/golden/specs/filtered.json", "tests/golden/specs/joined.json", "tests/golden/specs/orders.json",
    "tests/golden/specs/packed.json",
    "tests/golden/specs/sampled.json", "www/data/digits.json",
]


# Random numbers

class Rng:
    def __init__(self, seed, epoch, op, index):
        self.seed, self.epoch, self.op, self.index = seed, epoch, op, index
        self.block, self.words = 0, []

    def word(self):
        if not self.words:
            c, k = [self.block, self.index, self.epoch, 0], [self.seed, self.op]
            self.block += 1
            for _ in range(10):
                one, other = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
                c = [other >> 64 ^ c[1] ^ k[0], other & MASK, one >> 64 ^ c[3] ^ k[1], one & MASK]
                k = [(k[0] + 0x9E3779B97F4A7C15) & MASK, (k[1] + 0xBB67AE8584CAA73B) & MASK]
            self.words = c
        return self.words.pop(0)

    def below(self, n):
        while True:
            product = self.word() * n
            if n == 0 or product & MASK >= 2**64 % n:
                return product >> 64

    def unit_f64(self):
        return (self.word() >> 11) * 2.0**-53

    def unit_f32(self):
        return (self.word() >> 40) * 2.0**-24

    def shuffled(self, items):
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
        return items


class Permutation:
    def __init__(self, n, seed, epoch):
        self.n = n
        rng = Rng(seed, epoch, MASK, 0)
        self.table = rng.shuffled(list(range(n))) if n <= 128 else None
        if self.table is None:
            self.right = (n - 1).bit_length() // 2
            self.left = (n - 1).bit_length() - self.right
            self.pairs = [(rng.word(), rng.word()) for _ in range(8)]
            self.flip = rng.word() >> 63

    def __getitem__(self, i):
        if self.table is not None:
            return self.table[i]
        while True:
            upper, lower = i >> self.right, i & (1 << self.right) - 1
            for first, second in zip(self.pairs[::2], self.pairs[1::2]):
                upper ^= mixed(lower, *first, self.left)
                lower ^= mixed(upper, *second, self.right)
            i = upper << self.right | lower
            if i < self.n:
                return i ^ self.flip if i < 2 else i


def mixed(x, a, b, width):
    x = (x * a + b) & MASK
    x ^= x >> 32
    return (x * 0x9E3779B97F4A7C15 & MASK) >> 64 - width


# Encoding

def varint(value):
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def zigzag(value):
    return varint(2 * value if value >= 0 else -2 * value - 1)


def fixed(kind, value):
    """A number as it stands in a block."""
    if kind in ("u128", "i128"):
        return int(value).to_bytes(16, "little", signed=kind == "i128")
    if kind == "char":
        value = ord(value)
    elif kind[0] in "ui":
        value = int(value)
    return struct.pack("<" + FORMATS[kind], value)


class Encoder:
    def __init__(self):
        self.inline, self.payloads = bytearray(), []

    def canonical(self):
        parts = [bytes(self.inline), *self.payloads]
        return b"".join(struct.pack("<Q", len(part)) + part for part in parts)

    def bytes(self, content):
        beside = len(content) >= 1024
        self.inline += varint(2 * len(content) + beside)
        if beside:
            self.payloads.append(content)
        else:
            self.inline += content

    def tensor(self, dtype, shape, content):
        self.inline += varint(DTYPES.index(dtype)) + varint(2 * len(shape))
        for axis in shape:
            self.inline += varint(axis)
        self.inline += varint(len(content))
        self.payloads.append(content)

    def record(self, fields):
        self.inline += varint(len(fields))
        for name in sorted(fields, key=str.encode):
            self.bytes(name.encode())
            self.tensor(*fields[name])

    def elements(self, kinds, values, said):
        """Elements, after what is said of their number: nothing where they are no run by rule."""
        is_number = kinds and isinstance(kinds[0], str) and (
            kinds[0] in FORMATS or kinds[0] in ("u128", "i128"))
        if said is not None and is_number and all(kind == kinds[0] for kind in kinds):
            block = b"".join(fixed(kinds[0], value) for value in values)
            if len(block) >= 1024:
                self.inline += varint(said + 1)
                self.payloads.append(block)
                return
        if said is not None:
            self.inline += varint(said)
        for kind, value in zip(kinds, values):
            self.value(kind, value)

    def value(self, kind, value):
        name, *of = [kind] if isinstance(kind, str) else kind
        if name in ("bool", "u8", "i8", "f32", "f64"):
            self.inline += fixed(name, value)
        elif name == "char":
            self.inline += varint(ord(value))
        elif name in ("u16", "u32", "u64", "u128"):
            self.inline += varint(int(value))
        elif name in ("i16", "i32", "i64", "i128"):
            self.inline += zigzag(int(value))
        elif name == "text":
            self.bytes(value.encode())
        elif name == "bytes":
            self.bytes(bytes(value))
        elif name == "seq":
            self.elements(of * len(value), value, 2 * len(value))
        elif name == "array":
            self.elements(of * len(value), value, 0 if len(value) > 32 else None)
        elif name == "struct":
            self.elements(of, value, None)
        elif name == "map":
            self.inline += varint(len(value))
            for entry in value:
                self.elements(of, entry, None)
        elif name == "option":
            self.inline.append(value is not None)
            if value is not None:
                self.value(of[0], value)
        elif name == "enum":
            place, content = value
            self.inline += varint(place)
            self.value(of[place], content)
        elif name != "nothing":
            raise ValueError(f"no type {name}")


def chained(digest, canonical):
    return hashlib.sha256(digest + hashlib.sha256(canonical).digest()).digest()


# Pipelines: a dataset is its length and a function from an index to a record, or none for a gap

def opened(path):
    document = json.loads(path.read_text())
    seed = int(document.get("seed", 0))
    _, length, get = part(document, seed, path.parent)
    return length, get, document.get("stages", []), document.get("epochs", 1)


def part(options, seed, folder):
    """The steps of a description, the length, and the records."""
    steps, (length, get) = 1, source(options["source"], seed, folder)
    if "parts" in options["source"]:
        # Each part follows a step with its number.
        parts = [part(one, seed, folder)[0] for one in options["source"]["parts"]]
        steps += sum(parts) + len(parts)
    for number, op in enumerate(options.get("ops", [])):
        length, get = applied(op, steps + number, seed, length, get)
    return steps + len(options.get("ops", [])), length, get


def joined_parts(options, seed, folder):
    parts = [part(one, seed, folder)[1:] for one in options["parts"]]
    if options["kind"] == "concat":
        places = [(number, place) for number, (own, _) in enumerate(parts) for place in range(own)]
        lengths = [own for own, _ in parts]
    else:
        weights = [int(one.get("weight", 1)) for one in options["parts"]]
        divisor = math.gcd(*weights)
        lengths = weights = [weight // divisor for weight in weights]
        places = []
        taken = [0] * len(parts)
        for _ in range(sum(weights)):
            turn = min(range(len(parts)), key=lambda one: Fraction(taken[one] + 1, weights[one]))
            places.append((turn, taken[turn]))
            taken[turn] += 1

    def place(index):
        round_, offset = divmod(index, len(places))
        number, own = places[offset]
        return number, round_ * lengths[number] + own

    length = len(places)
    if options["kind"] == "mix":
        length = 0
        while place(length)[1] < parts[place(length)[0]][0]:
            length += 1

    def get(index):
        number, own = place(index)
        return parts[number][1](own)
    return length, get


def source(options, seed, folder):
    if "parts" in options:
        return joined_parts(options, seed, folder)
    if options["kind"] == "range":
        start = options.get("start", 0)
        length = options["end"] - start
        return length, lambda index: {
            "value": ("U64", [], struct.pack("<Q", start + index % length))}
    if options["kind"] == "csv" and options["header"] is False:
        with gzip.open(folder / options["file"], "rt", newline="") as file:
            rows = list(csv.reader(file))

        def row(index):
            cells, record = rows[index % len(rows)], {}
            for field in options["fields"]:
                columns = field["columns"]
                if isinstance(columns, int):
                    columns = {"start": columns, "end": columns + 1}
                cells_of = cells[columns["start"]:columns["end"]]
                kind = "<" + FORMATS[field["dtype"].lower()]
                content = b"".join(struct.pack(kind, int(cell)) for cell in cells_of)
                record[field["name"]] = (field["dtype"], field.get("shape", []), content)
            return record
        return len(rows), row
    if options["kind"] == "jsonl":
        lines = [json.loads(line) for line in (folder / options["file"]).read_text().splitlines()]

        def read(index):
            record = {}
            for field in options["fields"]:
                value = lines[index % len(lines)]
                for step in field.get("at", "/" + field["name"]).split("/")[1:]:
                    value = value[step]
                for _ in field.get("shape", [])[1:]:
                    value = [x for inner in value for x in inner]
                values = value if isinstance(value, list) else [value]
                shape = field.get("shape", [len(value)] if isinstance(value, list) else [])
                record[field["name"]] = packed(field["dtype"], shape, values)
            return record
        return len(lines), read
    raise ValueError(f"no source {options['kind']}")


def applied(op, number, seed, length, get):
    name = op["op"]
    if name == "shuffle":
        seed, orders = int(op.get("seed", seed)), {}

        def shuffled(index):
            epoch, offset = divmod(index, length)
            if epoch not in orders:
                orders[epoch] = Permutation(length, seed, epoch)
            return get(epoch * length + orders[epoch][offset])
        return length, shuffled
    if name == "window_shuffle":
        seed, window = int(op.get("seed", seed)), op["window"]

        def windowed(index):
            epoch, offset = divmod(index, length)
            start = offset // window * window
            key = Rng(seed, epoch, 0, offset // window).word()
            order = Permutation(min(window, length - start), key, epoch)
            return get(epoch * length + start + order[offset - start])
        return length, windowed
    if name == "subset":
        indices = [int(index) for index in op["indices"]]
        own = len(indices)
        return own, lambda index: get(index // own * length + indices[index % own])
    if name == "reverse":
        return length, lambda index: get(index // length * length + length - 1 - index % length)
    if name == "cache":
        return length, get
    if name == "repeat" and op.get("same_each_epoch"):
        return length * op["epochs"], lambda index: get(index % length)
    if name == "repeat":
        return length * op["epochs"], get
    if name == "shard":
        count, i = op["count"], op["index"]
        assert not op.get("drop_remainder"), op
        all_of, longer = list(range(length)), length % count
        if op.get("pad_remainder"):
            all_of, longer = [n % length for n in range(-(-length // count) * count)], 0
        q = len(all_of) // count
        start = q * i + min(longer, i)
        part = all_of[i::count] if op.get("strided") else all_of[start:start + q + (i < longer)]
        return len(part), lambda index: get(index // len(part) * length + part[index % len(part)])
    if name == "weighted_sample":
        return op["count"], weighted(op, int(op.get("seed", seed)), length, get)
    if name == "class_balanced":
        return op["count"], balanced(op, int(op.get("seed", seed)), length, get)
    if name == "filter":
        assert op["is"] == ">=", op
        return length, lambda index: passed(get(index), op)
    if name in RANDOM:
        seed = int(op.get("seed", seed))
        return length, lambda index: changed(
            get(index), op, RANDOM[name], Rng(seed, index // length, number, index % length))
    if name == "select":
        return length, lambda index: {field: get(index)[field] for field in op["fields"]}
    change = {"cast": cast, "scale": scale, "one_hot": one_hot, "reshape": reshape}[name]
    return length, lambda index: changed(get(index), op, change)


def weighted(op, seed, length, get):
    weights, count = [Fraction(weight) for weight in op["weights"]], op["count"]
    assert len(weights) == length, op
    limit, largest, factor = 2**(63 - length.bit_length()), max(weights), Fraction(1)
    while largest * factor >= limit:
        factor /= 2
    while largest * factor * 2 < limit:
        factor *= 2
    wholes = [max(1, weight * factor // 1) if weight > 0 else 0 for weight in weights]

    def taken(rng, left):
        number = rng.below(sum(left))
        for sample, weight in enumerate(left):
            if number < weight:
                return sample
            number -= weight

    def drawn(epoch, offset):
        if op.get("replacement", True):
            return taken(Rng(seed, epoch, MASK - 1, offset), wholes)
        rng, left = Rng(seed, epoch, MASK - 1, 0), list(wholes)
        for _ in range(offset + 1):
            sample = taken(rng, left)
            left[sample] = 0
        return sample
    return lambda index: get(index // count * length + drawn(index // count, index % count))


def balanced(op, seed, length, get):
    labels = [int(label) for label in op["labels"]]
    assert len(labels) == length, op
    classes = [[n for n in range(length) if labels[n] == label] for label in sorted(set(labels))]

    def chosen(index):
        turn, number = divmod(index, len(classes))
        samples = classes[number]
        epoch, place = divmod(turn, len(samples))
        key = Rng(seed, 0, MASK - 2, number).word()
        return get(epoch * length + samples[Permutation(len(samples), key, epoch)[place]])
    return chosen


def numbers(tensor):
    dtype, _, content = tensor
    return [number for number, in struct.iter_unpack("<" + FORMATS[dtype.lower()], content)]


def passed(record, op):
    return record if record and numbers(record[op["field"]])[0] >= op["value"] else None


def packed(dtype, shape, values):
    kind = "<" + FORMATS[dtype.lower()]
    return dtype, shape, b"".join(struct.pack(kind, value) for value in values)


def changed(record, op, change, *rng):
    if record is None:
        return None
    return {**record, op["field"]: packed(*change(op, record[op["field"]], *rng))}


def reshape(op, tensor):
    return tensor[0], op["shape"], numbers(tensor)


def cast(op, tensor):
    assert op["dtype"] == "F64", op
    return "F64", tensor[1], [float(x) for x in numbers(tensor)]


def scale(op, tensor):
    factor, offset = op["factor"], op.get("offset", 0.0)
    return op.get("dtype", "F32"), tensor[1], [float(x) * factor + offset for x in numbers(tensor)]


def one_hot(op, tensor):
    number, = numbers(tensor)
    return op.get("dtype", "F32"), [op["classes"]], [float(x == number) for x in range(op["classes"])]


# Random ops

def between(rng, lower, upper):
    return lower + (upper - lower) * rng.unit_f64()


def replaced(tensor, change):
    """Each number changed in order; bytes are rounded to nearest even and cut off at 0 and 255."""
    dtype, shape, _ = tensor
    values = [change(float(x)) for x in numbers(tensor)]
    if dtype == "U8":
        values = [min(max(round(x), 0), 255) for x in values]
    return dtype, shape, values


def picture(tensor):
    """The rows of a picture: lists of pixels, which are lists of channels."""
    values, (_, width, *channels) = numbers(tensor), tensor[1]
    size = channels[0] if channels else 1
    pixels = [values[start:start + size] for start in range(0, len(values), size)]
    return [pixels[start:start + width] for start in range(0, len(pixels), width)]


def from_rows(tensor, rows):
    shape = [len(rows), len(rows[0]), *tensor[1][2:]]
    return tensor[0], shape, [x for row in rows for pixel in row for x in pixel]


def random_crop(op, tensor, rng):
    rows, padding = picture(tensor), op.get("padding", 0)
    pixel = [op.get("fill", 0)] * len(rows[0][0])
    across = [pixel] * padding
    rows = [across + row + across for row in rows]
    around = [[pixel] * len(rows[0])] * padding
    rows = around + rows + around
    top = rng.below(len(rows) - op["height"] + 1)
    left = rng.below(len(rows[0]) - op["width"] + 1)
    return from_rows(tensor, [row[left:left + op["width"]] for row in rows[top:top + op["height"]]])


def random_flip(op, tensor, rng):
    rows = picture(tensor)
    if rng.unit_f64() < op.get("probability", 0.5):
        is_vertical = op.get("direction") == "vertical"
        rows = rows[::-1] if is_vertical else [row[::-1] for row in rows]
    return from_rows(tensor, rows)


def random_rotate90(op, tensor, rng):
    rows = picture(tensor)
    for _ in range(rng.below(4)):
        rows = list(zip(*rows))[::-1]
    return from_rows(tensor, rows)


def random_brightness(op, tensor, rng):
    factor = between(rng, op["lower"], op["upper"])
    return replaced(tensor, lambda x: x * factor)


def random_contrast(op, tensor, rng):
    factor = between(rng, op["lower"], op["upper"])
    pixels = [pixel for row in picture(tensor) for pixel in row]
    means = []
    for channel in zip(*pixels):
        total = 0.0
        for x in channel:
            total += x
        means.append(total / len(pixels))
    place = iter(range(len(pixels) * len(means)))

    def moved(x):
        mean = means[next(place) % len(means)]
        return (x - mean) * factor + mean
    return replaced(tensor, moved)


def random_erase(op, tensor, rng):
    rows = [list(row) for row in picture(tensor)]
    height, width = len(rows), len(rows[0])
    (least, most), (low, high) = op.get("scale", [0.02, 0.33]), op.get("ratio", [0.3, 3.3])
    draws = 100 if rng.unit_f64() < op.get("probability", 0.5) else 0
    for _ in range(draws):
        area = height * width * between(rng, least, most)
        ratio = between(rng, low, high)
        keep = rng.unit_f64() * ratio < low
        h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if keep and h <= height and w <= width:
            top, left = rng.below(height - h + 1), rng.below(width - w + 1)
            for row in rows[top:top + h]:
                row[left:left + w] = [[op.get("value", 0)] * len(rows[0][0])] * w
            break
    return from_rows(tensor, rows)


def noise(op, tensor, rng):
    return replaced(tensor, lambda x: x + between(rng, op["lower"], op["upper"]))


def gaussian_noise(op, tensor, rng):
    mean, sigma, spare = op.get("mean", 0.0), op.get("sigma", 0.1), []

    def noisy(x):
        if not spare:
            spare.extend(reversed(normals(rng)))
        return x + (mean + sigma * spare.pop())
    return replaced(tensor, noisy)


def normals(rng):
    while True:
        x, y = 2.0 * rng.unit_f64() - 1.0, 2.0 * rng.unit_f64() - 1.0
        square = x * x + y * y
        if 0.0 < square < 1.0:
            factor = math.sqrt(-2.0 * logarithm(square) / square)
            return x * factor, y * factor


def logarithm(x):
    m, exponent = math.frexp(x)
    if m < 0.7071067811865476:
        m, exponent = 2.0 * m, exponent - 1
    t = (m - 1.0) / (m + 1.0)
    square, series = t * t, 0.0
    for n in range(23, 0, -2):
        series = series * square + 1.0 / n
    return 2.0 * t * series + exponent * 0.6931471805599453


RANDOM = {op.__name__: op for op in (
    random_crop, random_flip, random_rotate90, random_brightness, random_contrast, random_erase,
    noise, gaussian_noise)}


# Stages: functions from records in order to records or batches in order

def epochs(length, get, stages, count):
    for epoch in range(count):
        records = (get(epoch * length + index) for index in range(length))
        records = (record for record in records if record is not None)
        for options in stages:
            records = STAGES[options["stage"]](options, records)
        yield from records


def batch(options, records):
    held = []
    for record in records:
        held.append(record)
        if len(held) == options["size"]:
            yield stacked(held, options)
            held = []
    if held and not options.get("drop_remainder"):
        yield stacked(held, options)


def bucket_by_length(options, records):
    buckets = [[] for _ in range(len(options["boundaries"]) + 1)]
    for record in records:
        length = measured(record[options["field"]])
        held = buckets[sum(boundary <= length for boundary in options["boundaries"])]
        held.append(record)
        if len(held) == options["size"]:
            yield stacked(held, options)
            held.clear()
    for held in buckets:
        if held and not options.get("drop_remainder"):
            yield stacked(held, options)


def batch_by_budget(options, records):
    held, spent = [], 0
    for record in records:
        cost = measured(record[options["field"]])
        assert cost <= options["budget"], cost
        if spent + cost > options["budget"]:
            yield stacked(held, options)
            held, spent = [], 0
        held.append(record)
        spent += cost
    if held:
        yield stacked(held, options)


def measured(tensor):
    return tensor[1][0] if tensor[1] else numbers(tensor)[0]


def stacked(records, options):
    return {name: joined([record[name] for record in records], options.get("pad"))
            for name in records[0]}


def joined(tensors, pad):
    shapes = [shape for _, shape, _ in tensors]
    largest = [max(axes) for axes in zip(*shapes)]
    dtype = tensors[0][0]
    if pad is not None and any(shape != largest for shape in shapes):
        tensors = [(dtype, largest, padded(tensor, largest, pad)) for tensor in tensors]
    assert all(tensor[:2] == (dtype, largest) for tensor in tensors), shapes
    return dtype, [len(tensors), *largest], b"".join(content for _, _, content in tensors)


def padded(tensor, largest, pad):
    """The elements of a tensor of at most one axis, and then padding."""
    assert len(largest) == 1, largest
    return packed(tensor[0], largest, [*numbers(tensor), *[pad] * (largest[0] - tensor[1][0])])[2]


def unbatch(_, records):
    for record in records:
        rows = {shape[0] for _, shape, _ in record.values()}
        assert len(rows) == 1, rows
        for row, count in ((row, count) for count in rows for row in range(count)):
            yield {name: (dtype, shape[1:], content[row * len(content) // count:
                                                    (row + 1) * len(content) // count])
                   for name, (dtype, shape, content) in record.items()}


def pack(options, records):
    (field, room), = options["lengths"].items()
    is_best, opened = options.get("fit") == "best", []

    def left(row):
        return room - sum(part[1][0] for part in row)

    def close(row):
        # Rows are told apart by identity: two rows may hold the same parts.
        opened[:] = [other for other in opened if other is not row]
        return row_of(field, room, row, options)

    for record in records:
        part = record[field]
        closes = [row for row in opened if left(row) == 0]
        fits = [row for row in opened if left(row) >= part[1][0]]
        if not closes and not fits and len(opened) == options["open"]:
            closes = [min(opened, key=left)]
        if closes:
            yield close(closes[0])
        row = (min(fits, key=left) if is_best else fits[0]) if fits else []
        opened.extend([] if fits else [row])
        row.append(part)
        # A record closes one row at most.
        if not closes and left(row) == 0:
            yield close(row)
    while opened:
        yield close(opened[0])


def concat_then_split(options, records):
    (field, room), = options["lengths"].items()
    row, left = [], room
    for record in records:
        values = numbers(record[field])
        while values:
            part, values = values[:left], values[left:]
            row.append(packed(record[field][0], [len(part)], part))
            left -= len(part)
            if left == 0:
                yield row_of(field, room, row, options)
                row, left = [], room
    if row and not options.get("drop_remainder"):
        yield row_of(field, room, row, options)


def row_of(field, room, parts, options):
    lengths = [part[1][0] for part in parts]
    rest = room - sum(lengths)
    values = [x for part in parts for x in numbers(part)] + [options.get("pad", 0)] * rest
    segments = [number for number, length in enumerate(lengths, 1) for _ in range(length)]
    positions = [place for length in lengths for place in range(length)]
    return {field: packed(parts[0][0], [room], values),
            f"{field}_segment_ids": packed("I32", [room], segments + [0] * rest),
            f"{field}_positions": packed("I32", [room], positions + [0] * rest)}


def limit(options, records):
    return itertools.islice(records, options["count"])


def skip(options, records):
    return itertools.islice(records, options["count"], None)


STAGES = {stage.__name__: stage for stage in (
    batch, bucket_by_length, batch_by_budget, unbatch, pack, concat_then_split, limit, skip)}


# Checks

def check_order():
    golden = json.loads((HERE / "order.json").read_text())
    for vector in golden["rng"]:
        keys = [int(vector[name]) for name in ("seed", "epoch", "op", "index")]
        rng = Rng(*keys)
        assert [rng.word() for _ in vector["words"]] == [int(word) for word in vector["words"]], keys
        for bound in vector["below"]:
            rng = Rng(*keys)
            drawn = [str(rng.below(int(bound["bound"]))) for _ in bound["values"]]
            assert drawn == bound["values"], (keys, bound)
        shuffled = Rng(*keys).shuffled(list(range(20)))
        assert [str(x) for x in shuffled] == vector["shuffled_20"], keys
        rng = Rng(*keys)
        drawn = [struct.pack(">d", rng.unit_f64()).hex() for _ in vector["unit_f64_bits"]]
        assert drawn == vector["unit_f64_bits"], keys
        rng = Rng(*keys)
        drawn = [struct.pack(">f", rng.unit_f32()).hex() for _ in vector["unit_f32_bits"]]
        assert drawn == vector["unit_f32_bits"], keys
    for vector in golden["permutations"]:
        order = Permutation(*(int(vector[name]) for name in ("len", "seed", "epoch")))
        assert [str(order[i]) for i in range(len(vector["entries"]))] == vector["entries"], vector
    print(f"order.json: {len(golden['rng'])} generators, {len(golden['permutations'])} permutations")


def check_documents():
    golden = json.loads((HERE / "digests.json").read_text())
    wrong = 0
    for name in DOCUMENTS:
        digest, count = bytes(32), 0
        for batch in epochs(*opened(ROOT / name)):
            encoder = Encoder()
            encoder.record(batch)
            digest, count = chained(digest, encoder.canonical()), count + 1
        expected = golden[name]
        same = (digest.hex(), count) == (expected["digest"], expected["batches"])
        wrong += not same
        print(f"{name}: {count} batches, {digest.hex()}{'' if same else ' IS NOT THE GOLDEN ONE'}")
    return wrong


def check_values(cases):
    wrong = 0
    for case in cases:
        encoder = Encoder()
        encoder.value(case["type"], case["value"])
        if hashlib.sha256(encoder.canonical()).hexdigest() != case["sha256"]:
            wrong += 1
            print(f"{json.dumps(case['type'])}: another encoding, inline {encoder.inline.hex()[:80]}")
    print(f"{len(cases)} values, {wrong} of them encoded otherwise")
    return wrong


if __name__ == "__main__":
    if sys.argv[1:] == ["--values"]:
        sys.exit(check_values(json.load(sys.stdin)) > 0)
    check_order()
    sys.exit(check_documents() > 0)
