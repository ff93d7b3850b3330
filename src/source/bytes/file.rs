//! A file that is read by positional reads.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use cap_std::fs::Metadata;

use super::super::in_bounds;
use super::{read_some, unblocked};
use crate::error::{Error, Result};
use crate::source::ByteSource;

/// A file that is read at given offsets, with one system call for each read.
///
/// The length is the length of the file when it was opened. If the file is cut short afterwards,
/// reads beyond the new end return an error.
#[derive(Debug)]
pub struct LocalFile {
    name: String,
    file: File,
    len: u64,
}

impl LocalFile {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// Returns [`Error::Io`] if the file does not exist or may not be read, and [`Error::Format`]
    /// for a folder, a pipe or a device.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let about = std::fs::metadata(path).map(Metadata::from_just_metadata);
        Self::regular(path.display().to_string(), about, || unblocked().open(path))
    }

    /// Opens a regular file, after a check of its metadata before and after it is opened.
    pub(super) fn regular(
        name: String,
        about: io::Result<Metadata>,
        open: impl FnOnce() -> io::Result<File>,
    ) -> Result<Self> {
        let failed = |error| Error::io(format!("opening {name}"), error);
        let len = |about: io::Result<Metadata>| {
            let about = about.map_err(failed)?;
            if about.is_file() {
                return Ok(about.len());
            }
            let what = if about.is_dir() { "a folder" } else { "a pipe or a device" };
            let why = format!("is {what}, not a file");
            Err(Error::Format { name: name.clone(), offset: None, why })
        };
        // Opening a device may have effects, so only a regular file is opened.
        len(about)?;
        let file = open().map_err(failed)?;
        let len = len(file.metadata().map(Metadata::from_just_metadata))?;
        Ok(Self { name, file, len })
    }

    /// Returns the open file.
    #[cfg_attr(not(feature = "mmap"), expect(dead_code, reason = "only maps ask"))]
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

impl ByteSource for LocalFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let wanted = buffer.len();
        in_bounds(self, offset, wanted)?;
        let mut done = 0;
        while done < wanted {
            match read_some(&self.file, offset + done as u64, &mut buffer[done..]) {
                Ok(0) => {
                    return Err(Error::Format {
                        name: self.name.clone(),
                        offset: Some(offset + done as u64),
                        why: format!("ends here; it had {} bytes when it was opened", self.len),
                    });
                }
                Ok(some) => done += some,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let what = format!("reading {wanted} bytes of {} at {offset}", self.name);
                    return Err(Error::io(what, error));
                }
            }
        }
        Ok(())
    }
}
