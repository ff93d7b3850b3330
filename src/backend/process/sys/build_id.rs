//! The id that distinguishes builds of a program: the linker's build id, or a checksum of the file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

const NOTES_MAX: u64 = 64 << 10;

/// Returns the build id of the program in a file.
pub(super) fn of_program(path: &Path) -> Result<String, String> {
    let wrong = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let mut file = File::open(path).map_err(wrong)?;
    if let Some(id) = gnu_build_id(&mut file) {
        return Ok(id);
    }
    file.rewind().map_err(wrong)?;
    let (mut sum, mut length) = (crc32fast::Hasher::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer).map_err(wrong)? {
            0 => return Ok(format!("crc {:08x}, {length} bytes", sum.finalize())),
            bytes => {
                sum.update(&buffer[..bytes]);
                length += bytes;
            }
        }
    }
}

/// Returns the build id in the notes of an ELF file, if any.
fn gnu_build_id(file: &mut File) -> Option<String> {
    let mut header = [0; 64];
    file.read_exact(&mut header).ok()?;
    // Accept only 64-bit files in this machine's byte order.
    let order = if cfg!(target_endian = "little") { 1 } else { 2 };
    if header[..6] != [0x7f, b'E', b'L', b'F', 2, order] {
        return None;
    }
    let (table, size, count) = (word(&header, 32)?, half(&header, 54)?, half(&header, 56)?);
    for number in 0..u64::from(count) {
        let mut entry = [0; 56];
        let place = table.checked_add(number * u64::from(size))?;
        file.seek(SeekFrom::Start(place)).ok()?;
        file.read_exact(&mut entry).ok()?;
        if int(&entry, 0)? != 4 {
            continue;
        }
        let mut notes = Vec::new();
        file.seek(SeekFrom::Start(word(&entry, 8)?)).ok()?;
        file.take(word(&entry, 32)?.min(NOTES_MAX)).read_to_end(&mut notes).ok()?;
        if let Some(id) = note(&notes) {
            return Some(id.iter().map(|byte| format!("{byte:02x}")).collect());
        }
    }
    None
}

/// Returns the build id among notes.
fn note(mut notes: &[u8]) -> Option<&[u8]> {
    loop {
        let (name, length) = (int(notes, 0)? as usize, int(notes, 4)? as usize);
        let start = 12usize.checked_add(name)?.next_multiple_of(4);
        let end = start.checked_add(length)?;
        if int(notes, 8)? == 3 && notes.get(12..16) == Some(b"GNU\0") {
            return notes.get(start..end);
        }
        notes = notes.get(end.next_multiple_of(4)..)?;
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn int(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_program_has_an_id_and_another_file_has_another() {
        let own = of_program(&std::env::current_exe().unwrap()).unwrap();
        assert!(own.len() >= 16, "{own}");
        let mut other = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut other, b"no program").unwrap();
        let other = of_program(other.path()).unwrap();
        assert!(other.starts_with("crc ") && other.ends_with(" 10 bytes"), "{other}");
    }

    #[test]
    fn notes_that_lie_about_their_length_have_no_id() {
        let mut notes = [0xff; 40];
        assert_eq!(note(&notes), None);
        notes[..16].copy_from_slice(b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0");
        assert_eq!(note(&notes).unwrap().len(), 20);
        assert_eq!(note(&notes[..30]), None);
    }
}
