//! The `windrow` command: runs pipeline documents, explains checkpoints, lists backends.
//!
//! It parses, calls the library and prints. Absent on purpose: anything that decides an order.

mod backends;
mod checkpoint;
mod doctor;
mod interrupt;
mod progress;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use windrow::Error;

/// Everything went through.
const DONE: u8 = 0;
/// A sample could not be made.
const SAMPLE_FAILED: u8 = 1;
/// What was given is wrong: arguments, documents, data files, checkpoints, variables.
const BAD_INPUT: u8 = 2;
/// Stopped from outside, with the state saved.
const INTERRUPTED: u8 = 130;

/// Runs data pipelines: the same batches in the same order, whatever runs them.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a pipeline document to its end, or on from a checkpoint
    Run(run::Arguments),
    /// Explains a checkpoint in words
    State(checkpoint::Arguments),
    /// Tries a pipeline on every backend for a second and recommends one
    Doctor(doctor::Arguments),
    /// Lists the backends, and why one is not available
    Backends,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done, or stopped by --stop-after
  1    a sample could not be made
  2    bad input: arguments, document, data file, checkpoint or environment variable
  130  interrupted; with --state, the checkpoint was saved

Environment:
  WINDROW_BACKEND  auto, inline, threads, processes: forces the backend
  WINDROW_WORKERS  a count: forces the number of workers
  WINDROW_STRICT   1: every sample goes through the encoding that worker processes use
  WINDROW_LOG      a filter for the life-cycle log on stderr, such as info or threads=debug";

fn main() -> ExitCode {
    windrow::init();
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::State(arguments) => checkpoint::explain(&arguments),
        Command::Doctor(arguments) => doctor::examine(&arguments),
        Command::Backends => backends::list(),
    };
    ExitCode::from(outcome.unwrap_or_else(|error| {
        eprintln!("windrow: {error}");
        match error {
            Error::Sample { .. } | Error::SampleLost { .. } => SAMPLE_FAILED,
            _ => BAD_INPUT,
        }
    }))
}

/// Writes to standard output; a reader that has gone away is no error.
fn print(text: &str) -> windrow::Result<()> {
    use std::io::{ErrorKind, Write};
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::io("write to standard output", error))
        }
        _ => Ok(()),
    }
}
