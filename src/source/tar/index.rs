//! The index of an archive's samples, by its headers alone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::header::{BLOCK, Header, Kind};
use super::pax;
use crate::dataset::{FIELDS_MAX, NAME_BYTES_MAX};
use crate::error::{Error, Result};
use crate::source::bytes::ByteSource;
use crate::source::refusal::{self, without};

/// How much the indexer reads at once, in bytes: several small files, or one header of a large one.
const WINDOW: u64 = 16 << 10;
/// The longest name, in bytes.
const NAME_MAX: u64 = 64 << 10;
/// The longest attributes of one file, in bytes.
const PAX_MAX: u64 = 1 << 20;
/// How many bytes may follow the end mark, all of them zeros.
const TAIL_MAX: u64 = 1 << 20;
/// How much of a name an error shows, in characters.
const SHOWN: usize = 60;

/// A sample of an archive.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) archive: u32,
    pub(super) key: Box<str>,
    pub(super) parts: Vec<Member>,
}

/// A field of a sample, and the place of its bytes.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) field: Arc<str>,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// Appends the samples of an archive to `samples`.
pub(super) fn read(archive: &dyn ByteSource, number: u32, samples: &mut Vec<Sample>) -> Result<()> {
    if !cfg!(feature = "tar") {
        return Err(without("tar", format!("reading the archive {}", archive.name())));
    }
    let mut window = Window { archive, start: 0, bytes: Vec::new() };
    let mut groups = Groups { archive, number, places: HashMap::new(), fields: HashSet::new() };
    let mut next = Next::default();
    let mut at = 0;
    loop {
        let block = window.block(at)?;
        if block.iter().all(|&byte| byte == 0) {
            if next.pending {
                let why = "ends after a name or attributes of a file, but before that file";
                return Err(wrong(archive, at, why.into()));
            }
            return ending(&mut window, at + BLOCK);
        }
        let header = Header::read(&block).map_err(|(byte, why)| wrong(archive, at + byte, why))?;
        let (kind, start) = (header.kind, at + BLOCK);
        let about = matches!(kind, Kind::LongName | Kind::Pax | Kind::PaxGlobal | Kind::Other);
        let size = next.size.filter(|_| kind == Kind::File).unwrap_or(header.size);
        let there = archive.len() - start;
        if size > there {
            let name = shown(next.name.as_deref().filter(|_| !about).unwrap_or(&header.name));
            let why = format!(
                "is cut short: {name} takes {size} bytes from here on, only {there} follow"
            );
            return Err(wrong(archive, start, why));
        }
        match kind {
            Kind::LongName => {
                let mut name = window.bytes(start, size, NAME_MAX, "a name")?;
                name.truncate(name.iter().position(|&byte| byte == 0).unwrap_or(name.len()));
                next = Next { name: next.name.filter(|_| next.pax).or(Some(name)), ..next };
                next.pending = true;
            }
            Kind::Pax => {
                let text = window.bytes(start, size, PAX_MAX, "attributes")?;
                let found = pax::read(&text);
                let found = found.map_err(|(byte, why)| wrong(archive, start + byte, why))?;
                next.pax |= found.path.is_some();
                next.name = found.path.or(next.name);
                next.size = found.size.or(next.size);
                next.pending = true;
            }
            Kind::PaxGlobal => {
                let text = window.bytes(start, size, PAX_MAX, "attributes")?;
                let found = pax::read(&text);
                let found = found.map_err(|(byte, why)| wrong(archive, start + byte, why))?;
                if found != pax::Attributes::default() {
                    let why = "gives one path or size to all files that follow";
                    return Err(wrong(archive, start, why.into()));
                }
            }
            Kind::Other => {}
            Kind::File | Kind::Link | Kind::Nothing => {
                let name = next.name.take().unwrap_or(header.name);
                next = Next::default();
                if kind != Kind::Nothing {
                    groups.add(&name, kind, (at, size), samples)?;
                }
            }
        }
        at = start.saturating_add(size.next_multiple_of(BLOCK));
    }
}

/// The name and the size that earlier members give to the next file.
#[derive(Default)]
struct Next {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    /// Whether the name is a pax one, which takes precedence over GNU's.
    pax: bool,
    pending: bool,
}

/// Checks that only zeros follow the first block of the end mark.
fn ending(window: &mut Window<'_>, from: u64) -> Result<()> {
    let archive = window.archive;
    if archive.len() - from > TAIL_MAX {
        let why = format!(
            "has {} bytes after its end mark; at most {TAIL_MAX} zeros may follow",
            archive.len() - from
        );
        return Err(wrong(archive, from, why));
    }
    let tail = window.bytes(from, archive.len() - from, TAIL_MAX, "a tail")?;
    match tail.iter().position(|&byte| byte != 0) {
        None => Ok(()),
        Some(place) => {
            let why = "has more after its end mark; list archives one by one, do not join them";
            Err(wrong(archive, from + place as u64, why.into()))
        }
    }
}

