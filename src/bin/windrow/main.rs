//! The `windrow` command: runs and describes pipeline documents, explains checkpoints and lists backends.
//!
//! The command parses arguments, calls the library and prints. No code in the command decides an
//! order.

mod backends;
mod checkpoint;
mod describe;
mod doctor;
mod input;
mod interrupt;
mod output;
mod progress;
mod run;
mod schema;
mod sink;
mod trace;

use std::io::ErrorKind;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use windrow::Error;

/// The run succeeded.
const DONE: u8 = 0;
/// A sample failed.
const SAMPLE_FAILED: u8 = 1;
/// The input is wrong: arguments, documents, data files, checkpoints or variables.
const BAD_INPUT: u8 = 2;
/// The system failed: a full disk, too little memory, or no worker processes.
const SYSTEM_FAILED: u8 = 3;
/// The run was interrupted from outside, and the state saved.
const INTERRUPTED: u8 = 130;

/// Runs data pipelines, with the same batches in the same order on every backend.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a pipeline document to its end, or from a checkpoint
    Run(Box<run::Arguments>),
    /// Shows the steps of a pipeline with their lengths and fields, without a run
    Describe(describe::Arguments),
    /// Explains a checkpoint in words
    State(checkpoint::Arguments),
    /// Tries a pipeline on every backend for a second, and recommends one
    Doctor(doctor::Arguments),
    /// Lists the backends, and why one is not available
    Backends,
    /// Prints the JSON Schema of pipeline documents
    Schema,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    done, or stopped by --stop-after
  1    a sample failed
  2    bad input: arguments, document, data file, checkpoint or environment variable
  3    the system failed: a full disk, too little memory, no worker processes
  88   started as a worker process, but not by windrow: unset WINDROW_WORKER
  130  interrupted; with --state or --sink, the next run goes on from there
  The exit code is the same if the reader of standard output goes away.

Files:
  The files of a document lie in its folder, and relative names start there. With --root DIR they
  may lie anywhere below DIR. Names and symbolic links that lead elsewhere are refused.

Environment:
  WINDROW_BACKEND  auto, inline, threads, processes: forces the backend
  WINDROW_WORKERS  a count: forces the number of workers
  WINDROW_START_METHOD  spawn, forkserver: how a worker process starts
  WINDROW_STRICT   1: every sample goes through the encoding that worker processes use
  WINDROW_LOG      a filter for the life-cycle log on stderr, such as info or threads=debug";

fn main() -> ExitCode {
    windrow::init();
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Describe(arguments) => describe::describe(&arguments),
        Command::State(arguments) => checkpoint::explain(&arguments),
        Command::Doctor(arguments) => doctor::examine(&arguments),
        Command::Backends => backends::list(),
        Command::Schema => schema::show(),
    };
    ExitCode::from(outcome.unwrap_or_else(|error| {
        output::complain(&error);
        code_of(&error)
    }))
}

/// Returns the exit code for an error.
fn code_of(error: &Error) -> u8 {
    match error {
        Error::Sample { .. } | Error::SampleLost { .. } => SAMPLE_FAILED,
        Error::Workers { .. } => SYSTEM_FAILED,
        Error::Io { source, .. } => match source.kind() {
            // A path from the user leads to nothing usable.
            ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::AlreadyExists
            | ErrorKind::InvalidInput
            | ErrorKind::InvalidData
            | ErrorKind::InvalidFilename
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::ReadOnlyFilesystem => BAD_INPUT,
            _ => SYSTEM_FAILED,
        },
        _ => BAD_INPUT,
    }
}
