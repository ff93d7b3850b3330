//! The list of backends, their capabilities and their availability on this platform.

use super::settings::by_name;
use super::{process, threads};
use crate::error::{Error, Result};

/// The choice of the backend that computes the samples. The batches are the same with every
/// backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Backend {
    /// The best backend for this platform and pipeline: worker processes for a recipe, threads for
    /// a dataset. A recipe runs on threads if processes are not available, for example without a
    /// call of [`init`](crate::init); one log line then gives the reason. Without threads, the
    /// loader uses the caller's thread.
    #[default]
    Auto,
    /// The caller's own thread.
    Inline,
    /// Threads of this process; see [`Threads`](super::Threads) for samples that use rayon.
    Threads,
    /// A pool of worker processes.
    Processes,
}

impl Backend {
    /// All choices, with the names that the command and the environment use.
    pub const NAMES: [(&str, Self); 4] = [
        ("auto", Self::Auto),
        ("inline", Self::Inline),
        ("threads", Self::Threads),
        ("processes", Self::Processes),
    ];

    /// Returns the backend that this choice selects on this platform.
    ///
    /// # Errors
    /// Returns [`Error::Unsupported`] if the backend is not available; windrow never substitutes
    /// another one.
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
                instead: "use backend auto or one that `windrow backends` lists as available"
                    .into(),
            }),
        }
    }
}

by_name!(Backend, "backend", "threading" => "threads", "multiprocessing" => "processes");

/// The description of a kind of backend.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Info {
    /// The name, as in `WINDROW_BACKEND`.
    pub name: &'static str,
    /// The description, in one sentence.
    pub description: &'static str,
    /// The requirements.
    pub requires: &'static str,
    /// The availability check: `Ok` if the backend is available on this platform, or the reason if
    /// not.
    pub available: fn() -> Result<(), String>,
    /// The capabilities.
    pub capabilities: Capabilities,
}

impl Info {
    /// Creates the description of a backend without requirements and capabilities, available on
    /// every platform.
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

/// The capabilities of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Whether the caller survives a crash in a sample.
    pub isolates_crashes: bool,
    /// Whether the backend can stop a sample that never ends.
    pub kills_stuck_samples: bool,
    /// Whether workers share the caller's memory, so closures may capture any value that threads
    /// can share.
    pub shares_memory: bool,
    /// Whether workers compute samples while the caller does other work.
    pub runs_ahead: bool,
}

impl Capabilities {
    const NONE: Self = Self {
        isolates_crashes: false,
        kills_stuck_samples: false,
        shares_memory: false,
        runs_ahead: false,
    };
    /// The capabilities of workers without access to the caller's memory.
    pub(super) const APART: Self =
        Self { isolates_crashes: true, kills_stuck_samples: true, runs_ahead: true, ..Self::NONE };
}

pub(super) static INLINE: Info = Info {
    capabilities: Capabilities { shares_memory: true, ..Capabilities::NONE },
    ..Info::new("inline", "computes samples in the caller's own thread, on demand")
};

pub(super) static THREADS: Info = Info {
    requires: "a platform with threads; samples and datasets that threads can share",
    available: threads::available,
    capabilities: Capabilities { shares_memory: true, runs_ahead: true, ..Capabilities::NONE },
    ..Info::new("threads", "computes samples on threads of this process")
};

pub(super) static PROCESSES: Info = Info {
    requires: "Linux, macOS or Windows; a recipe instead of a dataset",
    available: process::available,
    capabilities: Capabilities::APART,
    ..Info::new("processes", "computes samples in worker processes, so a crash loses no sample")
};

/// Returns all backends, available or not.
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
