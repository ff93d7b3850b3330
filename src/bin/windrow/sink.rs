//! `windrow run --sink`: writes the sample of every index to files, inside the workers.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use windrow::run::{Indices, Progress, Report, RunConfig, run_spec};
use windrow::sink::{SinkKind, SinkSpec, Written};
use windrow::spec::Spec;
use windrow::{Fault, Result};

use crate::interrupt::Interrupt;
use crate::output::{complain, note, print, print_json};
use crate::progress::{BAR_EVERY, LINE_EVERY};
use crate::{DONE, INTERRUPTED, SAMPLE_FAILED};

/// The number of failures printed one by one.
const FAILURES_TOLD: usize = 20;
/// The number of workers whose index a display shows.
const WORKERS_SHOWN: usize = 8;
/// The largest number of indices that `--indices` names.
const INDICES_MAX: u64 = 10_000_000;

#[derive(clap::Args)]
#[command(next_help_heading = "Options of a run into files")]
pub(crate) struct Destination {
    /// Writes every sample to files of this folder; a killed run goes on where it ended
    #[arg(long, value_name = "DIR")]
    pub(crate) sink: Option<PathBuf>,
    /// The format of the files: tar, npy, jsonl, safetensors, files
    #[arg(long, value_name = "KIND", default_value = "tar", requires = "sink")]
    sink_kind: SinkKind,
    /// The number of consecutive samples in a file; 1000 by default
    #[arg(long, value_name = "SAMPLES", requires = "sink")]
    samples_per_file: Option<u64>,
    /// The only field to write, with kind files
    #[arg(long, value_name = "FIELD", requires = "sink")]
    sink_field: Option<String>,
    /// The fields that are texts, with kind jsonl; fields are separated by commas
    #[arg(long, value_name = "FIELDS", value_delimiter = ',', requires = "sink")]
    sink_text: Vec<String>,
    /// The record of finished samples; `windrow.record` in the folder by default
    #[arg(long, value_name = "FILE", requires = "sink")]
    record: Option<PathBuf>,
    /// The indices to write, such as `0..100,250`; all by default
    #[arg(long, value_name = "INDICES", value_parser = indices, requires = "sink")]
    indices: Option<Indices>,
    /// Writes samples again that failed in an earlier run
    #[arg(long, requires = "sink")]
    retry_failed: bool,
    /// The samples that a worker process writes before a new one replaces the process
    #[arg(long, value_name = "SAMPLES", requires = "sink")]
    max_samples_per_worker: Option<u64>,
}

/// Parses a list of indices and ranges of indices.
fn indices(text: &str) -> Result<Indices, Fault> {
    let number = |text: &str| {
        text.trim().parse::<u64>().map_err(|_| Fault::new(format!("{text:?} is not an index")))
    };
    let mut all = Vec::new();
    for part in text.split(',') {
        let range = match part.split_once("..") {
            Some((start, end)) => {
                let range = number(start)?..number(end)?;
                if range.end < range.start {
                    return Err(Fault::new(format!("{part:?} ends before its start")));
                }
                range
            }
            None => number(part)?..number(part)?.saturating_add(1),
        };
        let named = range.end.saturating_sub(range.start).saturating_add(all.len() as u64);
        if named > INDICES_MAX {
            return Err(Fault::new(format!("{named} indices; name at most {INDICES_MAX}")));
        }
        all.extend(range);
    }
    Ok(Indices::Some(all))
}

pub(crate) fn run(
    arguments: &crate::run::Arguments,
    own: &Destination,
    folder: &Path,
    spec: &Spec,
) -> Result<u8> {
    let mut sink = SinkSpec::new(own.sink_kind, folder).text(&own.sink_text);
    (sink.samples_per_file, sink.field) = (own.samples_per_file, own.sink_field.clone());
    let record = own.record.clone().unwrap_or_else(|| folder.join("windrow.record"));
    let interrupted = Arc::new(AtomicBool::new(false));
    let config = RunConfig::new()
        .backend(arguments.backend)
        .retries(arguments.retries)
        .record(record)
        // The command counts results and prints none, and the record must be readable again.
        .max_result_bytes(u64::MAX)
        .on_progress(shown(interrupted.clone()));
    let config = if own.retry_failed { config.retry_failed() } else { config };
    let config = match arguments.workers {
        Some(workers) => config.workers(workers),
        None => config,
    };
    let config = match own.max_samples_per_worker {
        Some(samples) => config.max_samples_per_worker(samples),
        None => config,
    };
    let config = config.indices(own.indices.clone().unwrap_or_default());
    let report = run_spec(spec, arguments.document.folder(), sink, config)?;
    tell(arguments.json, &report)?;
    Ok(match report.failures().next() {
        _ if interrupted.load(Ordering::Relaxed) => INTERRUPTED,
        Some(_) => SAMPLE_FAILED,
        None => DONE,
    })
}

