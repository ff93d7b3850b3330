//! `windrow state`, and checkpoints on disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use windrow::{Error, Result, State};

use crate::output::print;
use crate::{DONE, input};

/// The most links that lead to one checkpoint.
const LINKS_MAX: usize = 40;
/// How often a checkpoint is tried to be replaced that may not be for now, and the pause in between.
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
        format!("{} batches had been received.", state.batches()),
        format!(
            "The stream goes on at position {}, in epoch {} (counted from 0).",
            state.position(),
            state.epoch()
        ),
    ];
    lines.push(match skips.count() {
        0 => "No sample had been skipped.".into(),
        count => format!("{count} samples had been skipped, the first at {:?}.", skips.first()),
    });
    lines.push(match state.digest() {
        Some(digest) => format!("The digest of the batches so far is {}.", hex(&digest)),
        None => "No digest was kept.".into(),
    });
    lines.push(format!("It belongs to the pipeline with fingerprint {}:", state.fingerprint()));
    lines.extend(state.pipeline().split('|').map(|op| format!("  {op}")));
    lines.push("Any backend with any number of workers can go on from here.".into());
    print(&lines.join("\n"))?;
    Ok(DONE)
}

/// A checkpoint of this run: the file that a path leads to.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoint {
    path: PathBuf,
    /// The same without a link in the last place, since replacing a file would replace the link.
    target: PathBuf,
}

impl Checkpoint {
    /// Follows links, to a file that there may not be yet.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let target =
            followed(path).map_err(|error| Error::io(format!("read {}", path.display()), error))?;
        Ok(Self { path: path.to_owned(), target })
    }

    /// Reads it; `None` when there is no such file.
    pub(crate) fn load(&self) -> Result<Option<State>> {
        match read(&self.path) {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Writes it so that at every moment the file is a whole one, the old or the new.
    ///
    /// The new file has the permissions of the old one. A file that may not be written to is not
    /// replaced either.
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

/// The path without a link in its last place.
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
    let why = format!("more than {LINKS_MAX} links lead on from there");
    Err(io::Error::new(ErrorKind::InvalidInput, why))
}

/// Replaces a regular file, or makes it.
fn replace(path: &Path, line: &[u8]) -> io::Result<()> {
    let permissions = match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
        Ok(about) if !about.is_file() => {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
        }
        Ok(about) if about.permissions().readonly() => {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "it is read-only"));
        }
        Ok(about) => {
            // A folder lets a file be replaced that its owner alone may write to.
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
    // Windows replaces no file that someone is just reading.
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

/// Waits until the disk has the names of a folder, where folders can be opened.
fn keep_names(folder: &Path) -> io::Result<()> {
    match File::open(folder).map(|folder| folder.sync_all()) {
        // Not every file system can.
        Ok(Err(error)) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        Ok(kept) => kept,
        Err(_) => Ok(()),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
