//! The settings of worker processes.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::beside::{Additions, Hashes};

/// The maximum number of workers.
pub(crate) const WORKERS_MAX: u32 = 1024;

/// Implements parsing and display of an enum by its `NAMES`, and parsing by aliases.
macro_rules! by_name {
    ($choice:ty, $setting:literal $(, $other:literal => $name:literal)*) => {
        impl std::str::FromStr for $choice {
            type Err = $crate::error::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let known = match text {
                    $($other => $name,)*
                    own => own,
                };
                let found = Self::NAMES.iter().find(|(name, _)| *name == known);
                found.map(|&(_, choice)| choice).ok_or_else(|| Self::Err::Setting {
                    name: $setting.into(),
                    value: format!("{text:?}"),
                    allowed: Self::NAMES.map(|(name, _)| name).join(", "),
                })
            }
        }

        impl std::fmt::Display for $choice {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let name = Self::NAMES.iter().find(|(_, choice)| choice == self);
                f.write_str(name.map_or("?", |(name, _)| name))
            }
        }
    };
}
pub(super) use by_name;

/// The way a worker process starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum StartMethod {
    /// Start this program again; works on every platform.
    #[default]
    Spawn,
    /// Fork workers from a process that has already opened the pipeline (unix).
    Forkserver,
}

impl StartMethod {
    /// All methods, with the names that the environment uses.
    pub const NAMES: [(&str, Self); 2] = [("spawn", Self::Spawn), ("forkserver", Self::Forkserver)];
}

by_name!(StartMethod, "start_method");

/// The settings of worker processes. No setting changes the content of a sample.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) start_method: StartMethod,
    /// The time limit for one sample.
    pub(crate) sample_timeout: Option<Duration>,
    /// The time limit for a worker to open its pipeline.
    pub(crate) startup_timeout: Duration,
    /// The memory limit of a worker, in bytes.
    pub(crate) max_rss: Option<u64>,
    /// The number of samples after which the parent replaces a worker.
    pub(crate) max_samples: Option<u64>,
    /// The number of workers that may be lost in a row without a finished sample.
    pub(crate) max_crashes: u32,
    /// The program to start instead of this one, with its arguments.
    pub(crate) program: Option<(PathBuf, Vec<OsString>)>,
    /// The command that starts the program, with the arguments that precede the program.
    pub(crate) launcher: Option<(PathBuf, Vec<OsString>)>,
    /// Whether lines on a worker's standard error begin with the worker's number.
    pub(crate) prefix_stderr: bool,
    /// The number of bytes that may be ready ahead of the caller.
    pub(crate) ahead_bytes: u64,
    /// The additions that samples make to reducers.
    pub(crate) additions: Arc<Additions>,
    /// The hashes of samples, if workers compute them.
    pub(crate) hashes: Option<Arc<Hashes>>,
    /// Whether workers time the steps of some samples, and whether they keep each call.
    pub(crate) profile: bool,
    pub(crate) trace: bool,
}

impl Settings {
    /// Returns whether workers and stages are timed. A trace needs the times of a profile.
    pub(crate) fn is_profiled(&self) -> bool {
        self.profile || self.trace
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            start_method: StartMethod::Spawn,
            sample_timeout: None,
            startup_timeout: Duration::from_secs(30),
            max_rss: None,
            max_samples: None,
            max_crashes: 16,
            program: None,
            launcher: None,
            prefix_stderr: false,
            ahead_bytes: 32 << 20,
            additions: Arc::default(),
            hashes: None,
            profile: false,
            trace: false,
        }
    }
}
