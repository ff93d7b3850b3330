//! Writing the header of a file in an archive.
//!
//! Absent on purpose: owners and times, for which a header has zeros.

use super::header::{BLOCK, checksum};
use super::pax;

/// The largest size that the digits of a header can say, in bytes: 8 GiB less one.
const DIGITS_MAX: u64 = (1 << 33) - 1;
/// The longest name of a header, in bytes.
const NAME_BYTES: usize = 100;

/// Returns the header of a file in a ustar archive, which depends on the name and the size alone.
///
/// Where ustar has no place for the name or the size, pax attributes stand before the header. Ustar
/// takes ASCII names of at most 100 bytes, and sizes below 8 GiB.
pub(crate) fn tar_header(name: &str, size: u64) -> Vec<u8> {
    let mut attributes = Vec::new();
    if name.len() > NAME_BYTES || !name.is_ascii() {
        pax::push(&mut attributes, "path", name);
    }
    if size > DIGITS_MAX {
        pax::push(&mut attributes, "size", &size.to_string());
    }
    let mut header = Vec::new();
    if !attributes.is_empty() {
        header.extend(block(b'x', "pax", attributes.len() as u64));
        header.extend(attributes);
        header.resize(header.len().next_multiple_of(BLOCK as usize), 0);
    }
    header.extend(block(b'0', name, if size > DIGITS_MAX { 0 } else { size }));
    header
}

/// Returns one block of a header, with as much of the name as it can have.
fn block(kind: u8, name: &str, size: u64) -> [u8; BLOCK as usize] {
    let mut block = [0; BLOCK as usize];
    for (place, byte) in block.iter_mut().zip(name.bytes().take(NAME_BYTES)) {
        *place = if byte.is_ascii() { byte } else { b'_' };
    }
    let mut put =
        |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(100, "0000644\x000000000\x000000000\0"); // mode, user and group
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0"); // time
    put(257, "ustar\x0000");
    block[156] = kind;
    let sum: u64 = checksum(&block, u64::from);
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    use super::super::header::{Header, Kind};
    use super::*;

    #[test]
    fn a_written_header_is_read_as_the_same_file() {
        for (name, size) in [("00001.png", 0), (&*"x".repeat(100), DIGITS_MAX)] {
            let header = tar_header(name, size);
            let read = Header::read(header[..].try_into().unwrap()).unwrap();
            assert_eq!((read.kind, &*read.name, read.size), (Kind::File, name.as_bytes(), size));
        }
    }

    #[test]
    fn what_ustar_cannot_say_stands_in_attributes_before_it() {
        let long = "é".repeat(400);
        for (name, size, path) in
            [("é.png", 7, Some("é.png")), (&*long, 7, Some(&*long)), ("a.b", 1 << 33, None)]
        {
            let header = tar_header(name, size);
            let first = Header::read(header[..512].try_into().unwrap()).unwrap();
            assert_eq!(first.kind, Kind::Pax);
            let found = pax::read(&header[512..512 + first.size as usize]).unwrap();
            assert_eq!(found.path, path.map(|path| path.as_bytes().to_vec()));
            assert_eq!(found.size, (size == 1 << 33).then_some(size));
            let last = header[header.len() - 512..].try_into().unwrap();
            assert_eq!(Header::read(last).unwrap().size, if size == 7 { 7 } else { 0 });
        }
    }
}
