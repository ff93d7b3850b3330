//! Which backends there are, what each can do, and whether it can be had here.

use std::fmt;
use std::str::FromStr;

use super::{process, threads};
use crate::error::{Error, Result};

/// Which backend makes the samples. The batches are the same with every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Backend {
    /// The best one for this platform and pipeline: worker processes for a recipe, threads for a
    /// dataset. Where there can be no processes, as without [`init`](crate::init), a recipe takes
    /// threads, and one line of the log says why; where there are no threads, the caller's own.
    #[default]
    Auto,
    /// The caller's own thread.
    Inline,
    /// Threads in this process; see [`Threads`](super::Threads) on samples that use rayon.
    Threads,
    /// A pool of worker processes.
    Processes,
}

impl Backend {
    /// All of them, by the name that the command and the environment use.
    pub const NAMES: [(&str, Self); 4] = [
        ("auto", Self::Auto),
        ("inline", Self::Inline),
        ("threads", Self::Threads),
        ("processes", Self::Processes),
    ];

    /// The backend that this choice means here.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when it cannot be had here; never another one instead.
    pub fn resolve(self) -> Result<&'static Info> {
        let info = match self {
            Self::Auto if (THREADS.available)().is_err() => &INLINE,
            Self::Auto | Self::Threads => &THREADS,
            Self::Inline => &INLINE,
            Self::Processes => &PROCESSES,
        };
        match (info.available)() {
            Ok(()) => Ok(info),
            Err(why) => Err(Error::Unsupported {
                what: format!("backend {}", info.name),
                why,
                instead: "use backend auto, or one that `windrow backends` lists as available"
                    .into(),
            }),
        }
    }
}

impl FromStr for Backend {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = match text {
            "threading" => "threads",
            "multiprocessing" => "processes",
            other => other,
        };
        let found = Self::NAMES.iter().find(|(name, _)| *name == known);
        found.map(|&(_, backend)| backend).ok_or_else(|| Error::Setting {
            name: "backend".into(),
            value: format!("{text:?}"),
            allowed: Self::NAMES.map(|(name, _)| name).join(", "),
        })
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, backend)| backend == self);
        f.write_str(name.map_or("?", |(name, _)| name))
    }
}

/// What is known of a backend before one is made.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Info {
    /// The name, as in `WINDROW_BACKEND`.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub description: &'static str,
    /// What it needs.
    pub requires: &'static str,
    /// Whether it can be had here, or why not.
    pub available: fn() -> Result<(), String>,
    /// What it can do.
    pub capabilities: Capabilities,
}

impl Info {
    /// A backend that needs nothing, is always available, and has no capability yet.
    ///
    /// ```
    /// use windrow::backend::Info;
    /// let mut info = Info::new("remote", "makes samples on other machines");
    /// info.capabilities.runs_ahead = true;
    /// assert!((info.available)().is_ok());
    /// ```
    #[must_use]
    pub const fn new(name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            requires: "nothing",
            available: || Ok(()),
            capabilities: Capabilities {
                isolates_crashes: false,
                kills_stuck_samples: false,
                shares_memory: false,
                runs_ahead: false,
            },
        }
    }
}

/// What a backend can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// A crash in a sample does not take the caller down.
    pub isolates_crashes: bool,
    /// A sample that never ends can be stopped.
    pub kills_stuck_samples: bool,
    /// Workers see the caller's memory, so closures may capture anything that can be shared.
    pub shares_memory: bool,
    /// Samples are made while the caller does something else.
    pub runs_ahead: bool,
}

pub(super) static INLINE: Info = Info {
    name: "inline",
    description: "makes samples in the caller's own thread, when they are asked for",
    requires: "nothing",
    available: || Ok(()),
    capabilities: Capabilities {
        isolates_crashes: false,
        kills_stuck_samples: false,
        shares_memory: true,
        runs_ahead: false,
    },
};

pub(super) static THREADS: Info = Info {
    name: "threads",
    description: "makes samples on a pool of threads in this process",
    requires: "a platform with threads; samples and datasets that may be shared between them",
    available: threads::available,
    capabilities: Capabilities {
        isolates_crashes: false,
        kills_stuck_samples: false,
        shares_memory: true,
        runs_ahead: true,
    },
};

pub(super) static PROCESSES: Info = Info {
    name: "processes",
    description: "makes samples in worker processes, so that a crash costs nothing",
    requires: "Linux, macOS or Windows; a recipe instead of a dataset",
    available: process::available,
    capabilities: Capabilities {
        isolates_crashes: true,
        kills_stuck_samples: true,
        shares_memory: false,
        runs_ahead: true,
    },
};

/// All backends, available or not.
///
/// ```
/// let names: Vec<&str> = windrow::backend::registry().iter().map(|info| info.name).collect();
/// assert_eq!(names, ["inline", "threads", "processes"]);
/// ```
#[must_use]
pub fn registry() -> [&'static Info; 3] {
    [&INLINE, &THREADS, &PROCESSES]
}

#[cfg(test)]
mod tests {
    use super::Backend;

    #[test]
    fn every_name_and_alias_is_read_and_others_are_refused() {
        for (name, backend) in Backend::NAMES {
            assert_eq!(name.parse::<Backend>().unwrap(), backend);
            assert_eq!(backend.to_string(), name);
        }
        assert_eq!("threading".parse::<Backend>().unwrap(), Backend::Threads);
        assert_eq!("multiprocessing".parse::<Backend>().unwrap(), Backend::Processes);
        let message = "fibres".parse::<Backend>().unwrap_err().to_string();
        assert!(message.contains("\"fibres\"") && message.contains("inline, threads"), "{message}");
    }
}