/// Returns the function that shows the progress, and stops the run when the user asks for that.
fn shown(interrupted: Arc<AtomicBool>) -> impl FnMut(&Progress) -> ControlFlow<()> + 'static {
    // Listening starts a thread, and a process can be forked only while it has one thread. So the
    // first progress begins to listen, after the start of the workers.
    let mut interrupt: Option<Option<Interrupt>> = None;
    let mut display = Display { bar: None, shown: None };
    move |progress| {
        let listening = interrupt.get_or_insert_with(|| match Interrupt::listen() {
            Ok(interrupt) => Some(interrupt),
            Err(error) => {
                complain(&error);
                None
            }
        });
        display.show(progress);
        if listening.as_ref().is_some_and(Interrupt::asked) {
            interrupted.store(true, Ordering::Relaxed);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

/// Progress on standard error: a bar on a terminal, lines elsewhere.
struct Display {
    bar: Option<ProgressBar>,
    shown: Option<Instant>,
}

impl Display {
    fn show(&mut self, progress: &Progress) {
        let first = self.shown.is_none();
        if first && std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(progress.total);
            let style = ProgressStyle::with_template("{bar:30} {percent:>3}% {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            self.bar = Some(bar);
        }
        let every = if self.bar.is_some() { BAR_EVERY } else { LINE_EVERY };
        // The first line comes after the interval too, so a short run prints its result alone.
        let shown = self.shown.get_or_insert_with(Instant::now);
        if shown.elapsed() >= every {
            self.shown = Some(Instant::now());
            let done = progress.done_before + progress.done;
            match &self.bar {
                Some(bar) => {
                    bar.set_position(done);
                    bar.set_message(rates(progress));
                }
                None => note(format!("{done} of {}, {}", progress.total, rates(progress))),
            }
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Returns rate, remaining time, failures and the index of each worker, in words.
fn rates(progress: &Progress) -> String {
    let rate = progress.rate().map_or("?".into(), |rate| format!("{rate:.0}"));
    let left = progress.remaining().map_or("?".into(), |left| format!("{} s", left.as_secs()));
    let index = |index: &Option<u64>| index.map_or("-".into(), |index| index.to_string());
    let mut workers: Vec<String> = progress.workers.iter().take(WORKERS_SHOWN).map(index).collect();
    if progress.workers.len() > WORKERS_SHOWN {
        workers.push("...".into());
    }
    let failed = progress.failed_before + progress.failed;
    format!("{rate} samples/s, {left} left, {failed} failed, at {}", workers.join(" "))
}

fn tell(json: bool, report: &Report<Written>) -> Result<()> {
    for (index, fault) in report.failures().take(FAILURES_TOLD) {
        complain(format!("index {index}: {fault}"));
    }
    let failed = report.failures().count();
    if failed > FAILURES_TOLD {
        complain(format!("{} more indices failed", failed - FAILURES_TOLD));
    }
    let progress = report.progress();
    let written = report.results().count();
    let gaps = report.outcomes().count() - written - failed;
    let seconds = progress.elapsed.as_secs_f64();
    if json {
        return print_json(&serde_json::json!({
            "samples": progress.total,
            "written": written,
            "gaps": gaps,
            "failed": failed,
            "open": progress.open(),
            "before": progress.done_before,
            "seconds": seconds,
            "workers": progress.workers.len(),
        }));
    }
    print(&format!(
        "{written} of {} samples written, {gaps} gaps, {failed} failed, {} open; {} done before, \
         {} in {seconds:.2} s",
        progress.total,
        progress.open(),
        progress.done_before,
        progress.done,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_numbers_and_ranges() {
        assert_eq!(indices("0..3, 7,9..9").unwrap(), Indices::Some(vec![0, 1, 2, 7]));
        for wrong in ["", "a", "1..", "9..3", "-1", "0..10000001", "0..9,0..18446744073709551615"] {
            assert!(indices(wrong).is_err(), "{wrong}");
        }
    }
}
