//! Files that are opened again for each read, since a process may have only some files open.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::super::in_bounds;
use super::LocalFile;
use crate::error::{Error, Result};
use crate::source::ByteSource;

/// The largest number of files that stay open: macOS lets a process have 256 by default.
const OPEN_MAX: usize = 64;

/// The number of files that stay open.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// A function that opens a file again.
type Opener = Box<dyn Fn() -> Result<LocalFile> + Send + Sync>;

/// Keeps a file open, unless too many are; then each read opens the file again.
pub(super) fn counted(
    file: LocalFile,
    again: impl Fn() -> Result<LocalFile> + Send + Sync + 'static,
) -> Arc<dyn ByteSource> {
    let more = |open| (open < OPEN_MAX).then_some(open + 1);
    let mut counted = Reopened::new(file.name().into(), file.len(), again);
    counted.kept = OPEN.fetch_update(Relaxed, Relaxed, more).is_ok().then_some(file);
    Arc::new(counted)
}

/// A file that is open only during a read, unless it is one of the files that stay open.
pub(super) struct Reopened {
    name: String,
    len: u64,
    kept: Option<LocalFile>,
    open: Opener,
}

impl Reopened {
    /// Creates a file that had this length when it was found.
    pub(super) fn new(
        name: String,
        len: u64,
        open: impl Fn() -> Result<LocalFile> + Send + Sync + 'static,
    ) -> Self {
        Self { name, len, kept: None, open: Box::new(open) }
    }
}

impl Drop for Reopened {
    fn drop(&mut self) {
        OPEN.fetch_sub(self.kept.is_some().into(), Relaxed);
    }
}

impl ByteSource for Reopened {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if let Some(file) = &self.kept {
            return file.read_at(offset, buffer);
        }
        in_bounds(self, offset, buffer.len())?;
        let file = (self.open)()?;
        if file.len() != self.len {
            let why = format!("has {} bytes; it had {} when it was found", file.len(), self.len);
            return Err(Error::Format { name: self.name.clone(), offset: None, why });
        }
        file.read_at(offset, buffer)
    }
}

impl fmt::Debug for Reopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reopened").field("name", &self.name).field("len", &self.len).finish()
    }
}
