//! What is started for a worker, and how it ended: in words that all systems share.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::{CODES, SIGNALS};
use crate::error::Error;

/// What to start.
#[derive(Debug, Clone)]
pub(in super::super) struct Program {
    /// Another program than this one, or a launcher, with its arguments.
    pub(in super::super) launcher: Option<(PathBuf, Vec<OsString>)>,
    pub(in super::super) arguments: Vec<OsString>,
    pub(in super::super) variable: (&'static str, String),
    /// Whether its standard output is thrown away.
    pub(in super::super) quiet: bool,
    /// Whether its standard error comes to the loader.
    pub(in super::super) errors: bool,
}

impl Program {
    /// The command that starts it; what it finds as its standard input is yet to be said.
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

    /// Says why a command was not started.
    pub(super) fn refused(command: &Command) -> impl Fn(io::Error) -> Error + use<> {
        let path = PathBuf::from(command.get_program());
        move |error| Error::io(format!("start a worker process by {}", path.display()), error)
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Ended {
    Code(i32),
    Signal(i32),
    /// The program around it took the news away.
    Unknown,
    /// The fork server that was its parent is gone or does not answer.
    Untold,
}

impl Ended {
    /// Whether its fork server ended too, or does not answer.
    pub(in super::super) fn is_untold(self) -> bool {
        self == Self::Untold
    }

    /// Whether memory that the process had mapped was not there when it was touched.
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
                "ended; how is not known, since its fork server is gone or does not answer",
            ),
            Self::Unknown => {
                f.write_str("ended; how is not known, since this program ignores SIGCHLD or waits for all its children")
            }
        }
    }
}

fn named<T: PartialEq>(names: &[(T, &'static str)], number: T) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == number).map(|(_, name)| *name)
}
