//! A writer of PNG files of every kind, from what the format's specification says.

/// What a file is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) color: u8,
    pub(crate) depth: u8,
    pub(crate) interlaced: bool,
}

impl Kind {
    /// Every colour type with every depth that it has, plain and interlaced.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        let depths = [(0, &[1, 2, 4, 8, 16][..]), (2, &[8, 16]), (3, &[1, 2, 4, 8])];
        let depths = depths.into_iter().chain([(4, &[8, 16][..]), (6, &[8, 16])]);
        let kinds = depths.flat_map(|(color, depths)| depths.iter().map(move |&d| (color, d)));
        kinds.flat_map(|(color, depth)| {
            [false, true].map(|interlaced| Self { color, depth, interlaced })
        })
    }

    pub(crate) fn samples(self) -> usize {
        match self.color {
            0 | 3 => 1,
            4 => 2,
            2 => 3,
            _ => 4,
        }
    }
}

/// Writes a file of samples (row by row, pixel by pixel), with chunks to put before the data.
pub(crate) fn write(
    kind: Kind,
    width: u32,
    samples: &[u16],
    before: &[(&[u8; 4], &[u8])],
) -> Vec<u8> {
    let per_row = width as usize * kind.samples();
    let rows: Vec<&[u16]> = samples.chunks(per_row).collect();
    let passes: &[[usize; 4]] = match kind.interlaced {
        false => &[[0, 0, 1, 1]],
        true => &[
            [0, 0, 8, 8],
            [4, 0, 8, 8],
            [0, 4, 4, 8],
            [2, 0, 4, 4],
            [0, 2, 2, 4],
            [1, 0, 2, 2],
            [0, 1, 1, 2],
        ],
    };
    let mut raw = Vec::new();
    for &[left, top, step, rise] in passes {
        let mut above = Vec::new();
        for (number, row) in rows.iter().skip(top).step_by(rise).enumerate() {
            let pixels = row.chunks(kind.samples()).skip(left).step_by(step);
            let packed = pack(kind.depth, &pixels.flatten().copied().collect::<Vec<_>>());
            if packed.is_empty() {
                continue;
            }
            above.resize(packed.len(), 0);
            let back = (kind.samples() * usize::from(kind.depth)).div_ceil(8);
            let filter = (number % 5) as u8;
            raw.push(filter);
            raw.extend(filtered(filter, back, &packed, &above));
            above = packed;
        }
    }
    let height = rows.len() as u32;
    let mut header = [&width.to_be_bytes()[..], &height.to_be_bytes()].concat();
    header.extend([kind.depth, kind.color, 0, 0, kind.interlaced.into()]);
    let mut chunks = vec![(b"IHDR", &header[..])];
    chunks.extend(before);
    let data = zlib(&raw);
    // In two parts, as large files have it.
    let (one, two) = data.split_at(data.len() / 2);
    chunks.extend([(b"IDAT", one), (b"IDAT", two), (b"IEND", &[][..])]);
    file(&chunks)
}

/// A file of these chunks.
pub(crate) fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, content) in chunks {
        file.extend((content.len() as u32).to_be_bytes());
        let from = file.len();
        file.extend(*name);
        file.extend(*content);
        file.extend(crc(&file[from..]).to_be_bytes());
    }
    file
}

/// Gives every chunk its right checksum.
pub(crate) fn seal(file: &mut [u8]) {
    let mut at = 8;
    while let Some(head) = file.get(at..at + 4) {
        let length = u32::from_be_bytes(head.try_into().unwrap()) as usize;
        let end = at.saturating_add(8).saturating_add(length);
        if end.saturating_add(4) > file.len() {
            break;
        }
        let sum = crc(&file[at + 4..end]).to_be_bytes();
        file[end..end + 4].copy_from_slice(&sum);
        at = end + 4;
    }
}

/// Bytes packed by zlib, each block just stored.
pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 1];
    let blocks = bytes.chunks(60_000);
    let last = blocks.len().max(1) - 1;
    for (number, block) in blocks.enumerate() {
        let length = block.len() as u16;
        out.push((number == last).into());
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    out.extend((b << 16 | a).to_be_bytes());
    out
}

/// Samples of so many bits, the first in the upper ones.
fn pack(depth: u8, samples: &[u16]) -> Vec<u8> {
    match depth {
        16 => samples.iter().flat_map(|sample| sample.to_be_bytes()).collect(),
        8 => samples.iter().map(|&sample| sample as u8).collect(),
        _ => {
            let join = |samples: &[u16]| {
                let places = samples.iter().zip((0..8).step_by(depth.into()));
                places
                    .fold(0, |byte, (&sample, place)| byte | (sample as u8) << (8 - depth - place))
            };
            samples.chunks(usize::from(8 / depth)).map(join).collect()
        }
    }
}

fn filtered(filter: u8, back: usize, row: &[u8], above: &[u8]) -> Vec<u8> {
    let left = |row: &[u8], at: usize| if at < back { 0 } else { i32::from(row[at - back]) };
    let guess = |at: usize| {
        let (a, b, c) = (left(row, at), i32::from(above[at]), left(above, at));
        match filter {
            0 => 0,
            1 => a,
            2 => b,
            3 => (a + b) / 2,
            _ => {
                let p = a + b - c;
                let [pa, pb, pc] = [a, b, c].map(|x| (p - x).abs());
                if pa <= pb && pa <= pc {
                    a
                } else if pb <= pc {
                    b
                } else {
                    c
                }
            }
        }
    };
    row.iter().enumerate().map(|(at, &byte)| byte.wrapping_sub(guess(at) as u8)).collect()
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
