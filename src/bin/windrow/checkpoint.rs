//! `windrow state`, and checkpoints on disk.

use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use windrow::{Error, Result, State};

use crate::{DONE, print};

/// The longest file that is read as a checkpoint, in bytes.
const BYTES_MAX: u64 = 64 << 10;
/// How often a checkpoint is tried to be replaced that may not be for now, and the pause in between.
const REPLACE_TRIES: u32 = 200;
const REPLACE_PAUSE: Duration = Duration::from_millis(5);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The checkpoint
    file: PathBuf,
}

pub(crate) fn explain(arguments: &Arguments) -> Result<u8> {
    let state = load(&arguments.file)?.ok_or_else(|| {
        Error::io(
            format!("read {}", arguments.file.display()),
            std::io::Error::from(ErrorKind::NotFound),
        )
    })?;
    let skips = state.skips();
    let mut lines = vec![
        format!("{} batches had been received.", state.batches()),
        format!("The stream goes on at position {}.", state.position()),
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

/// Reads a checkpoint; `None` when there is no such file.
pub(crate) fn load(path: &Path) -> Result<Option<State>> {
    let failed = |error| Error::io(format!("read {}", path.display()), error);
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut json = String::new();
    let limited = file.take(BYTES_MAX + 1).read_to_string(&mut json);
    limited.map_err(failed)?;
    let state = State::from_json(&json);
    state.map(Some).map_err(|error| match error {
        Error::State { why } => {
            Error::Format { name: path.display().to_string(), offset: None, why }
        }
        other => other,
    })
}

/// Writes a checkpoint so that at every moment the file is a whole one, the old or the new.
pub(crate) fn save(path: &Path, state: &State) -> Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        writeln!(file, "{}", state.to_json())?;
        file.as_file().sync_all()?;
        // Windows replaces no file that someone is just reading.
        for _ in 0..REPLACE_TRIES {
            match file.persist(path) {
                Err(refused) if refused.error.kind() == ErrorKind::PermissionDenied => {
                    file = refused.file;
                    std::thread::sleep(REPLACE_PAUSE);
                }
                other => return Ok(other.map(|_| ())?),
            }
        }
        file.persist(path)?;
        Ok(())
    };
    write().map_err(|error| Error::io(format!("write {}", path.display()), error))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
