//! The header of a program's image: the place of its code, and the id that distinguishes builds.
//!
//! Linkers with separate debug information, such as Microsoft's, write its id into the image; that
//! id is the build id. Others, such as MinGW's, write their time and a checksum of the file. The
//! build id then consists of these two, and of the size and place of all sections. If the time is
//! missing, the checksum also covers the code.

use std::fmt::Write;
use std::ops::Range;

/// The part of an image that contains the header: the first page, which is always mapped.
pub(super) const HEAD_BYTES: usize = 4096;
const EXECUTABLE: u32 = 0x2000_0000;
const WRITABLE: u32 = 0x8000_0000;
const CODEVIEW: u32 = 2;
/// The maximum number of debug entries read; no linker writes more.
const DEBUG_ENTRIES_MAX: usize = 64;

/// The header of an image. All places are offsets from the start of the image.
#[derive(Debug)]
pub(super) struct Pe {
    linked: u32,
    checksum: u32,
    debug: Range<usize>,
    /// The place and kind of each section.
    sections: Vec<(Range<usize>, u32)>,
}

impl Pe {
    /// Reads the header of an image.
    pub(super) fn read(head: &[u8]) -> Option<Self> {
        if head.get(..2)? != b"MZ" {
            return None;
        }
        let start = int(head, 0x3c)?;
        if head.get(start..start.checked_add(4)?)? != b"PE\0\0" {
            return None;
        }
        let optional = start + 24;
        // Only 64-bit images; in others, the fields have other offsets.
        if short(head, optional)? != 0x20b {
            return None;
        }
        let debug = match int(head, optional + 108)? {
            0..=6 => 0..0,
            _ => range(int(head, optional + 160)?, int(head, optional + 164)?)?,
        };
        let table = optional + short(head, start + 20)?;
        let sections = (0..short(head, start + 6)?).map(|number| {
            let entry = table + 40 * number;
            let place = range(int(head, entry + 12)?, int(head, entry + 8)?)?;
            Some((place, u32::try_from(int(head, entry + 36)?).ok()?))
        });
        Some(Self {
            linked: u32::try_from(int(head, start + 8)?).ok()?,
            checksum: u32::try_from(int(head, optional + 64)?).ok()?,
            debug,
            sections: sections.collect::<Option<_>>()?,
        })
    }

    /// Returns the places of the code.
    pub(super) fn code(&self) -> impl Iterator<Item = Range<usize>> {
        self.of_kind(|kind| kind & EXECUTABLE != 0)
    }

    /// Returns the build id. `at` returns a part of the image that no code writes to.
    pub(super) fn build<'a>(&self, at: impl Fn(Range<usize>) -> &'a [u8]) -> String {
        let constant = |part: &Range<usize>| {
            let within = |place: Range<usize>| place.start <= part.start && part.end <= place.end;
            self.of_kind(|kind| kind & WRITABLE == 0).any(within)
        };
        let bytes = |part: Range<usize>| if constant(&part) { at(part) } else { &[] };
        if let Some(id) = self.codeview(&bytes) {
            return id;
        }
        let mut sum = crc32fast::Hasher::new();
        for (place, kind) in &self.sections {
            sum.update(&[place.start, place.end].map(usize::to_le_bytes).concat());
            sum.update(&kind.to_le_bytes());
        }
        if self.linked == 0 {
            self.code().for_each(|place| sum.update(bytes(place)));
        }
        let sum = sum.finalize();
        format!("linked {:08x}, checksum {:08x}, sections {sum:08x}", self.linked, self.checksum)
    }

    /// Returns the id of the debug information, and the number of times it was written.
    fn codeview<'a>(&self, at: &impl Fn(Range<usize>) -> &'a [u8]) -> Option<String> {
        let entries = at(self.debug.clone()).chunks_exact(28).take(DEBUG_ENTRIES_MAX);
        let kind = CODEVIEW as usize;
        let mut entries = entries.filter(|entry| int(entry, 12) == Some(kind));
        let id = entries.find_map(|entry| {
            let record = at(range(int(entry, 20)?, int(entry, 16)?)?);
            record.get(4..24).filter(|_| record.starts_with(b"RSDS"))
        })?;
        Some(id.iter().fold(String::new(), |mut text, byte| {
            _ = write!(text, "{byte:02x}");
            text
        }))
    }

    fn of_kind(&self, kind: impl Fn(u32) -> bool) -> impl Iterator<Item = Range<usize>> {
        let sections = self.sections.iter().filter(move |section| kind(section.1));
        sections.map(|section| section.0.clone())
    }
}

fn range(start: usize, length: usize) -> Option<Range<usize>> {
    Some(start..start.checked_add(length)?)
}

fn int(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
}

fn short(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(bytes.try_into().ok()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates an image with one section of code and one of constants; the second has a debug
    /// record.
    fn image(linked: u32, record: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 0x3000];
        let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
        let word = |number: u32| number.to_le_bytes();
        put(0, b"MZ");
        put(0x3c, &word(0x80));
        put(0x80, b"PE\0\0");
        put(0x86, &[2, 0]);
        put(0x88, &word(linked));
        put(0x94, &[240, 0]);
        put(0x98, &[0x0b, 2]);
        put(0x98 + 108, &word(16));
        put(0x98 + 160, &[word(0x2000), word(28)].concat());
        for (number, kind) in [(0, EXECUTABLE), (1, 0x4000_0000)] {
            let entry = 0x98 + 240 + 40 * number;
            put(entry + 8, &[word(0x1000), word(0x1000 * (number as u32 + 1))].concat());
            put(entry + 36, &word(kind));
        }
        put(0x2000 + 12, &word(CODEVIEW));
        put(0x2000 + 16, &[word(record.len() as u32), word(0x2100)].concat());
        put(0x2100, record);
        image
    }

    fn build(image: &[u8]) -> String {
        let pe = Pe::read(&image[..HEAD_BYTES]).unwrap();
        assert_eq!(pe.code().collect::<Vec<_>>(), vec![0x1000..0x2000]);
        pe.build(|part| image.get(part).unwrap_or_default())
    }

    #[test]
    fn the_id_of_the_debug_information_is_the_build_id() {
        let record = [&b"RSDS"[..], &[7; 16], &[1, 0, 0, 0], b"a.pdb\0"].concat();
        assert_eq!(build(&image(5, &record)), format!("{}01000000", "07".repeat(16)));
    }

    #[test]
    fn without_it_the_time_of_linking_tells_and_without_that_the_code() {
        assert!(build(&image(0x1234, b"NB10")).starts_with("linked 00001234, checksum 00000000"));
        assert_ne!(build(&image(1, b"")), build(&image(2, b"")));
        let mut other = image(0, b"");
        other[0x1500] = 1;
        assert_ne!(build(&image(0, b"")), build(&other));
    }

    #[test]
    fn heads_that_lie_are_refused_and_never_read_past() {
        let whole = image(1, b"RSDS");
        for end in 0..0x98 + 240 + 80 {
            assert!(Pe::read(&whole[..end]).is_none(), "{end} bytes");
        }
        for at in 0..0x98 + 240 + 80 {
            let mut changed = whole.clone();
            changed[at] = 0xff;
            if let Some(pe) = Pe::read(&changed[..HEAD_BYTES]) {
                pe.build(|part| changed.get(part).unwrap_or_default());
            }
        }
    }
}
