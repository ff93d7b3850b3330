//! The base of a folder's names: where relative names start, and the folder that they may not
//! leave.
//!
//! `cap-std` resolves a confined name part by part, each time the file is opened. So a link that
//! appears on the path in between does not lead out of the folder either.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata};

use super::file::LocalFile;
use super::{unblocked, unblocked_below};
use crate::error::{Error, Result};

/// The folder in which relative names start, and the folder that no name may leave.
#[derive(Debug)]
pub(super) struct Base {
    start: PathBuf,
    fence: Option<Fence>,
}

/// The entries of a folder: names, and the metadata of each entry without following links.
pub(super) type Entries = Box<dyn Iterator<Item = io::Result<(OsString, Metadata)>>>;

impl Base {
    /// Creates a base, and opens the folder that confines the names, if any.
    pub(super) fn new(start: &Path, root: Option<&Path>) -> Result<Self> {
        let fence = match root {
            Some(root) => Some(Fence::new(root, start)?),
            None => None,
        };
        Ok(Self { start: start.to_owned(), fence })
    }

    /// Returns the path of a name, for errors.
    pub(super) fn shown(&self, name: &str) -> String {
        self.start.join(name).display().to_string()
    }

    pub(super) fn open(&self, name: &str) -> Result<LocalFile> {
        LocalFile::regular(self.shown(name), self.about(name), || {
            let options = unblocked_below();
            self.at(
                name,
                |path| unblocked().open(path),
                |dir, path| dir.open_with(path, &options).map(cap_std::fs::File::into_std),
            )
        })
    }

    /// Returns the metadata of a name; links are followed.
    pub(super) fn about(&self, name: &str) -> io::Result<Metadata> {
        self.at(
            name,
            |path| fs::metadata(path).map(Metadata::from_just_metadata),
            |dir, path| dir.metadata(path),
        )
    }

    pub(super) fn entries(&self, name: &str) -> io::Result<Entries> {
        self.at(
            name,
            |path| {
                Ok(Box::new(fs::read_dir(path)?.map(|entry| {
                    let entry = entry?;
                    Ok((entry.file_name(), Metadata::from_just_metadata(entry.metadata()?)))
                })) as Entries)
            },
            |dir, path| {
                Ok(Box::new(dir.read_dir(path)?.map(|entry| {
                    let entry = entry?;
                    Ok((entry.file_name(), entry.metadata()?))
                })) as Entries)
            },
        )
    }

    /// Applies `anywhere` to the path of a name in the whole file system, or `below` to the path
    /// below the fence.
    fn at<T>(
        &self,
        name: &str,
        anywhere: impl FnOnce(&Path) -> io::Result<T>,
        below: impl Fn(&Dir, &Path) -> io::Result<T>,
    ) -> io::Result<T> {
        let path = here(self.start.join(name));
        let Some(fence) = &self.fence else { return anywhere(&path) };
        let ways: [&dyn Fn() -> Option<PathBuf>; 2] =
            [&|| fence.straight(name), &|| fence.roundabout(&path)];
        for below_fence in ways.iter().filter_map(|way| way()) {
            match below(&fence.dir, &below_fence) {
                Err(error) if is_outside(&error) => {}
                done => return done,
            }
        }
        Err(fence.outside())
    }
}

/// A folder that no name may leave.
#[derive(Debug)]
struct Fence {
    path: PathBuf,
    /// The path of the folder without links.
    real: PathBuf,
    dir: Dir,
    /// The path from the fence to the folder where relative names start; `None` if that lies
    /// outside.
    start: Option<PathBuf>,
}

impl Fence {
    fn new(root: &Path, start: &Path) -> Result<Self> {
        let (path, start) = (here(root.to_owned()), here(start.to_owned()));
        let failed = |path: &Path| {
            let what = format!("opening the folder {}", path.display());
            |error| Error::io(what, error)
        };
        let dir = Dir::open_ambient_dir(&path, ambient_authority()).map_err(failed(&path))?;
        let real = fs::canonicalize(&path).map_err(failed(&path))?;
        let start = fs::canonicalize(&start).map_err(failed(&start))?;
        let start = start.strip_prefix(&real).ok().map(Path::to_owned);
        Ok(Self { path, real, dir, start })
    }

    /// Returns the path from the fence to a name, as the name is written.
    fn straight(&self, name: &str) -> Option<PathBuf> {
        let name = Path::new(name);
        let path = if name.has_root() {
            let shown = std::path::absolute(&self.path).ok();
            let mut roots = shown.iter().chain([&self.real]);
            roots.find_map(|root| name.strip_prefix(root).ok())?.to_owned()
        } else {
            self.start.as_ref()?.join(name)
        };
        Some(here(path))
    }

    /// Returns the path from the fence to the target of a path over links: an absolute link leads
    /// out, and may lead in again. The target is still opened below the fence.
    fn roundabout(&self, path: &Path) -> Option<PathBuf> {
        let real = fs::canonicalize(path).ok()?;
        Some(here(real.strip_prefix(&self.real).ok()?.to_owned()))
    }

    fn outside(&self) -> io::Error {
        let root = self.path.display();
        let why = format!(
            "it lies outside of the folder {root}; move it there, or set a root above both"
        );
        io::Error::new(ErrorKind::PermissionDenied, why)
    }
}

/// Returns true if `cap-std` refused a path that leads out; errors of the system have a number.
fn is_outside(error: &io::Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// Returns the path, or `.` for an empty path.
fn here(path: PathBuf) -> PathBuf {
    if path.as_os_str().is_empty() { ".".into() } else { path }
}
