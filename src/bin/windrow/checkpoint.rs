//! `windrow state`, and checkpoints on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use windrow::{Error, Result, State};

use crate::output::print;
use crate::{DONE, input};

/// The largest number of symbolic links on the way to a checkpoint.
const LINKS_MAX: usize = 40;
/// The number of attempts to replace a checkpoint, and the pause between them.
const REPLACE_TRIES: u32 = 200;
const REPLACE_PAUSE: Duration = Duration::from_millis(5);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The checkpoint
    file: PathBuf,
}

pub(crate) fn explain(arguments: &Arguments) -> Result<u8> {
    let state = read(&arguments.file)?;
    let skips = state.skips();
    let mut lines = vec![
        format!("{} batches were received.", state.batches()),
        format!(
            "The stream continues at position {}, in epoch {} (counted from 0).",
            state.position(),
            state.epoch()
        ),
    ];
    lines.push(match skips.count() {
        0 => "No sample was skipped.".into(),
        count => format!("{count} samples were skipped, the first at {:?}.", skips.first()),
    });
    lines.push(match state.digest() {
        Some(digest) => format!("The digest of the batches so far is {}.", hex(&digest)),
        None => "The state has no digest.".into(),
    });
    lines.push(format!("The pipeline has the fingerprint {}:", state.fingerprint()));
    lines.extend(state.pipeline().split('|').map(|op| format!("  {op}")));
    lines.push("Any backend with any number of workers can resume from this state.".into());
    print(&lines.join("\n"))?;
    Ok(DONE)
}

/// A checkpoint of this run: the file at the end of a path.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoint {
    path: PathBuf,
    /// The path with symbolic links followed in its last part, because replacing a file would
    /// replace a link.
    target: PathBuf,
}

impl Checkpoint {
    /// Follows symbolic links to a file that may not exist yet.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let target =
            followed(path).map_err(|error| Error::io(format!("read {}", path.display()), error))?;
        Ok(Self { path: path.to_owned(), target })
    }

    /// Reads the checkpoint, or returns `None` if the file does not exist.
    pub(crate) fn load(&self) -> Result<Option<State>> {
        match read(&self.path) {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Writes the checkpoint. At every moment the file is whole: either the old or the new one.
    ///
    /// The new file has the permissions of the old one. A file without write permission is not
    /// replaced.
    pub(crate) fn save(&self, state: &State) -> Result<()> {
        let saved = replace(&self.target, state.to_json().as_bytes());
        saved.map_err(|error| Error::io(format!("write {}", self.path.display()), error))
    }
}

fn read(path: &Path) -> Result<State> {
    let json = input::text(path, State::BYTES_MAX)?;
    State::from_json(&json).map_err(|error| match error {
        Error::State { why } => {
            Error::Format { name: path.display().to_string(), offset: None, why }
        }
        other => other,
    })
}

/// Returns the path with symbolic links followed in its last part.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        match fs::symlink_metadata(&path) {
            Ok(about) if about.is_symlink() => {
                let to = fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(to);
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => return Ok(path),
        }
    }
    let why = format!("the path has more than {LINKS_MAX} symbolic links");
    Err(io::Error::new(ErrorKind::InvalidInput, why))
}

/// Replaces or creates a regular file.
fn replace(path: &Path, line: &[u8]) -> io::Result<()> {
    let permissions = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
        Ok(about) if !about.is_file() => {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file"));
        }
        Ok(about) if about.permissions().readonly() => {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "it is read-only"));
        }
        Ok(about) => {
            // Check the file's own permissions: a folder allows replacing a file that only its
            // owner may write.
            OpenOptions::new().write(true).open(path)?;
            Some(about.permissions())
        }
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let new = |path: &Path| OpenOptions::new().write(true).create_new(true).open(path);
    let mut file = tempfile::Builder::new().prefix(".windrow-").make_in(folder, new)?;
    file.write_all(&[line, b"\n"].concat())?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    // Windows does not replace a file that another process is reading.
    for _ in 0..REPLACE_TRIES {
        match file.persist(path) {
            Err(refused) if refused.error.kind() == ErrorKind::PermissionDenied => {
                file = refused.file;
                std::thread::sleep(REPLACE_PAUSE);
            }
            done => {
                done?;
                return keep_names(folder);
            }
        }
    }
    file.persist(path)?;
    keep_names(folder)
}

/// Waits until the disk has the names of a folder, on systems where folders can be opened.
fn keep_names(folder: &Path) -> io::Result<()> {
    match File::open(folder).map(|folder| folder.sync_all()) {
        // Some file systems do not support this.
        Ok(Err(error)) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        Ok(kept) => kept,
        Err(_) => Ok(()),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
