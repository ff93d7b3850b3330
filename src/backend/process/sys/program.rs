//! The program to start for a worker, and the description of its end, for all systems.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::names::{CODES, SIGNALS};
use crate::error::Error;

/// The program to start.
#[derive(Debug, Clone)]
pub(in super::super) struct Program {
    /// Another program than this one, or a launcher, with its arguments.
    pub(in super::super) launcher: Option<(PathBuf, Vec<OsString>)>,
    pub(in super::super) arguments: Vec<OsString>,
    pub(in super::super) variable: (&'static str, String),
    /// Whether to discard the standard output.
    pub(in super::super) quiet: bool,
    /// Whether the loader receives the standard error.
    pub(in super::super) errors: bool,
}

impl Program {
    /// Returns the command that starts the program; the caller sets its standard input.
    pub(super) fn command(&self, own: PathBuf) -> Command {
        let mut command = match &self.launcher {
            Some((path, arguments)) => {
                let mut command = Command::new(path);
                command.args(arguments);
                command
            }
            None => Command::new(own),
        };
        command.args(&self.arguments).env(self.variable.0, &self.variable.1);
        if self.quiet {
            command.stdout(Stdio::null());
        }
        if self.errors {
            command.stderr(Stdio::piped());
        }
        command
    }

    /// Returns a function that describes why the command did not start.
    pub(super) fn refused(command: &Command) -> impl Fn(io::Error) -> Error + use<> {
        let path = PathBuf::from(command.get_program());
        move |error| Error::io(format!("start a worker process by {}", path.display()), error)
    }
}

/// The end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Ended {
    Code(i32),
    Signal(i32),
    /// Unknown, because the surrounding program reaped the process.
    Unknown,
    /// Unknown, because the parent, a fork server, is gone or does not answer.
    Untold,
}

impl Ended {
    /// Returns whether the fork server also ended, or does not answer.
    pub(in super::super) fn is_untold(self) -> bool {
        self == Self::Untold
    }

    /// Returns whether the process accessed mapped memory that the system could not provide.
    pub(in super::super) fn lacked_memory(self) -> bool {
        matches!(self, Self::Signal(signal) if named(SIGNALS, signal) == Some("SIGBUS"))
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Code(code) => match named(CODES, code.cast_unsigned()) {
                Some(name) => write!(f, "ended by {name} (0x{code:08X})"),
                None => write!(f, "exited with code {code}"),
            },
            Self::Signal(signal) => match named(SIGNALS, signal) {
                Some(name) => write!(f, "killed by {name}"),
                None => write!(f, "killed by signal {signal}"),
            },
            Self::Untold => f.write_str(
                "ended in an unknown way, because its fork server is gone or does not answer",
            ),
            Self::Unknown => f.write_str(
                "ended in an unknown way, because this program ignores SIGCHLD or waits for all its \
                 children",
            ),
        }
    }
}

fn named<T: PartialEq>(names: &[(T, &'static str)], number: T) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}
