//! What tells one source's content from another's.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ByteSource;
use crate::error::Result;

/// Up to this length, all bytes are hashed.
const WHOLE_MAX: u64 = 1 << 20;
/// How many blocks of a longer source are hashed. Each is a request where a source is read over a
/// network, so they are few and large.
const BLOCKS: u64 = 16;
/// The bytes of a block.
const BLOCK: u64 = 16 << 10;
/// How much is read at once, in bytes.
const PIECE: u64 = 1 << 20;

/// How much of a file goes into the fingerprint of a pipeline, beside its length.
///
/// Where all bytes are read anyway (`csv`, `jsonl`, gzip), and where they are in memory already, they
/// all go in, whatever is asked for.
///
/// ```
/// use windrow::source::{Identity, NpyOptions};
/// let json = r#"{"fields": {"data": "x.npy"}, "identity": "full"}"#;
/// let options = NpyOptions::file("x.npy").identity(Identity::Full);
/// assert_eq!(serde_json::from_str::<NpyOptions>(json)?, options);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Identity {
    /// All bytes of a file of at most 1 MiB. Of a longer one, 16 blocks of 16 KiB: its start, its
    /// end, and the rest spread evenly between them. A change elsewhere that keeps the length is not
    /// noticed.
    #[default]
    Blocks,
    /// All bytes. The file is read once more for it, by each process that opens it.
    Full,
}

impl Identity {
    /// Whether this is what is taken unless something is asked for.
    pub(in crate::source) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What tells one source's content from another's: 16 hexadecimal digits.
///
/// The first 8 bytes of a SHA-256 over the length (u64, little-endian) and the bytes that
/// [`Identity`] says. The name and the time of the last change are not in it, so a URL and its local copy
/// are the same source.
///
/// # Errors
/// What [`ByteSource::read_at`] says.
///
/// ```
/// use windrow::source::{Identity, InMemory, identity};
/// let here = InMemory::new("/data/a.npy", *b"the same bytes");
/// let there = InMemory::new("https://example.org/b.npy", *b"the same bytes");
/// assert_eq!(identity(&here, Identity::Blocks)?, identity(&there, Identity::Full)?);
/// assert_eq!(identity(&here, Identity::Blocks)?, "f3bd2c9746aa7cf3");
/// # Ok::<(), windrow::Error>(())
/// ```
pub fn identity(source: &dyn ByteSource, how: Identity) -> Result<String> {
    let len = source.len();
    let mut content = Content::new(len);
    if how == Identity::Full || len <= WHOLE_MAX || source.is_in_memory() {
        content.read(source, 0, len)?;
    } else {
        for number in 0..BLOCKS {
            // No product of a length and 16 is beyond 128 bits.
            let start = u128::from(number) * u128::from(len - BLOCK) / u128::from(BLOCKS - 1);
            content.read(source, start as u64, BLOCK)?;
        }
    }
    Ok(content.finish())
}

/// An identity while the bytes for it come.
pub(in crate::source) struct Content(Sha256);

impl Content {
    /// For a source of this length.
    pub(in crate::source) fn new(len: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(len.to_le_bytes());
        Self(hash)
    }

    /// Takes the next bytes.
    pub(in crate::source) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Takes bytes of a source, piece by piece.
    pub(in crate::source) fn read(
        &mut self,
        source: &dyn ByteSource,
        start: u64,
        len: u64,
    ) -> Result<()> {
        if let Some(all) = source.as_slice()
            && let Some(part) = all.get(start as usize..(start + len) as usize)
        {
            self.add(part);
            return Ok(());
        }
        let mut buffer = vec![0; len.min(PIECE) as usize];
        let mut done = 0;
        while done < len {
            let piece = &mut buffer[..(len - done).min(PIECE) as usize];
            source.read_at(start + done, piece)?;
            self.add(piece);
            done += piece.len() as u64;
        }
        Ok(())
    }

    /// The identity of what came.
    pub(in crate::source) fn finish(self) -> String {
        self.0.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
