//! JSON Lines: a line for each sample.

use std::fmt;
use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::atomic::{AtomicFile, create_folder, publish};
use super::names::stem;
use super::shard::{FileWriter, Shard, Shards, Written};
use super::{Partition, Sink};
use crate::error::{Fault, Result};
use crate::order::Op;

/// The longest line, in bytes: what the source `jsonl` reads.
const LINE_BYTES_MAX: usize = 16 << 20;

/// A sink that writes samples of any serde type as lines of JSON to files of a folder.
///
/// Every block of consecutive indices is a file, `shard-00012.jsonl`. Files and names are as with
/// [`RecordSink`](super::RecordSink), which writes the numbers of a record as numbers. This sink writes
/// each value as `serde_json` does, with `null` for NaN and infinity. A line has at most 16 MiB.
///
/// ```
/// use windrow::sink::{JsonLines, Sink, Writer};
/// let folder = tempfile::tempdir()?;
/// let sink = JsonLines::open(folder.path(), 1000.try_into()?)?;
/// let mut writer = sink.begin(&[0, 1], 2)?;
/// writer.write(0, ("oat", 2))?;
/// writer.write(1, ("rye", 3))?;
/// writer.finish()?;
/// let text = std::fs::read_to_string(folder.path().join("shard-00000.jsonl"))?;
/// assert_eq!(text, "[\"oat\",2]\n[\"rye\",3]\n");
/// # Ok::<(), windrow::BoxError>(())
/// ```
#[derive(Debug, Clone)]
pub struct JsonLines {
    folder: PathBuf,
    /// The path of the folder without links.
    real: PathBuf,
    per_file: NonZeroU64,
}

impl JsonLines {
    /// Opens the sink, and creates the folder if it is missing. `samples_per_file` consecutive indices
    /// share a file.
    ///
    /// # Errors
    /// Returns [`Error::Io`](crate::Error::Io) if the folder cannot be created.
    pub fn open(folder: impl Into<PathBuf>, samples_per_file: NonZeroU64) -> Result<Self> {
        let folder = folder.into();
        Ok(Self { real: create_folder(&folder)?, folder, per_file: samples_per_file })
    }
}

impl<S: Serialize + 'static> Sink<S> for JsonLines {
    type Output = Written;
    type Writer<'a> = FileWriter<'a, S>;

    fn describe(&self) -> String {
        let op = Op::new("lines").with("folder", self.real.display());
        op.with("samples_per_file", self.per_file).to_string()
    }

    fn partition(&self, _: u64) -> Partition {
        Shards::<S>::partition(self)
    }

    fn begin(&self, group: &[u64], len: u64) -> Result<FileWriter<'_, S>> {
        Ok(FileWriter::new(self, group, len))
    }
}

impl<S: Serialize + 'static> Shards<S> for JsonLines {
    fn op(&self) -> String {
        "sink lines".into()
    }

    fn per_file(&self) -> NonZeroU64 {
        self.per_file
    }

    fn shard(&self, block: u64, len: u64) -> Result<Box<dyn Shard<S> + '_>, Fault> {
        let stem = stem(block, self.per_file, len);
        Ok(Box::new(LinesShard::create(&self.folder, &stem, |sample: &S| line(sample))?))
    }

    fn names(&self, block: u64, len: u64) -> Result<Vec<String>, Fault> {
        Ok(vec![format!("{}.jsonl", stem(block, self.per_file, len))])
    }

    fn folder(&self) -> &Path {
        &self.folder
    }
}

/// A file with a line for each sample, which a function makes.
pub(super) struct LinesShard<'a, F> {
    folder: &'a Path,
    name: String,
    file: AtomicFile,
    line: F,
}

impl<'a, F> LinesShard<'a, F> {
    pub(super) fn create(folder: &'a Path, stem: &str, line: F) -> Result<Self, Fault> {
        let name = format!("{stem}.jsonl");
        Ok(Self { folder, line, file: AtomicFile::create(folder, &name)?, name })
    }
}

impl<F> fmt::Debug for LinesShard<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinesShard").field("file", &self.file).finish_non_exhaustive()
    }
}

impl<S, F: Fn(&S) -> Result<Vec<u8>, Fault> + Send> Shard<S> for LinesShard<'_, F> {
    fn add(&mut self, _: u64, sample: &S) -> Result<(), Fault> {
        self.file.write(&(self.line)(sample)?)
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn finish(self: Box<Self>) -> Result<(), Fault> {
        publish(self.folder, vec![self.file])
    }
}

/// Returns a value as a line of JSON, with the line break.
pub(super) fn line(value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    let mut line = Line(Vec::new());
    match serde_json::to_writer(&mut line, value) {
        Ok(()) => {}
        Err(_) if line.0.len() > LINE_BYTES_MAX => {
            return Err(Fault::new(format!(
                "the sample takes more than {LINE_BYTES_MAX} bytes of JSON; make it smaller, or write another format"
            )));
        }
        Err(why) => return Err(Fault::new(why.to_string())),
    }
    line.0.push(b'\n');
    Ok(line.0)
}

/// A line that ends the writing of a value which is too long.
struct Line(Vec<u8>);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        match self.0.len() > LINE_BYTES_MAX {
            true => Err(io::ErrorKind::FileTooLarge.into()),
            false => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "the tests look at the files")]
mod tests {
    use super::*;
    use crate::sink::Writer;

    #[test]
    fn values_are_lines_of_the_files_of_their_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let sink = JsonLines::open(folder.path(), NonZeroU64::new(2).unwrap()).unwrap();
        let own = NonZeroU64::new(2).unwrap();
        assert_eq!(Sink::<f32>::partition(&sink, 3), Partition::Blocks(own));
        for group in [&[0, 1][..], &[2]] {
            let mut writer = sink.begin(group, 3).unwrap();
            for &index in group {
                let x = if index == 1 { f32::NAN } else { 0.5 };
                let written = writer.write(index, x).unwrap();
                let file = format!("shard-0000{}.jsonl", index / 2);
                assert_eq!(written, Written { file, row: index % 2 });
            }
            writer.finish().unwrap();
        }
        let text = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(text("shard-00000.jsonl") + &text("shard-00001.jsonl"), "0.5\nnull\n0.5\n");
    }

    #[test]
    fn a_value_that_is_too_long_or_cannot_be_json_leaves_no_line() {
        let folder = tempfile::tempdir().unwrap();
        let sink = JsonLines::open(folder.path(), NonZeroU64::MIN).unwrap();
        let mut writer = sink.begin(&[7], 8).unwrap();
        let long = "x".repeat(LINE_BYTES_MAX);
        let message = writer.write(7, long).unwrap_err().to_string();
        assert!(message.starts_with("sink lines of index 7: the sample takes more"), "{message}");
        writer.finish().unwrap();
        let mut writer = sink.begin(&[7], 8).unwrap();
        let wrong = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(writer.write(7, wrong).unwrap_err().to_string().contains("key must be a string"));
        writer.finish().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
