//! The record of a run: an append-only file of the outcomes of groups.
//!
//! A run appends a frame for each group, after the effects of the group are durable. A program that
//! is killed loses no frame that it has appended. The run asks the system to write frames to the
//! disk at least once a second, and at the end. If the machine itself stops, the frames of the last
//! second may be gone. The next run then writes those groups again. A frame that was cut off is
//! removed at the next start.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the record is a file of the run"
)]

mod frame;

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::backend::lock::{lock, unlock};
use crate::backend::{clock, log};
use crate::error::{Error, Result};
use crate::sink::sync_folder;
use frame::{Frames, MAGIC, encode};
pub(super) use frame::{Group, Header, Stored};

/// The nanoseconds after which appended frames go to the disk.
const SYNC_NANOS: u64 = 1_000_000_000;

/// A record that is open for appending.
#[derive(Debug)]
pub(super) struct Record {
    file: File,
    path: PathBuf,
    /// Whether there are frames that the disk may not have.
    is_dirty: bool,
    /// The time of the first frame that the disk may not have.
    since: Option<u64>,
}

impl Record {
    /// Opens a record, or creates an empty one, and calls `take` with each recorded group in order.
    ///
    /// # Errors
    /// Returns [`Error::Format`] if the file is no record or the record of another run, the error of
    /// `take`, or the error of the operating system.
    pub(super) fn open(
        path: &Path,
        header: &Header,
        mut take: impl FnMut(Group) -> Result<()>,
    ) -> Result<Self> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(|error| failed("open", path, error))?;
        let format = |offset, why| {
            let name = path.display().to_string();
            Err(Error::Format { name, offset, why })
        };
        if !lock(&file) {
            return format(None, "another run is using this record; wait for its end".into());
        }
        // From here on, every end unlocks the file.
        let mut this = Self { file, path: path.into(), is_dirty: false, since: None };
        begin(&mut this.file, path, header).map_err(|error| failed("create", path, error))?;
        let unread = |error| failed("read", path, error);
        let len = this.file.metadata().map_err(unread)?.len();
        let foreign = "this file is not a record of a run; name another file, or remove this one";
        let source = BufReader::with_capacity(1 << 16, &this.file);
        let Some(mut frames) = Frames::new(source, len).map_err(unread)? else {
            return format(None, foreign.into());
        };
        let Some(found) = frames.next::<Header>().map_err(unread)? else {
            return format(None, foreign.into());
        };
        if let Some(why) = difference(&found, header) {
            return format(None, why);
        }
        while let Some(group) = frames.next::<Group>().map_err(unread)? {
            take(group)?;
        }
        let good = frames.good;
        if good < len {
            log::warn("run", || {
                let (path, rest) = (path.display(), len - good);
                format!("{path}: removed {rest} bytes of a frame that was cut off at byte {good}")
            });
            this.file.set_len(good).map_err(|error| failed("shorten", path, error))?;
            this.is_dirty = true;
        }
        this.file.seek(SeekFrom::Start(good)).map_err(unread)?;
        Ok(this)
    }

    /// Appends the outcomes of a group, whose effects must be durable.
    pub(super) fn append(&mut self, group: &Group) -> Result<()> {
        let frame = encode(group).ok_or_else(|| {
            let first = group.first().map_or(0, |(index, ..)| *index);
            Error::other(format!("the outcomes from index {first} on cannot be encoded"))
        })?;
        self.file.write_all(&frame).map_err(|error| failed("append to", &self.path, error))?;
        if !std::mem::replace(&mut self.is_dirty, true) {
            self.since = clock::now();
        }
        self.tick()
    }

    /// Lets the disk have frames that were appended a second ago.
    pub(super) fn tick(&mut self) -> Result<()> {
        if !self.is_dirty {
            return Ok(());
        }
        let age = clock::now().zip(self.since).map_or(0, |(now, since)| now.saturating_sub(since));
        if age >= SYNC_NANOS { self.sync() } else { Ok(()) }
    }

    /// Waits until the disk has all appended frames.
    pub(super) fn sync(&mut self) -> Result<()> {
        if std::mem::take(&mut self.is_dirty) {
            self.file.sync_data().map_err(|error| failed("write", &self.path, error))?;
        }
        Ok(())
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        unlock(&self.file);
    }
}

