//! A header block of an archive: POSIX's ustar, and GNU's variant of it.
//!
//! Absent on purpose: owners, times, permissions, what a link points to.

/// The size of a block, in bytes: a header, and every file in an archive, takes a multiple of it.
pub(super) const BLOCK: u64 = 512;

/// The content of a header.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// The name in the header, with ustar's prefix before it.
    pub(super) name: Vec<u8>,
    /// The number of bytes that follow the header.
    pub(super) size: u64,
}

/// The kind of the member that follows a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file.
    File,
    /// A folder or another member without content.
    Nothing,
    /// A link, which has no content.
    Link,
    /// The long name of the next file, as GNU writes it.
    LongName,
    /// Attributes of the next file, as pax writes them.
    Pax,
    /// Attributes of all files that follow.
    PaxGlobal,
    /// A member with content that is no file, such as the label of a volume.
    Other,
}

impl Header {
    /// Reads a block.
    ///
    /// # Errors
    /// Returns the wrong byte of the block, and the reason.
    pub(super) fn read(block: &[u8; BLOCK as usize]) -> Result<Self, (u64, String)> {
        let sum = number(&block[148..156]).map_err(|why| (148, format!("its checksum {why}")))?;
        let unsigned: u64 = checksum(block, u64::from);
        // Some old programs added up signed bytes.
        let signed: i64 = checksum(block, |byte| i64::from(byte as i8));
        if sum != unsigned && sum as i64 != signed {
            let why = match &block[..2] {
                [0x1f, 0x8b] => "is gzip, which cannot be read in any order; unpack the file first",
                b"BZ" => "is bzip2, which cannot be read in any order; unpack the file first",
                [0xfd, b'7'] => "is xz, which cannot be read in any order; unpack the file first",
                [0x28, 0xb5] => "is zstd, which cannot be read in any order; unpack the file first",
                b"PK" => "is a zip archive, not a tar archive; pack the files with tar",
                _ => "is not a sound tar archive: the checksum of this header is wrong",
            };
            return Err((0, why.into()));
        }
        let mut name = until_zero(&block[..100]).to_vec();
        if &block[257..263] == b"ustar\0" && block[345] != 0 {
            name = [until_zero(&block[345..500]), b"/", &name].concat();
        }
        let kind = match block[156] {
            // Before tar had types, a slash at the end of the name marked a folder.
            0 if name.ends_with(b"/") => Kind::Nothing,
            0 | b'0' | b'7' => Kind::File,
            b'1' | b'2' => Kind::Link,
            b'3'..=b'6' => Kind::Nothing,
            b'L' => Kind::LongName,
            b'x' => Kind::Pax,
            b'g' => Kind::PaxGlobal,
            b'S' => return Err((156, SPARSE.into())),
            b'M' => return Err((156, MULTIVOLUME.into())),
            b'A' | b'D' | b'K' | b'N' | b'V' => Kind::Other,
            other => {
                let other = other.escape_ascii();
                return Err((156, format!("has a member of the unknown type '{other}'")));
            }
        };
        let size = number(&block[124..136]).map_err(|why| (124, format!("its size {why}")))?;
        let size = match kind {
            // The size of a folder or a link counts no content.
            Kind::Nothing | Kind::Link => 0,
            _ => size,
        };
        Ok(Self { kind, name, size })
    }
}

const MULTIVOLUME: &str =
    "is a part of an archive of several volumes; pack archives of one volume each";

pub(super) const SPARSE: &str =
    "has a sparse file, which cannot be read; pack it without `--sparse`";

/// Reads a number in octal digits or, for large numbers, in GNU's bytes.
fn number(field: &[u8]) -> Result<u64, String> {
    if field[0] & 0x80 != 0 {
        if field[0] != 0x80 {
            return Err("is negative, or beyond 2^63".into());
        }
        let large = field[1..].iter().try_fold(0u64, |number, &byte| {
            (number < 1 << 55).then(|| number << 8 | u64::from(byte))
        });
        return large.ok_or_else(|| "is beyond 2^63".into());
    }
    let text = until_zero(field).trim_ascii();
    // A field has at most 12 digits, so the number does not overflow.
    let digit = |number: u64, &byte: &u8| match byte {
        b'0'..=b'7' => Ok(number << 3 | u64::from(byte - b'0')),
        _ => Err(format!("is \"{}\", which is no octal number", text.escape_ascii())),
    };
    text.iter().try_fold(0, digit)
}

/// Returns the sum of the bytes of a header, with spaces in place of the sum itself.
pub(super) fn checksum<N: std::iter::Sum>(
    block: &[u8; BLOCK as usize],
    byte: impl Fn(u8) -> N,
) -> N {
    let spaces = std::iter::repeat_n(b' ', 8);
    block[..148].iter().copied().chain(spaces).chain(block[156..].iter().copied()).map(byte).sum()
}

fn until_zero(field: &[u8]) -> &[u8] {
    &field[..field.iter().position(|&byte| byte == 0).unwrap_or(field.len())]
}
