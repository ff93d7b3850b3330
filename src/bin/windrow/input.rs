//! The input of the command: a document, the folder of its files, and short texts.

use std::io::Read;
use std::path::{Path, PathBuf};

use windrow::source::{ByteSource, Folder, LocalFile};
use windrow::spec::Spec;
use windrow::{Error, Result};

/// The paths that mean standard input.
const STANDARD_INPUT: [&str; 2] = ["-", "/dev/stdin"];

/// A pipeline document.
#[derive(clap::Args)]
pub(crate) struct Document {
    /// The pipeline document, or - for standard input. The document's files lie in its folder, and
    /// relative names start there
    spec: PathBuf,
    /// Allows the document's files anywhere below this folder
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
}

impl Document {
    pub(crate) fn read(&self) -> Result<Spec> {
        let text = if self.is_standard_input() {
            let mut bytes = Vec::new();
            let mut bounded = std::io::stdin().lock().take(Spec::BYTES_MAX + 1);
            let read = bounded.read_to_end(&mut bytes);
            read.map_err(|error| Error::io("reading standard input", error))?;
            utf8("standard input", bytes)?
        } else {
            text(&self.spec, Spec::BYTES_MAX)?
        };
        Spec::from_json(&text).map_err(|error| match error {
            Error::Spec { path: inside, why } => {
                Error::Spec { path: format!("{} at {inside}", self.spec.display()), why }
            }
            other => other,
        })
    }

    /// Returns the folder of the document's files.
    pub(crate) fn folder(&self) -> Folder {
        let parent = self.spec.parent().filter(|_| !self.is_standard_input());
        let folder = Folder::new(parent.unwrap_or(Path::new("")));
        match &self.root {
            Some(root) => folder.within(root),
            None => folder,
        }
    }

    fn is_standard_input(&self) -> bool {
        STANDARD_INPUT.iter().any(|name| self.spec == Path::new(name))
    }
}

/// Returns the text of a regular file of at most `bytes_max` bytes.
pub(crate) fn text(path: &Path, bytes_max: u64) -> Result<String> {
    let file = LocalFile::open(path)?;
    if file.len() > bytes_max {
        let why = format!("has {} bytes; give a file of at most {bytes_max}", file.len());
        return Err(Error::Format { name: file.name().into(), offset: None, why });
    }
    let mut bytes = vec![0; file.len() as usize];
    file.read_at(0, &mut bytes)?;
    utf8(file.name(), bytes)
}

fn utf8(name: &str, bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|error| Error::Format {
        name: name.into(),
        offset: Some(error.utf8_error().valid_up_to() as u64),
        why: "is not valid UTF-8 from this byte on".into(),
    })
}
