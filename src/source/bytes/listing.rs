//! Listing the files below a folder of this machine.

use std::sync::Arc;

use super::base::Base;
use super::reopened::Reopened;
use crate::error::{Error, Result};
use crate::source::Listed;

/// The largest depth of nested folders, which bounds links that lead in circles.
const DEPTH_MAX: usize = 64;
/// The largest number of files.
const FILES_MAX: usize = 1 << 26;

/// Returns all files below a folder of a base, in no order; links are followed.
pub(super) fn list(base: Base, folder: &str) -> Result<Vec<Listed>> {
    let mut walk = Walk { base: Arc::new(base), folder, found: Vec::new() };
    walk.enter("", 0)?;
    Ok(walk.found)
}

struct Walk<'a> {
    base: Arc<Base>,
    folder: &'a str,
    found: Vec<Listed>,
}

impl Walk<'_> {
    /// Lists the content of a folder, given by its path from the first folder.
    fn enter(&mut self, inside: &str, depth: usize) -> Result<()> {
        let folder = joined(self.folder, inside);
        let shown = self.base.shown(&folder);
        let failed = |error| Error::io(format!("listing {shown}"), error);
        let wrong = |why| Err(Error::Format { name: shown.clone(), offset: None, why });
        if depth > DEPTH_MAX {
            return wrong(format!(
                "lies more than {DEPTH_MAX} folders deep; does a link lead in a circle?"
            ));
        }
        for entry in self.base.entries(&folder).map_err(failed)? {
            let (name, mut about) = entry.map_err(failed)?;
            let Some(name) = name.to_str() else {
                return wrong(format!("has a file whose name {name:?} is not UTF-8; rename it"));
            };
            let path = joined(&folder, name);
            if about.is_symlink() {
                let failed =
                    |error| Error::io(format!("listing {}", self.base.shown(&path)), error);
                about = self.base.about(&path).map_err(failed)?;
            }
            let name = joined(inside, name);
            if about.is_dir() {
                self.enter(&name, depth + 1)?;
            } else if about.is_file() {
                if self.found.len() == FILES_MAX {
                    return wrong(format!("has more than {FILES_MAX} files; list smaller folders"));
                }
                let base = self.base.clone();
                let shown = base.shown(&path);
                let bytes = Reopened::new(shown, about.len(), move || base.open(&path));
                self.found.push(Listed { name, bytes: Arc::new(bytes) });
            }
        }
        Ok(())
    }
}

/// Joins a folder and a name; the empty folder is the folder where names start.
fn joined(folder: &str, name: &str) -> String {
    match (folder, name) {
        ("", name) => name.to_owned(),
        (folder, "") => folder.to_owned(),
        (folder, name) => format!("{folder}/{name}"),
    }
}
