//! The list of backends, their capabilities and their availability on this platform.

use super::settings::by_name;
use super::{Info, inline, process, threads};
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
            Self::Auto if (threads::INFO.available)().is_err() => &inline::INFO,
            Self::Auto | Self::Threads => &threads::INFO,
            Self::Inline => &inline::INFO,
            Self::Processes => &process::INFO,
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

/// Returns all backends, available or not.
///
/// ```
/// let names: Vec<&str> = windrow::backend::registry().iter().map(|info| info.name).collect();
/// assert_eq!(names, ["inline", "threads", "processes"]);
/// ```
#[must_use]
pub fn registry() -> [&'static Info; 3] {
    [&inline::INFO, &threads::INFO, &process::INFO]
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
