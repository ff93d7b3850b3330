//! Files that appear under their names when they are complete and durable, and not before.
//!
//! A file is written beside its place, under its name with `.partial` after it. A run that is killed
//! leaves such files behind. The next writer of the same file writes under another name and removes
//! them. A system may let a writer of an ended run live for a moment. Such writers rename no file of
//! the next writer.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the only file of this room that touches files"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Fault, Result};

/// The ends of the names of a file that is not finished. A writer takes one that is free.
const PARTIAL: [&str; 2] = [".partial", ".1.partial"];
/// The size of the buffer before a file, in bytes.
const BUFFER: usize = 256 << 10;

/// A file that gets its name when it is complete.
///
/// Dropping the file before [`publish`] removes it.
#[derive(Debug)]
pub(super) struct AtomicFile {
    target: PathBuf,
    partial: PathBuf,
    file: Option<BufWriter<File>>,
    /// Why a write failed; the file then has an unknown end, and is never published.
    failed: Option<Fault>,
    /// Whether the file has its name; another writer may then have begun the next one.
    is_published: bool,
}

impl AtomicFile {
    /// Creates a file beside its place in a folder. Removes what an earlier writer left there.
    pub(super) fn create(folder: &Path, name: &str) -> Result<Self, Fault> {
        let target = folder.join(name);
        let [first, second] = PARTIAL.map(|end| folder.join(format!("{name}{end}")));
        // A new file, so that a link that someone left there leads nowhere.
        let create = |path| OpenOptions::new().write(true).create_new(true).open(path);
        let (file, partial, other) = match create(&first) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let made = match create(&second) {
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                        remove_old(&second)?;
                        create(&second)
                    }
                    made => made,
                };
                (made, second, first)
            }
            made => (made, first, second),
        };
        let file = file.map_err(|error| failed("creating", &partial, error))?;
        let file = BufWriter::with_capacity(BUFFER, file);
        let file = Self { target, partial, file: Some(file), failed: None, is_published: false };
        remove_old(&other)?;
        Ok(file)
    }

    /// Writes bytes. After an error, the file takes no more bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if let Some(fault) = &self.failed {
            return Err(fault.clone());
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.write_all(bytes);
        written.map_err(|error| {
            let fault = failed("writing", &self.partial, error);
            self.failed.insert(fault).clone()
        })
    }

    /// Makes the bytes durable, and closes the file.
    pub(super) fn seal(&mut self) -> Result<(), Fault> {
        if let Some(fault) = &self.failed {
            return Err(fault.clone());
        }
        let Some(mut file) = self.file.take() else { return Ok(()) };
        let sealed = file.flush().and_then(|()| file.get_ref().sync_all());
        sealed.map_err(|error| self.failed.insert(failed("writing", &self.partial, error)).clone())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // A file must be closed before Windows removes it; `into_parts` does not write the buffer.
        drop(self.file.take().map(BufWriter::into_parts));
        if !self.is_published {
            _ = fs::remove_file(&self.partial);
        }
    }
}

/// Removes files of a folder, as far as they exist, and makes that durable.
pub(super) fn remove(folder: &Path, names: &[String]) -> Result<(), Fault> {
    let mut is_changed = false;
    for name in names {
        is_changed |= remove_old(&folder.join(name))?;
    }
    if !is_changed {
        return Ok(());
    }
    sync_folder(folder).map_err(|error| failed("writing the folder", folder, error))
}

/// Returns the names of files in a folder that begin so, in order.
pub(super) fn names_from(folder: &Path, start: &str) -> Result<Vec<String>, Fault> {
    let unread = |error| failed("reading the folder", folder, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unread)? {
        let name = entry.map_err(unread)?.file_name().into_string();
        names.extend(name.ok().filter(|name| name.starts_with(start)));
    }
    names.sort_unstable();
    Ok(names)
}

/// Removes a file; returns whether there was one.
fn remove_old(path: &Path) -> Result<bool, Fault> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(failed("removing", path, error)),
    }
}

/// Makes files of a folder durable, and gives them their names. A file of that name is replaced.
pub(super) fn publish(folder: &Path, mut files: Vec<AtomicFile>) -> Result<(), Fault> {
    for file in &mut files {
        file.seal()?;
    }
    for file in &mut files {
        let renamed = fs::rename(&file.partial, &file.target);
        renamed.map_err(|error| failed("writing", &file.target, error))?;
        file.is_published = true;
    }
    sync_folder(folder).map_err(|error| failed("writing the folder", folder, error))
}

