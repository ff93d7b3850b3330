//! `windrow run`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use windrow::dataset::Record;
use windrow::order::Epochs;
use windrow::spec::{OpSpec, Spec, StageSpec};
use windrow::{Backend, Error, Loader, OnError, Result};

use crate::checkpoint::{Checkpoint, hex};
use crate::input::Document;
use crate::interrupt::Interrupt;
use crate::output::{complain, print, print_json};
use crate::progress::{Display, Received};
use crate::trace::{self, TraceFile};
use crate::{DONE, INTERRUPTED, SAMPLE_FAILED};

/// The interval between two checkpoints.
const SAVE_EVERY: Duration = Duration::from_secs(1);
/// The number of errors printed one by one with `--on-error report`.
const ERRORS_TOLD: u64 = 20;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) document: Document,
    /// A seed in place of the document's
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// A number of epochs in place of the document's, or `forever`
    #[arg(long, conflicts_with = "sink")]
    epochs: Option<Epochs>,
    /// The backend that makes the samples: auto, inline, threads, processes
    #[arg(long, default_value = "auto")]
    pub(crate) backend: Backend,
    /// The number of workers; one for each core by default
    #[arg(long)]
    pub(crate) workers: Option<u32>,
    /// A checkpoint: resumed from if it exists; saved every second, at the end and at Ctrl-C
    #[arg(long, value_name = "FILE", conflicts_with = "sink")]
    state: Option<PathBuf>,
    /// Stops after this number of batches in this run
    #[arg(long, value_name = "BATCHES", conflicts_with = "sink")]
    stop_after: Option<u64>,
    /// The action when a sample fails
    #[arg(long, value_enum, default_value = "raise", conflicts_with = "sink")]
    on_error: Policy,
    /// The number of retries for a sample that failed
    #[arg(long, default_value_t = 0)]
    pub(crate) retries: u32,
    /// Computes a digest of all batches and prints the digest
    #[arg(long, conflicts_with = "sink")]
    digest: bool,
    /// Prints the time of each op to standard error at the end, and names the bottleneck
    #[arg(long, conflicts_with = "sink")]
    profile: bool,
    /// Writes what each worker did when, for Chrome's tracing or Perfetto
    #[arg(long, value_name = "FILE", conflicts_with = "sink")]
    trace: Option<PathBuf>,
    /// Prints one JSON object about this run on the last line of standard output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    sink: crate::sink::Destination,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Policy {
    /// Stop at the error; the checkpoint stays before the failed sample
    Raise,
    /// Leave the sample out and count it
    Skip,
    /// Print the error and continue
    Report,
}