/// The samples of one archive by their keys.
struct Groups<'a> {
    archive: &'a dyn ByteSource,
    number: u32,
    /// The place of the sample of a key among all samples.
    places: HashMap<Box<str>, usize>,
    /// The names of fields, each once.
    fields: HashSet<Arc<str>>,
}

impl Groups<'_> {
    /// Adds a file whose header is at the offset `at`.
    fn add(
        &mut self,
        name: &[u8],
        kind: Kind,
        (at, size): (u64, u64),
        samples: &mut Vec<Sample>,
    ) -> Result<()> {
        let wrong = |why| wrong(self.archive, at, why);
        let text = std::str::from_utf8(name);
        let text = text.map_err(|_| {
            wrong(format!("the name {} is not UTF-8; rename the file", shown(name)))
        })?;
        let Some((key, field)) = split(text) else { return Ok(()) };
        if kind == Kind::Link {
            let instead = "pack with `--dereference --hard-dereference`";
            return Err(wrong(format!("{} is a link, not a file; {instead}", shown(name))));
        }
        if field.len() > NAME_BYTES_MAX {
            let long = field.len();
            let why =
                format!("the field's name has {long} bytes; at most {NAME_BYTES_MAX} are allowed");
            return Err(wrong(format!("{}: {why}", shown(name))));
        }
        let place = *self.places.entry(key.into()).or_insert(samples.len());
        if place == samples.len() {
            samples.push(Sample { archive: self.number, key: key.into(), parts: Vec::new() });
        }
        let parts = &mut samples[place].parts;
        if parts.iter().any(|part| &*part.field == field) {
            return Err(wrong(format!("{} appears twice; pack each file once", shown(name))));
        }
        if parts.len() >= FIELDS_MAX {
            let why = format!("a sample may have at most {FIELDS_MAX} fields");
            return Err(wrong(format!("{}: {why}", shown(name))));
        }
        let known = self.fields.get(field).cloned();
        let field = known.unwrap_or_else(|| {
            let field: Arc<str> = field.into();
            self.fields.insert(field.clone());
            field
        });
        parts.push(Member { field, offset: at + BLOCK, size });
        Ok(())
    }
}

/// Returns the key and the field of a path, or `None` for a path without either: no dot, or a
/// hidden file.
fn split(path: &str) -> Option<(&str, &str)> {
    let base = path.rfind('/').map_or(0, |slash| slash + 1);
    let dot = base + path[base..].find('.')?;
    (dot > base && dot + 1 < path.len()).then(|| (&path[..dot], &path[dot + 1..]))
}

/// The part of an archive that was read last.
struct Window<'a> {
    archive: &'a dyn ByteSource,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// Returns the block at an offset.
    fn block(&mut self, at: u64) -> Result<[u8; BLOCK as usize]> {
        let len = self.archive.len();
        if len < at || len - at < BLOCK {
            let why = match at {
                0 => format!("is not a tar archive: it has {len} bytes, a header takes {BLOCK}"),
                _ => "is cut short: neither another header nor the end mark follows".into(),
            };
            return Err(wrong(self.archive, at.min(len), why));
        }
        let inside = at >= self.start && at + BLOCK <= self.start + self.bytes.len() as u64;
        if !inside {
            self.bytes.resize(WINDOW.min(len - at) as usize, 0);
            self.archive.read_at(at, &mut self.bytes)?;
            self.start = at;
        }
        let mut block = [0; BLOCK as usize];
        block.copy_from_slice(&self.bytes[(at - self.start) as usize..][..BLOCK as usize]);
        Ok(block)
    }

    /// Returns `size` bytes that the archive has, or an error if they are more than `most`.
    fn bytes(&self, at: u64, size: u64, most: u64, what: &str) -> Result<Vec<u8>> {
        if size > most {
            let why = format!("has {what} of {size} bytes; at most {most} are allowed");
            return Err(wrong(self.archive, at, why));
        }
        let mut bytes = vec![0; size as usize];
        self.archive.read_at(at, &mut bytes)?;
        Ok(bytes)
    }
}

fn wrong(archive: &dyn ByteSource, offset: u64, why: String) -> Error {
    Error::Format { name: archive.name().into(), offset: Some(offset), why }
}

/// Returns a name in quotes, for an error.
fn shown(name: &[u8]) -> String {
    refusal::shown(&String::from_utf8_lossy(name), SHOWN)
}