/// Creates a folder and the folders above it, as far as they are missing, and makes them durable.
/// Returns the path of the folder without links.
pub(super) fn create_folder(folder: &Path) -> Result<PathBuf> {
    let error = |error| Error::io(format!("creating the folder {}", folder.display()), error);
    let missing: Vec<_> = folder.ancestors().take_while(|path| !path.exists()).collect();
    fs::create_dir_all(folder).map_err(error)?;
    for path in missing.iter().filter_map(|path| path.parent()) {
        sync_folder(path).map_err(error)?;
    }
    fs::canonicalize(folder).map_err(error)
}

/// Makes the names in a folder durable. Windows and some file systems have no such call, and need
/// none after a rename.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(windows) {
        return Ok(());
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match File::open(folder)?.sync_all() {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

fn failed(doing: &str, path: &Path, error: io::Error) -> Fault {
    Error::io(format!("{doing} {}", path.display()), error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string();
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|x| name(x).unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = AtomicFile::create(folder.path(), "a").unwrap();
        file.write(b"one").unwrap();
        assert_eq!(names(folder.path()), ["a.partial"]);
        publish(folder.path(), vec![file]).unwrap();
        assert_eq!(names(folder.path()), ["a"]);
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"one");
    }

    #[test]
    fn a_dropped_file_leaves_nothing_and_the_old_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), b"old").unwrap();
        AtomicFile::create(folder.path(), "a").unwrap().write(b"new").unwrap();
        assert_eq!(names(folder.path()), ["a"]);
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"old");
    }

    #[test]
    fn what_a_killed_writer_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.partial"), b"a long beginning").unwrap();
        fs::write(folder.path().join("a"), b"old").unwrap();
        let mut file = AtomicFile::create(folder.path(), "a").unwrap();
        file.write(b"new").unwrap();
        publish(folder.path(), vec![file]).unwrap();
        assert_eq!(names(folder.path()), ["a"]);
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"new");
    }

    #[test]
    fn a_writer_of_an_ended_run_cannot_name_the_file_of_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let write = |text: &[u8]| {
            let mut file = AtomicFile::create(folder.path(), "a").unwrap();
            file.write(text).unwrap();
            file
        };
        // Each writer lives on when the next one begins.
        let (first, second) = (write(b"first"), write(b"second"));
        assert_eq!(names(folder.path()), ["a.1.partial"]);
        assert!(publish(folder.path(), vec![first]).is_err());
        assert_eq!(names(folder.path()), ["a.1.partial"]);
        let third = write(b"third");
        assert!(publish(folder.path(), vec![second]).is_err());
        publish(folder.path(), vec![third]).unwrap();
        assert_eq!(names(folder.path()), ["a"]);
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"third");
        // Two writers were killed, one after the other.
        fs::write(folder.path().join("a.partial"), b"x").unwrap();
        fs::write(folder.path().join("a.1.partial"), b"x").unwrap();
        publish(folder.path(), vec![write(b"fourth")]).unwrap();
        assert_eq!(names(folder.path()), ["a"]);
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"fourth");
    }

    #[test]
    fn files_are_removed_as_far_as_they_exist() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.x", "a.y", "ab"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        assert_eq!(names_from(folder.path(), "a.").unwrap(), ["a.x", "a.y"]);
        remove(folder.path(), &["a.x".into(), "none".into()]).unwrap();
        assert_eq!(names(folder.path()), ["a.y", "ab"]);
    }

    #[test]
    fn a_file_whose_write_failed_takes_no_more_and_is_never_published() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), b"old").unwrap();
        let mut file = AtomicFile::create(folder.path(), "a").unwrap();
        // A file that is open for reading alone refuses bytes, as a full disk does.
        let unwritable = File::open(folder.path().join("a.partial")).unwrap();
        let writable = file.file.replace(BufWriter::with_capacity(0, unwritable));
        assert!(file.write(b"new").unwrap_err().to_string().starts_with("writing "));
        file.file = writable;
        assert!(file.write(b"new").is_err());
        assert!(publish(folder.path(), vec![file]).is_err());
        assert_eq!(names(folder.path()), ["a"]);
        assert_eq!(fs::read(folder.path().join("a")).unwrap(), b"old");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = AtomicFile::create(&folder.path().join("no"), "a").unwrap_err().to_string();
        assert!(message.starts_with("creating ") && message.contains("a.partial"), "{message}");
        fs::create_dir(folder.path().join("b")).unwrap();
        let file = AtomicFile::create(folder.path(), "b").unwrap();
        assert!(publish(folder.path(), vec![file]).is_err());
        assert_eq!(names(folder.path()), ["b"]);
    }

    #[test]
    fn missing_folders_are_created() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        let real = create_folder(&deep).unwrap();
        assert_eq!(create_folder(&folder.path().join("a/../a/b/c")).unwrap(), real);
        assert!(deep.is_dir());
        fs::write(folder.path().join("file"), b"").unwrap();
        let message = create_folder(&folder.path().join("file/x")).unwrap_err().to_string();
        assert!(message.starts_with("creating the folder "), "{message}");
    }
}
