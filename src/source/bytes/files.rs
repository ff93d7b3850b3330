//! From the names in a pipeline document to bytes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{ByteSource, InMemory, open};
use crate::error::{Error, Result};

/// How many names an error lists.
const LISTED: usize = 20;

/// Opens files by the names that a pipeline document has for them.
pub trait Files: Send + Sync {
    /// Opens the file of that name.
    ///
    /// # Errors
    /// Where there is no such file, or it cannot be read.
    fn open(&self, name: &str) -> Result<Arc<dyn ByteSource>>;
}

/// The files of a folder: relative names start there, absolute ones stand for themselves.
///
/// Names may lead out of the folder; it is a starting point, not a fence.
///
/// ```
/// use windrow::source::{Files, Folder};
/// let error = Folder::new("no/such/folder").open("a.npy").unwrap_err();
/// assert!(error.to_string().contains("a.npy"), "{error}");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// The folder at this path; the empty path is the current folder.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl Files for Folder {
    fn open(&self, name: &str) -> Result<Arc<dyn ByteSource>> {
        open(self.0.join(name))
    }
}

/// Files that are held in memory, by name.
///
/// ```
/// use windrow::source::{ByteSource, Files, MemoryFiles};
/// let files = MemoryFiles::default().with("a.txt", *b"abc").with("b.txt", *b"defg");
/// assert_eq!(files.open("b.txt")?.len(), 4);
///
/// let error = files.open("c.txt").unwrap_err();
/// assert_eq!(error.to_string(), "opening c.txt: there is no such file in memory, only a.txt, b.txt");
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(BTreeMap<String, InMemory>);

impl MemoryFiles {
    /// Adds a file, or replaces the one of that name.
    #[must_use]
    pub fn with(
        mut self,
        name: impl Into<String>,
        bytes: impl AsRef<[u8]> + Send + Sync + 'static,
    ) -> Self {
        let name = name.into();
        self.0.insert(name.clone(), InMemory::new(name, bytes));
        self
    }
}

impl Files for MemoryFiles {
    fn open(&self, name: &str) -> Result<Arc<dyn ByteSource>> {
        if let Some(file) = self.0.get(name) {
            return Ok(Arc::new(file.clone()));
        }
        let why = match list(self.0.keys().map(String::as_str)) {
            names if names.is_empty() => "there is no file in memory".into(),
            names => format!("there is no such file in memory, only {names}"),
        };
        let error = std::io::Error::new(std::io::ErrorKind::NotFound, why);
        Err(Error::io(format!("opening {name}"), error))
    }
}

/// A list of names for an error, cut where it gets long.
pub(in crate::source) fn list<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = names.len();
    let mut text = names.take(LISTED).collect::<Vec<_>>().join(", ");
    if count > LISTED {
        text.push_str(&format!(" and {} more", count - LISTED));
    }
    text
}
