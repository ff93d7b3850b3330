//! The profile and the trace of `windrow run`.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use windrow::loader::{OpTimes, Profile, TraceEvent};
use windrow::{Error, Loader, Result};

use crate::output::{complain, note};

/// The most events in a file.
const EVENTS_MAX: u64 = 200_000;
/// The interval between two writes.
const WRITE_EVERY: Duration = Duration::from_millis(250);
/// The end of the file, which the next events replace.
const END: &str = "\n]\n";

/// A trace in the format of Chrome and Perfetto: a JSON array of events.
///
/// The file is valid JSON after each write, because each write replaces the end of the array.
pub(crate) struct TraceFile {
    path: PathBuf,
    file: File,
    /// The length of the file without the end of the array.
    length: u64,
    events: u64,
    /// The events that found no room in the loader, and those that found none in the file.
    left_out: [u64; 2],
    written: Instant,
    /// Whether each worker is a process.
    are_processes: bool,
    failed: bool,
}

impl TraceFile {
    /// Creates or empties the file, and names the workers in it.
    pub(crate) fn create<B>(path: &Path, loader: &Loader<B>) -> Result<Self> {
        let refused = |error| Error::io(format!("write {}", path.display()), error);
        let are_processes = loader.backend().name == "processes";
        let mut names = vec![name("process_name", (0, 0), "windrow")];
        names.push(name("thread_name", (0, 0), "caller"));
        for worker in 0..loader.workers() {
            let place = place(Some(worker), are_processes);
            let kind = if are_processes { "process_name" } else { "thread_name" };
            names.push(name(kind, place, &format!("worker {worker}")));
        }
        let mut trace = Self {
            path: path.to_owned(),
            file: File::create(path).map_err(refused)?,
            length: 0,
            events: 0,
            left_out: [0; 2],
            written: Instant::now(),
            are_processes,
            failed: false,
        };
        trace.append(&names).map_err(refused)?;
        Ok(trace)
    }

    /// Writes the events so far, now and then or, with `all`, at once. The run goes on if the file
    /// cannot be written.
    pub(crate) fn follow<B>(&mut self, loader: &mut Loader<B>, all: bool) {
        if self.failed || (!all && self.written.elapsed() < WRITE_EVERY) {
            return;
        }
        self.written = Instant::now();
        let taken = loader.take_trace();
        let room = usize::try_from(EVENTS_MAX - self.events).unwrap_or(usize::MAX);
        let events = &taken.events[..taken.events.len().min(room)];
        self.left_out[0] += taken.left_out;
        self.left_out[1] += (taken.events.len() - events.len()) as u64;
        self.events += events.len() as u64;
        let are_processes = self.are_processes;
        let json: Vec<Value> = events.iter().map(|event| complete(event, are_processes)).collect();
        if let Err(error) = self.append(&json) {
            self.failed = true;
            complain(Error::io(format!("write {}", self.path.display()), error));
        }
        if all {
            self.tell_left_out();
        }
    }

    /// Prints how many events are not in the file, and why.
    fn tell_left_out(&self) {
        let path = self.path.display();
        let [waiting, past] = self.left_out;
        if waiting > 0 {
            note(format!(
                "{path}: {waiting} events were left out, because 65536 others had come since the \
                 last write"
            ));
        }
        if past > 0 {
            note(format!(
                "{path}: {past} events were left out, because {EVENTS_MAX} fit in a file"
            ));
        }
    }

    /// Adds events before the end of the array, in one write.
    fn append(&mut self, events: &[Value]) -> std::io::Result<()> {
        let begin = if self.length == 0 { "[\n" } else { ",\n" };
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let text = [begin, &lines.join(",\n")].concat();
        self.file.seek(SeekFrom::Start(self.length))?;
        let written = self.file.write_all([&text, END].concat().as_bytes());
        if written.is_err() && self.length > 0 {
            // A full disk has room for the end of the array, which was there before.
            self.file.seek(SeekFrom::Start(self.length))?;
            self.file.write_all(END.as_bytes())?;
            self.file.set_len(self.length + END.len() as u64)?;
        }
        written?;
        self.length += text.len() as u64;
        Ok(())
    }
}

/// Returns the numbers of the process and the thread of a worker, or of the caller.
fn place(worker: Option<u32>, are_processes: bool) -> (u32, u32) {
    match worker {
        None => (0, 0),
        Some(worker) if are_processes => (worker + 1, 0),
        Some(worker) => (0, worker + 1),
    }
}

/// Returns the event that names a process or a thread.
fn name(kind: &str, (pid, tid): (u32, u32), name: &str) -> Value {
    json!({"name": kind, "ph": "M", "pid": pid, "tid": tid, "args": {"name": name}})
}

/// Returns a complete event, with its times in microseconds.
fn complete(event: &TraceEvent, are_processes: bool) -> Value {
    let (pid, tid) = place(event.worker, are_processes);
    let micros = |time: Duration| time.as_nanos() as f64 / 1e3;
    json!({
        "name": event.name,
        "cat": if event.name == "task" { "task" } else { "op" },
        "ph": "X",
        "ts": micros(event.start),
        "dur": micros(event.duration),
        "pid": pid,
        "tid": tid,
        "args": {"position": event.position, "count": event.count},
    })
}

/// Prints a profile to standard error.
pub(crate) fn show(profile: &Profile) {
    profile.to_string().lines().for_each(note);
}

/// Returns a profile as JSON, with times in seconds.
pub(crate) fn as_json(profile: &Profile) -> Value {
    let times = |times: &OpTimes| {
        json!({
            "seconds": times.time.as_secs_f64(),
            "samples": times.samples,
            "gaps": times.gaps,
            "bytes": times.bytes,
        })
    };
    let ops = profile.ops.iter().map(|op| {
        let mut json = times(&op.total);
        json["op"] = op.op.clone().into();
        json["kind"] = format!("{:?}", op.kind).to_lowercase().into();
        json["workers"] = op.workers.iter().map(times).collect();
        json
    });
    let workers = profile.workers.iter().map(|worker| {
        json!({
            "positions": worker.positions,
            "working": worker.working.as_secs_f64(),
            "beside": worker.beside.as_secs_f64(),
        })
    });
    json!({
        "ops": ops.collect::<Value>(),
        "workers": workers.collect::<Value>(),
        "waited": profile.stats.waited.as_secs_f64(),
        "busy": profile.stats.busy.as_secs_f64(),
        "bottleneck": profile.to_string().lines().last(),
    })
}
