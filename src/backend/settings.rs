//! How worker processes are run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::beside::{Additions, Hashes};

/// The most workers that anyone may ask for.
pub(crate) const WORKERS_MAX: u32 = 1024;

/// A choice that is read and shown by its `NAMES`, and read by other names too.
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

/// How a worker process starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum StartMethod {
    /// This program is started again, everywhere.
    #[default]
    Spawn,
    /// A process that has opened the pipeline splits off workers (unix).
    Forkserver,
}

impl StartMethod {
    /// All of them, by the name that the environment uses.
    pub const NAMES: [(&str, Self); 2] = [("spawn", Self::Spawn), ("forkserver", Self::Forkserver)];
}

by_name!(StartMethod, "start_method");

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
