//! The report of a preflight, and its text.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The report of [`preflight`](super::preflight()).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Preflight {
    /// The number of positions in the stream.
    pub positions: u64,
    /// Whether samples cross to another process and come back the same; if not, the reason.
    pub crosses: Result<(), String>,
    /// The mean cost of the samples that preflight made one by one; `None` if all failed.
    pub sample: Option<SampleCost>,
    /// The reason why samples of this type are slow to cross to another process, and the remedy.
    /// `None` if nearly all of their bytes cross in blocks.
    pub slow_to_cross: Option<String>,
    /// The first errors of samples, in each try.
    pub errors: Vec<String>,
    /// The trials, one for each backend and number of workers.
    pub trials: Vec<Trial>,
    /// The recommended backend and number of workers; `None` if no backend works.
    pub recommendation: Option<Recommendation>,
}

/// The mean cost of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SampleCost {
    /// Bytes on the wire to another process.
    pub bytes: u64,
    /// The part of those bytes that is written value by value, not in blocks: see
    /// [`wire`](crate::dataset::wire).
    pub inline_bytes: u64,
    /// Nanoseconds to make the sample.
    pub make_nanos: u64,
    /// Nanoseconds to encode the sample.
    pub encode_nanos: u64,
    /// Nanoseconds to decode the sample.
    pub decode_nanos: u64,
}

/// The result of one trial of a backend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trial {
    /// The backend's name.
    pub backend: String,
    /// The number of workers.
    pub workers: u32,
    /// Seconds from the start to the first batch.
    pub first_batch_seconds: f64,
    /// Positions per second after the first batch.
    pub positions_per_second: f64,
    /// Why the trial failed; `None` if it succeeded.
    pub failed: Option<String>,
}

/// The recommended backend and number of workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Recommendation {
    /// The backend's name.
    pub backend: String,
    /// The number of workers.
    pub workers: u32,
    /// The reason.
    pub why: String,
}

impl fmt::Display for Preflight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} positions", self.positions)?;
        match &self.crosses {
            Ok(()) => writeln!(f, "samples cross to other processes and come back the same")?,
            Err(why) => writeln!(f, "samples do not cross to other processes: {why}")?,
        }
        if let Some(cost) = &self.sample {
            let micros = |nanos: u64| nanos as f64 / 1e3;
            writeln!(
                f,
                "a sample: {} bytes on the wire; {:.1} µs to make, {:.1} µs to encode, {:.1} µs to decode",
                cost.bytes,
                micros(cost.make_nanos),
                micros(cost.encode_nanos),
                micros(cost.decode_nanos)
            )?;
        }
        if let Some(why) = &self.slow_to_cross {
            writeln!(f, "slow to cross to other processes: {why}")?;
        }
        for error in &self.errors {
            writeln!(f, "failed: {error}")?;
        }
        writeln!(
            f,
            "{:<12}{:>8}{:>18}{:>16}",
            "backend", "workers", "first batch, ms", "positions/s"
        )?;
        for trial in &self.trials {
            let name = (&trial.backend, trial.workers);
            match &trial.failed {
                Some(why) => writeln!(f, "{:<12}{:>8}  not tried: {why}", name.0, name.1)?,
                None => writeln!(
                    f,
                    "{:<12}{:>8}{:>18.1}{:>16.0}",
                    name.0,
                    name.1,
                    trial.first_batch_seconds * 1e3,
                    trial.positions_per_second
                )?,
            }
        }
        match &self.recommendation {
            Some(choice) => write!(
                f,
                "recommended: {} with {} workers ({})",
                choice.backend, choice.workers, choice.why
            ),
            None => write!(f, "no recommendation: no backend works; see the errors above"),
        }
    }
}
