//! The names of reducers, as they cross to workers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The most reducers that a loader or a run collects.
const REDUCERS_MAX: usize = 64;
/// The longest name of a reducer, in bytes.
const NAME_MAX: usize = 200;

/// The identity of a reducer across processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) name: String,
    /// The type, as the compiler names it; `None` for a worker of another build, whose compiler may
    /// name the same type differently.
    pub(crate) kind: Option<String>,
}

impl Key {
    /// Checks the reducers that a loader or a run collects.
    ///
    /// # Errors
    /// Returns [`Error::Setting`] for too many reducers, a name of a wrong length, or a name that
    /// occurs twice.
    pub(crate) fn check<'a>(keys: impl IntoIterator<Item = &'a Self>) -> Result<()> {
        let wrong = |value: String, allowed: &str| {
            Err(Error::Setting { name: "reduce".into(), value, allowed: allowed.into() })
        };
        let names: Vec<&String> = keys.into_iter().map(|key| &key.name).collect();
        if names.len() > REDUCERS_MAX {
            return wrong(format!("{} reducers", names.len()), "64");
        }
        for (number, name) in names.iter().enumerate() {
            if !(1..=NAME_MAX).contains(&name.len()) {
                return wrong(format!("{name:?}"), "a name of 1 to 200 bytes");
            }
            if names[..number].contains(name) {
                return wrong(format!("{name:?} twice"), "a different name for each reducer");
            }
        }
        Ok(())
    }

    /// Returns the reducers of a loader in a worker, which may be another build than the loader's
    /// program.
    #[allow(dead_code, reason = "not every platform has worker processes")]
    pub(crate) fn in_worker(keys: &[Self], same_build: bool) -> Arc<[Self]> {
        let kind = |key: &Self| key.kind.clone().filter(|_| same_build);
        keys.iter().map(|key| Self { name: key.name.clone(), kind: kind(key) }).collect()
    }
}

/// The reducers that a loader or a run collects.
pub(crate) type Keys = Arc<[Key]>;
