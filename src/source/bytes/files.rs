//! Opening files by the names in a pipeline document.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::local::{FolderPath, folder_path, list_in, open_in};
use super::{ByteSource, InMemory, Listed};
use crate::error::{Error, Result};

/// The most names that an error lists.
const LISTED: usize = 20;

/// A set of files that a pipeline document opens by their names.
pub trait Files: Send + Sync {
    /// Opens the file of this name.
    ///
    /// # Errors
    /// Returns an error if the file does not exist or cannot be read.
    fn open(&self, name: &str) -> Result<Arc<dyn ByteSource>>;

    /// Returns all files below a folder, in no particular order.
    ///
    /// # Errors
    /// Returns an error if the folder does not exist. The default implementation always returns
    /// [`Error::Unsupported`].
    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        Err(Error::Unsupported {
            what: format!("listing the folder {folder}"),
            why: "these files can only be opened by their names".into(),
            instead: "implement `Files::list`".into(),
        })
    }
}

/// The files of a folder of this machine, which confines the names by default.
///
/// Relative names start in the folder. A name that leads out of the folder cannot be
/// opened or listed, whether by `..`, by an absolute path or by a symbolic link. So a pipeline document
/// from another person reads nothing but its own files. [`within`](Self::within) lets names lead
/// further, up to a root; [`unconfined`](Self::unconfined) lets names lead anywhere.
///
/// ```
/// use windrow::source::{Files, Folder};
/// let error = Folder::new("no/such/folder").open("a.npy").unwrap_err();
/// assert!(error.to_string().contains("no/such/folder"), "{error}");
///
/// let error = Folder::new("src").open("../Cargo.toml").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "opening src/../Cargo.toml: it lies outside of the folder src; move it there, or set a root above both"
/// );
/// assert!(Folder::new("src").within(".").open("../Cargo.toml")?.len() > 0);
/// assert!(Folder::unconfined("src").open("../Cargo.toml")?.len() > 0);
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    start: FolderPath,
    confined: Confined,
}

/// The folder that no name may leave.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Confined {
    #[default]
    Start,
    Root(FolderPath),
    Nowhere,
}

impl Folder {
    /// Creates the set of the files below the folder at this path; the empty path is the current
    /// folder.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { start: folder_path(path.into()), confined: Confined::Start }
    }

    /// Adds all files below a root, also by absolute names. Relative names still start in the
    /// folder.
    #[must_use]
    pub fn within(self, root: impl Into<PathBuf>) -> Self {
        Self { confined: Confined::Root(folder_path(root.into())), ..self }
    }

    /// Creates a set in which relative names start in the folder at this path, and names may lead
    /// anywhere. So the author of a document can read every file that this process can read.
    #[must_use]
    pub fn unconfined(path: impl Into<PathBuf>) -> Self {
        Self { start: folder_path(path.into()), confined: Confined::Nowhere }
    }

    fn root(&self) -> Option<&Path> {
        match &self.confined {
            Confined::Start => Some(self.start.as_ref()),
            Confined::Root(root) => Some(root.as_ref()),
            Confined::Nowhere => None,
        }
    }
}

impl<P: Into<PathBuf>> From<P> for Folder {
    /// Calls [`Folder::new`].
    fn from(path: P) -> Self {
        Self::new(path)
    }
}

impl Files for Folder {
    fn open(&self, name: &str) -> Result<Arc<dyn ByteSource>> {
        open_in(self.start.as_ref(), self.root(), name)
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        list_in(self.start.as_ref(), self.root(), folder)
    }
}

/// Files in memory, by name. All their bytes go into the fingerprint.
///
/// ```
/// use windrow::source::{ByteSource, Files, MemoryFiles};
/// let files = MemoryFiles::default().with("a.txt", *b"abc").with("b.txt", *b"defg");
/// assert_eq!(files.open("b.txt")?.len(), 4);
///
/// let error = files.open("c.txt").unwrap_err();
/// let says = "opening c.txt: no such file in memory; the files are a.txt, b.txt";
/// assert_eq!(error.to_string(), says);
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(BTreeMap<String, InMemory>);

impl MemoryFiles {
    /// Adds a file, or replaces the file of that name.
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
            names if names.is_empty() => "no file is in memory; add it with `with`".into(),
            names => format!("no such file in memory; the files are {names}"),
        };
        let error = std::io::Error::new(std::io::ErrorKind::NotFound, why);
        Err(Error::io(format!("opening {name}"), error))
    }

    fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let below = self.0.iter().filter_map(|(name, file)| {
            let name = inside(folder, name)?.to_owned();
            Some(Listed { name, bytes: Arc::new(file.clone()) })
        });
        Ok(below.collect())
    }
}

/// Returns the rest of a name that begins with a folder; every name is in the folder with the empty
/// name.
pub(crate) fn inside<'a>(folder: &str, name: &'a str) -> Option<&'a str> {
    match folder.trim_end_matches('/') {
        "" => Some(name),
        folder => name.strip_prefix(folder)?.strip_prefix('/'),
    }
}

/// Returns a list of names for an error, cut after [`LISTED`] names.
pub(crate) fn list<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = names.len();
    let mut text = names.take(LISTED).collect::<Vec<_>>().join(", ");
    if count > LISTED {
        text.push_str(&format!(" and {} more", count - LISTED));
    }
    text
}
