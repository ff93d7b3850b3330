//! Where the names of a folder start, and what they may not lead out of.
//!
//! A confined name is resolved by `cap-std`, part by part, whenever it is opened, so a link that is
//! put in its way meanwhile leads nowhere else either.

use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata};

use super::file::LocalFile;
use super::{unblocked, unblocked_below};
use crate::error::{Error, Result};

/// The folder in which names start, and the one that they may not lead out of.
#[derive(Debug)]
pub(super) struct Base {
    start: PathBuf,
    fence: Option<Fence>,
}

/// What a folder has: names, and what they stand for; links are not followed.
pub(super) type Entries = Box<dyn Iterator<Item = io::Result<(OsString, Metadata)>>>;

impl Base {
    /// Opens the folder that names are confined to, if any.
    pub(super) fn new(start: &Path, root: Option<&Path>) -> Result<Self> {
        let fence = match root {
            Some(root) => Some(Fence::new(root, start)?),
            None => None,
        };
        Ok(Self { start: start.to_owned(), fence })
    }

    /// What errors call the file or folder of a name.
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

    /// What a name stands for; links are followed.
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

    /// Does something at the path of a name: in the whole file system, or below the fence.
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

/// A folder that names may not lead out of.
#[derive(Debug)]
struct Fence {
    path: PathBuf,
    /// Its path without links.
    real: PathBuf,
    dir: Dir,
    /// Where relative names start, from the fence; nowhere if that is outside.
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

    /// The path of a name from the fence, as it is written.
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

    /// The path from the fence of what a path leads to over links: an absolute one leads out, and
    /// maybe in again. It is opened below the fence all the same.
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

/// Whether `cap-std` refused a path that leads out; what the system refuses has a number.
fn is_outside(error: &io::Error) -> bool {
    error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// The path, where the folder without a name is the current one.
fn here(path: PathBuf) -> PathBuf {
    if path.as_os_str().is_empty() { ".".into() } else { path }
}
