//! Files of which there may be more than a process may have open.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::super::in_bounds;
use super::LocalFile;
use crate::error::{Error, Result};
use crate::source::ByteSource;

/// The most files that stay open: macOS lets a process have 256 unless it asks for more.
const OPEN_MAX: usize = 64;

/// How many stay open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// Opens a file, and keeps it open unless too many are.
pub(super) fn open(path: &Path) -> Result<Arc<dyn ByteSource>> {
    let file = LocalFile::open(path)?;
    let more = |open| (open < OPEN_MAX).then_some(open + 1);
    match OPEN.fetch_update(Relaxed, Relaxed, more) {
        Ok(_) => Ok(Arc::new(Open(file))),
        Err(_) => Ok(Arc::new(Reopened::new(path.into(), file.len()))),
    }
}

/// A file that stays open, and is counted.
#[derive(Debug)]
struct Open(LocalFile);

impl ByteSource for Open {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.0.read_at(offset, buffer)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        OPEN.fetch_sub(1, Relaxed);
    }
}

/// A file that is open only while it is read.
#[derive(Debug)]
pub(super) struct Reopened {
    path: PathBuf,
    len: u64,
}

impl Reopened {
    /// A file that had this length when it was found.
    pub(super) fn new(path: PathBuf, len: u64) -> Self {
        Self { path, len }
    }
}

impl ByteSource for Reopened {
    fn name(&self) -> &str {
        self.path.to_str().unwrap_or("a file whose path is not UTF-8")
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        in_bounds(self, offset, buffer.len())?;
        let file = LocalFile::open(&self.path)?;
        if file.len() != self.len {
            let why = format!("has {} bytes; it had {} when it was found", file.len(), self.len);
            return Err(Error::Format { name: self.name().into(), offset: None, why });
        }
        file.read_at(offset, buffer)
    }
}