/// Writes the start of a record to a locked file that is empty, or whose start was cut off.
fn begin(file: &mut File, path: &Path, header: &Header) -> std::io::Result<()> {
    let header = encode(header).ok_or_else(|| std::io::Error::other("the header is too long"))?;
    let start = [MAGIC, &header].concat();
    let mut found = Vec::new();
    (&mut *file).take(start.len() as u64).read_to_end(&mut found)?;
    file.rewind()?;
    if found.len() == start.len() || !start.starts_with(&found) {
        return Ok(());
    }
    file.write_all(&start)?;
    file.sync_all()?;
    file.rewind()?;
    path.parent().map_or(Ok(()), sync_folder)
}

fn failed(what: &str, path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("{what} the record {}", path.display()), error)
}

/// Returns why a record belongs to another run.
fn difference(found: &Header, header: &Header) -> Option<String> {
    let (what, saved, current) = if found.pipeline != header.pipeline || found.len != header.len {
        let text = |header: &Header| format!("{} of {} indices", header.pipeline, header.len);
        ("pipeline", text(found), text(header))
    } else if found.sink != header.sink {
        ("sink", found.sink.clone(), header.sink.clone())
    } else if found.reducers != header.reducers {
        let (saved, current) = (&found.reducers, &header.reducers);
        return Some(format!(
            "this record has the values of the reducers {saved:?}, this run collects {current:?}; \
             collect the same reducers, or name another record"
        ));
    } else {
        return None;
    };
    Some(format!(
        "this record is of the {what} {saved:?}, this run has {current:?}; run the same {what}, or \
         name another record"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let (pipeline, sink) = ("range(0..9)".into(), "lines".into());
        Header { pipeline, sink, len: 9, reducers: Vec::new() }
    }

    fn open(path: &Path, header: &Header) -> Result<(Record, Vec<Group>)> {
        let mut groups = Vec::new();
        let record = Record::open(path, header, |group| {
            groups.push(group);
            Ok(())
        })?;
        Ok((record, groups))
    }

    fn group(index: u64) -> Group {
        vec![(index, Stored::Done(vec![index as u8; 3]), Vec::new())]
    }

    #[test]
    fn a_record_goes_on_after_each_reopening_and_each_torn_tail() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        for index in 0..5 {
            let (mut record, groups) = open(&path, &header()).unwrap();
            assert_eq!(groups, (0..index).map(group).collect::<Vec<_>>());
            record.append(&group(index)).unwrap();
            if index == 3 {
                record.sync().unwrap();
            }
            drop(record);
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(&encode(&group(7)).unwrap()[..index as usize * 4]).unwrap();
        }
    }

    #[test]
    fn another_pipeline_sink_and_reducer_are_refused_with_both_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        open(&path, &header()).unwrap();
        let before = std::fs::read(&path).unwrap();
        let other = Header { pipeline: "range(0..9)|map".into(), ..header() };
        let text = open(&path, &other).unwrap_err().to_string();
        assert!(text.contains("\"range(0..9) of 9 indices\""), "{text}");
        assert!(text.contains("\"range(0..9)|map of 9 indices\""), "{text}");
        let text = open(&path, &Header { sink: "tar".into(), ..header() }).unwrap_err().to_string();
        assert!(text.contains("\"lines\"") && text.contains("\"tar\""), "{text}");
        let other = Header { reducers: vec!["sum".into()], ..header() };
        let text = open(&path, &other).unwrap_err().to_string();
        assert!(text.contains("reducers [], this run collects [\"sum\"]"), "{text}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn two_runs_do_not_share_a_record() {
        if !crate::backend::lock::LOCKS {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let first = open(&path, &header()).unwrap();
        let text = open(&path, &header()).unwrap_err().to_string();
        assert!(text.contains("another run is using this record"), "{text}");
        // As a process has it that is just starting.
        let inherited = first.0.file.try_clone().unwrap();
        drop(first);
        assert!(open(&path, &header()).is_ok());
        drop(inherited);
    }

    #[test]
    fn a_file_that_is_no_record_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("thesis.txt");
        for text in ["all my words", "windrow run record 2\n and more"] {
            std::fs::write(&path, text).unwrap();
            let error = open(&path, &header()).unwrap_err().to_string();
            assert!(error.contains("not a record of a run"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        for cut in ["", "windrow run rec", "windrow run record 1\n"] {
            std::fs::write(&path, cut).unwrap();
            assert!(open(&path, &header()).unwrap().1.is_empty(), "a start that was cut off");
            let (mut record, _) = open(&path, &header()).unwrap();
            record.append(&group(1)).unwrap();
            drop(record);
            assert_eq!(open(&path, &header()).unwrap().1, [group(1)]);
        }
        let nowhere = folder.path().join("no folder").join("record");
        assert!(open(&nowhere, &header()).unwrap_err().to_string().contains("open the record"));
    }
}
