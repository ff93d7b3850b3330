//! The description of a kind of backend.

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

    /// Returns the description of backend `threads`.
    pub(super) const fn threads(available: fn() -> Result<(), String>) -> Self {
        Self {
            requires: "a platform with threads; samples and datasets that threads can share",
            available,
            capabilities: Capabilities {
                shares_memory: true,
                runs_ahead: true,
                ..Capabilities::NONE
            },
            ..Self::new("threads", "computes samples on threads of this process")
        }
    }

    /// Returns the description of backend `processes`.
    pub(super) const fn processes(available: fn() -> Result<(), String>) -> Self {
        Self {
            requires: "Linux, macOS or Windows; a recipe instead of a dataset",
            available,
            capabilities: Capabilities::APART,
            ..Self::new(
                "processes",
                "computes samples in worker processes, so a crash loses no sample",
            )
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
    pub(super) const NONE: Self = Self {
        isolates_crashes: false,
        kills_stuck_samples: false,
        shares_memory: false,
        runs_ahead: false,
    };
    /// The capabilities of workers without access to the caller's memory.
    pub(super) const APART: Self =
        Self { isolates_crashes: true, kills_stuck_samples: true, runs_ahead: true, ..Self::NONE };
}
