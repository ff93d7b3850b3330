//! What lies below a folder of this machine.

use std::fs::read_dir;
use std::path::Path;
use std::sync::Arc;

use super::reopened::Reopened;
use crate::error::{Error, Result};
use crate::source::Listed;

/// How deep folders may lie in each other: links may lead in circles.
const DEPTH_MAX: usize = 64;
/// The most files.
const FILES_MAX: usize = 1 << 26;

/// All files below a folder, in no order; links are followed.
pub(super) fn list(folder: &Path) -> Result<Vec<Listed>> {
    let mut found = Vec::new();
    // The folder without a name is where this process is.
    let here = folder.as_os_str().is_empty();
    walk(if here { Path::new(".") } else { folder }, "", 0, &mut found)?;
    Ok(found)
}

fn walk(root: &Path, inside: &str, depth: usize, found: &mut Vec<Listed>) -> Result<()> {
    let folder = if inside.is_empty() { root.to_owned() } else { root.join(inside) };
    let failed = |error| Error::io(format!("listing {}", folder.display()), error);
    let wrong = |why| Err(Error::Format { name: folder.display().to_string(), offset: None, why });
    if depth > DEPTH_MAX {
        return wrong(format!(
            "lies more than {DEPTH_MAX} folders deep; does a link lead in a circle?"
        ));
    }
    for entry in read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return wrong(format!("has a file whose name {name:?} is not UTF-8; rename it"));
        };
        let name = if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") };
        let path = entry.path();
        let about = std::fs::metadata(&path)
            .map_err(|error| Error::io(format!("listing {}", path.display()), error))?;
        if about.is_dir() {
            walk(root, &name, depth + 1, found)?;
        } else if about.is_file() {
            if found.len() == FILES_MAX {
                return wrong(format!("has more than {FILES_MAX} files"));
            }
            found.push(Listed { name, bytes: Arc::new(Reopened::new(path, about.len())) });
        }
    }
    Ok(())
}
