//! The environment variables that override a loader's settings.
#![expect(clippy::disallowed_methods, reason = "the variables of this process")]

use crate::backend::log::{self, Levels};
use crate::backend::settings::WORKERS_MAX;
use crate::backend::{Backend, StartMethod};
use crate::error::{Error, Result};

/// The settings that environment variables force on every loader of this process.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Environment {
    pub(crate) backend: Option<Backend>,
    pub(crate) workers: Option<u32>,
    pub(crate) start_method: Option<StartMethod>,
    pub(super) strict: bool,
    pub(super) log: Option<Levels>,
}

impl Environment {
    /// Reads the environment variables of this process.
    pub(crate) fn of_process() -> Result<Self> {
        let read = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let environment = Self::read(read)?;
        if let Some(filter) = &environment.log {
            filter.clone().set();
        }
        Ok(environment)
    }

    /// Reads each variable with the given function.
    fn read(read: impl Fn(&'static str) -> Option<String>) -> Result<Self> {
        let backends = Backend::NAMES.map(|(name, _)| name).join(", ");
        let count = |text: &str| text.parse().ok().filter(|count| *count <= WORKERS_MAX);
        let switch = |text: &str| match text {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        };
        let backends = format!("{backends}, threading, multiprocessing");
        let counts = format!("a count from 0 to {WORKERS_MAX}");
        let methods = "spawn or forkserver";
        Ok(Self {
            backend: one(&read, "WINDROW_BACKEND", |text| text.parse().ok(), &backends)?,
            workers: one(&read, "WINDROW_WORKERS", count, &counts)?,
            strict: one(&read, "WINDROW_STRICT", switch, "0 or 1")?.unwrap_or_default(),
            start_method: one(&read, "WINDROW_START_METHOD", |text| text.parse().ok(), methods)?,
            log: one(&read, "WINDROW_LOG", Levels::parse, log::ALLOWED)?,
        })
    }
}

/// Returns the value of a variable; `None` if it is absent or empty.
fn one<T>(
    read: impl Fn(&'static str) -> Option<String>,
    variable: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    allowed: &str,
) -> Result<Option<T>> {
    let Some(value) = read(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
    match parse(&value) {
        None => Err(Error::Environment { variable, value, allowed: allowed.into() }),
        parsed => Ok(parsed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(name: &'static str, value: &str) -> Result<Environment> {
        Environment::read(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn every_good_value_is_taken() {
        assert_eq!(only("", "").unwrap(), Environment::default());
        for (value, backend) in [
            ("auto", Backend::Auto),
            ("threading", Backend::Threads),
            ("multiprocessing", Backend::Processes),
        ] {
            assert_eq!(only("WINDROW_BACKEND", value).unwrap().backend, Some(backend));
        }
        assert_eq!(only("WINDROW_WORKERS", "3").unwrap().workers, Some(3));
        assert!(only("WINDROW_STRICT", "1").unwrap().strict);
        assert!(!only("WINDROW_STRICT", "0").unwrap().strict);
        assert!(only("WINDROW_LOG", "threads=debug").unwrap().log.is_some());
        let method = only("WINDROW_START_METHOD", "forkserver").unwrap().start_method;
        assert_eq!(method, Some(StartMethod::Forkserver));
        assert_eq!(only("WINDROW_BACKEND", "").unwrap(), Environment::default());
    }

    #[test]
    fn every_bad_value_is_an_error_with_variable_value_and_what_is_allowed() {
        for (name, value, allowed) in [
            ("WINDROW_BACKEND", "gpu", "threads"),
            ("WINDROW_WORKERS", "-1", "0 to 1024"),
            ("WINDROW_WORKERS", "1025", "0 to 1024"),
            ("WINDROW_WORKERS", "two", "0 to 1024"),
            ("WINDROW_STRICT", "yes", "0 or 1"),
            ("WINDROW_START_METHOD", "vfork", "forkserver"),
            ("WINDROW_LOG", "loud", "a level"),
        ] {
            let message = only(name, value).unwrap_err().to_string();
            for part in [name, value, allowed] {
                assert!(message.contains(part), "{message:?} lacks {part:?}");
            }
        }
    }
}