/// The outcome of a run.
struct Outcome {
    received: Received,
    errors: u64,
    raised: Option<Error>,
    interrupted: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<u8> {
    let mut spec = arguments.document.read()?;
    spec.seed = arguments.seed.unwrap_or(spec.seed);
    if let Some(folder) = &arguments.sink.sink {
        return crate::sink::run(arguments, &arguments.sink, folder, &spec);
    }
    spec.epochs = arguments.epochs.or(spec.epochs);
    let mut builder = Loader::spec(&spec, arguments.document.folder())
        .backend(arguments.backend)
        .retries(arguments.retries)
        .profile(arguments.profile)
        .trace(arguments.trace.is_some())
        .on_error(match arguments.on_error {
            Policy::Skip => OnError::Skip,
            Policy::Raise | Policy::Report => OnError::Raise,
        });
    if let Some(workers) = arguments.workers {
        builder = builder.workers(workers);
    }
    if arguments.digest {
        builder = builder.digest();
    }
    let checkpoint = arguments.state.as_deref().map(Checkpoint::at).transpose()?;
    if let Some(checkpoint) = &checkpoint
        && let Some(state) = checkpoint.load()?
    {
        builder = builder.resume(&state);
    }
    let mut loader = builder.build()?;
    // Listening starts a thread, and a process can be forked only while it has one thread. A signal
    // before this line ends a run with nothing to save.
    let interrupt = Interrupt::listen()?;
    if let Some(checkpoint) = &checkpoint {
        // Find out before the work, not after, that the file cannot be written.
        checkpoint.save(&loader.state())?;
    }
    let trace = arguments.trace.as_deref().map(|path| TraceFile::create(path, &loader));
    let mut trace = trace.transpose()?;
    let skipped_before = loader.skips().count();
    let mut display = Display::new(&loader.progress());
    let outcome = drain(
        &mut loader,
        arguments,
        batch_steps(&spec),
        checkpoint.as_ref(),
        &interrupt,
        &mut display,
        trace.as_mut(),
    )?;
    display.clear();
    if let Some(trace) = &mut trace {
        trace.follow(&mut loader, true);
    }
    let skipped = loader.skips().count() - skipped_before;
    if let Some(profile) = loader.profile().filter(|_| arguments.profile) {
        trace::show(&profile);
    }
    report(arguments, &loader, &outcome, skipped, &display)?;
    match outcome {
        Outcome { raised: Some(error), .. } => Err(error),
        Outcome { interrupted: true, .. } => Ok(INTERRUPTED),
        Outcome { errors: 1.., .. } => Ok(SAMPLE_FAILED),
        _ => Ok(DONE),
    }
}

/// Receives batches until the run ends, and saves the checkpoint.
fn drain(
    loader: &mut Loader<Record>,
    arguments: &Arguments,
    batch_steps: usize,
    checkpoint: Option<&Checkpoint>,
    interrupt: &Interrupt,
    display: &mut Display,
    mut trace: Option<&mut TraceFile>,
) -> Result<Outcome> {
    let mut outcome =
        Outcome { received: Received::default(), errors: 0, raised: None, interrupted: false };
    let mut reached = loader.state();
    let mut saved = Instant::now();
    while Some(outcome.received.batches) != arguments.stop_after {
        if interrupt.asked() {
            outcome.interrupted = true;
            break;
        }
        match loader.next() {
            None => {
                reached = loader.state();
                break;
            }
            Some(Ok(batch)) => {
                outcome.received.batches += 1;
                outcome.received.samples += samples(&batch, batch_steps);
                outcome.received.bytes += batch.byte_len();
            }
            Some(Err(error)) => {
                outcome.errors += 1;
                if arguments.on_error == Policy::Raise {
                    outcome.raised = Some(error);
                    break;
                }
                if outcome.errors <= ERRORS_TOLD {
                    complain(&error);
                }
            }
        }
        if let Some(checkpoint) = checkpoint {
            reached = loader.state();
            interrupt.reached(checkpoint, reached.clone());
            if saved.elapsed() >= SAVE_EVERY {
                checkpoint.save(&reached)?;
                saved = Instant::now();
            }
        }
        if let Some(trace) = &mut trace {
            trace.follow(loader, false);
        }
        if display.is_due() {
            display.show(&loader.progress(), outcome.received);
        }
    }
    if let Some(checkpoint) = checkpoint {
        checkpoint.save(&reached)?;
    }
    Ok(outcome)
}

fn report(
    arguments: &Arguments,
    loader: &Loader<Record>,
    outcome: &Outcome,
    skipped: u64,
    display: &Display,
) -> Result<()> {
    let digest = loader.digest().map(|digest| hex(&digest));
    let received = outcome.received;
    if arguments.json {
        let mut object = serde_json::json!({
            "batches": received.batches,
            "samples": received.samples,
            "skipped": skipped,
            "errors": outcome.errors,
            "digest": digest,
            "seconds": display.seconds(),
            "backend": loader.backend().name,
            "workers": loader.workers(),
        });
        if let Some(profile) = loader.profile().filter(|_| arguments.profile) {
            object["profile"] = trace::as_json(&profile);
        }
        return print_json(&object);
    }
    print(&format!(
        "{} batches, {} samples, {skipped} skipped, {} errors in {:.2} s ({}), {} with {} workers",
        received.batches,
        received.samples,
        outcome.errors,
        display.seconds(),
        display.rates(received),
        loader.backend().name,
        loader.workers(),
    ))?;
    digest.map_or(Ok(()), |digest| print(&format!("digest {digest}")))
}

/// Returns the number of times that the pipeline batches records.
fn batch_steps(spec: &Spec) -> usize {
    let ops = spec.ops.iter().filter(|op| matches!(op, OpSpec::Batch(_))).count();
    spec.stages.iter().fold(ops, |steps, stage| match stage {
        StageSpec::Batch(_) | StageSpec::BucketByLength(_) | StageSpec::BatchByBudget(_) => {
            steps + 1
        }
        StageSpec::Unbatch(_) => steps.saturating_sub(1),
        _ => steps,
    })
}

/// Returns the number of samples in a batch: the product of the axes that batching added.
fn samples(batch: &Record, batch_steps: usize) -> u64 {
    let field = batch.iter().next();
    field.map_or(1, |(_, tensor)| tensor.shape().iter().take(batch_steps).product())
}
