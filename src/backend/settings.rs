//! How worker processes are run.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::beside::{Additions, Hashes};
use crate::error::Error;

/// The most workers that anyone may ask for.
pub(crate) const WORKERS_MAX: u32 = 1024;

/// How a worker process starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum StartMethod {
    /// This program is started again, everywhere.
    #[default]
    Spawn,
    /// A process that has opened the pipeline splits off workers (unix).
    Forkserver,
    /// This process splits off workers, while it has one thread (unix).
    Fork,
}

impl StartMethod {
    /// All of them, by the name that the environment uses.
    pub const NAMES: [(&str, Self); 3] =
        [("spawn", Self::Spawn), ("forkserver", Self::Forkserver), ("fork", Self::Fork)];
}

impl FromStr for StartMethod {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::NAMES.iter().find(|(name, _)| *name == text);
        found.map(|&(_, method)| method).ok_or_else(|| Error::Setting {
            name: "start_method".into(),
            value: format!("{text:?}"),
            allowed: Self::NAMES.map(|(name, _)| name).join(", "),
        })
    }
}

impl fmt::Display for StartMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(_, method)| method == self);
        f.write_str(name.map_or("?", |(name, _)| name))
    }
}

/// How worker processes are run. Nothing here changes what a sample is.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) start_method: StartMethod,
    /// How long one sample may take.
    pub(crate) sample_timeout: Option<Duration>,
    /// How long a worker may take to open its pipeline.
    pub(crate) startup_timeout: Duration,
    /// What a worker may occupy, in bytes.
    pub(crate) max_rss: Option<u64>,
    /// After how many samples a worker is replaced.
    pub(crate) max_samples: Option<u64>,
    /// How many workers may be lost in a row without a sample made.
    pub(crate) max_crashes: u32,
    /// A program to start instead of this one, with its arguments.
    pub(crate) program: Option<(PathBuf, Vec<OsString>)>,
    /// What starts the program, with the arguments that come before it.
    pub(crate) launcher: Option<(PathBuf, Vec<OsString>)>,
    /// Whether lines on a worker's standard error begin with its number.
    pub(crate) prefix_stderr: bool,
    /// What may be ready ahead of the caller, in bytes.
    pub(crate) ahead_bytes: u64,
    /// What samples add to reducers.
    pub(crate) additions: Arc<Additions>,
    /// The hashes of samples, where workers make them.
    pub(crate) hashes: Option<Arc<Hashes>>,
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
        }
    }
}
