//! The identity of a source, which tells its content from another's.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ByteSource;
use crate::error::Result;
use crate::order::short_hash;

/// The longest source of which all bytes are hashed by default.
const WHOLE_MAX: u64 = 1 << 20;
/// The number of blocks of a longer source that are hashed. Each block is a request if a source is
/// read over a network, so the blocks are few and large.
const BLOCKS: u64 = 16;
/// The length of a block, in bytes.
const BLOCK: u64 = 16 << 10;
/// How much is read at once, in bytes.
const PIECE: u64 = 1 << 20;

/// The choice of the bytes of a file that go into the fingerprint of a pipeline, beside its length.
///
/// All bytes go in, whatever the choice, if the source reads them anyway (`csv`, `jsonl`, gzip) or
/// if they are in memory.
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
    /// All bytes of a file of at most 1 MiB. Of a longer file, 16 blocks of 16 KiB: its start, its
    /// end, and the rest spread evenly between them. The fingerprint misses a change elsewhere that
    /// keeps the length.
    #[default]
    Blocks,
    /// All bytes. Each process that opens the file reads the whole file once more.
    Full,
}

impl Identity {
    /// Returns true for the default choice.
    pub(in crate::source) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns the identity of a source, which tells its content from another's: 16 hexadecimal digits.
///
/// The digits are the first 8 bytes of a SHA-256 over the length (u64, little-endian) and the bytes
/// that [`Identity`] chooses. The name and the time of the last change do not count, so a URL and
/// its local copy have the same identity.
///
/// # Errors
/// Returns the errors of [`ByteSource::read_at`].
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
            // The product of a length and 16 fits into 128 bits.
            let start = u128::from(number) * u128::from(len - BLOCK) / u128::from(BLOCKS - 1);
            content.read(source, start as u64, BLOCK)?;
        }
    }
    Ok(content.finish())
}

/// A hash of the bytes that make an identity.
pub(in crate::source) struct Content(Sha256);

impl Content {
    /// Creates the hash for a source of this length.
    pub(in crate::source) fn new(len: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(len.to_le_bytes());
        Self(hash)
    }

    /// Adds the next bytes.
    pub(in crate::source) fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Adds bytes of a source, piece by piece.
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

    /// Returns the identity of the added bytes.
    pub(in crate::source) fn finish(self) -> String {
        short_hash(self.0)
    }
}
