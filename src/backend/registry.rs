//! Which backends there are, what each can do, and whether it can be had here.

use super::settings::by_name;
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

by_name!(Backend, "backend", "threading" => "threads", "multiprocessing" => "processes");

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
            capabilities: Capabilities::NONE,
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

impl Capabilities {
    const NONE: Self = Self {
        isolates_crashes: false,
        kills_stuck_samples: false,
        shares_memory: false,
        runs_ahead: false,
    };
    /// Those of workers that do not share the caller's memory.
    pub(super) const APART: Self =
        Self { isolates_crashes: true, kills_stuck_samples: true, runs_ahead: true, ..Self::NONE };
}

pub(super) static INLINE: Info = Info {
    capabilities: Capabilities { shares_memory: true, ..Capabilities::NONE },
    ..Info::new("inline", "makes samples in the caller's own thread, when they are asked for")
};

pub(super) static THREADS: Info = Info {
    requires: "a platform with threads; samples and datasets that may be shared between them",
    available: threads::available,
    capabilities: Capabilities { shares_memory: true, runs_ahead: true, ..Capabilities::NONE },
    ..Info::new("threads", "makes samples on a pool of threads in this process")
};

pub(super) static PROCESSES: Info = Info {
    requires: "Linux, macOS or Windows; a recipe instead of a dataset",
    available: process::available,
    capabilities: Capabilities::APART,
    ..Info::new("processes", "makes samples in worker processes, so that a crash costs nothing")
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
