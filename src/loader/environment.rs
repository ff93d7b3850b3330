//! What the environment forces.
#![expect(clippy::disallowed_methods, reason = "the variables of this process")]

use crate::backend::log::{self, Filter};
use crate::backend::settings::WORKERS_MAX;
use crate::backend::{Backend, StartMethod};
use crate::error::{Error, Result};

/// The settings that variables force on every loader of this process.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Environment {
    pub(super) backend: Option<Backend>,
    pub(super) workers: Option<u32>,
    pub(super) start_method: Option<StartMethod>,
    pub(super) strict: bool,
    pub(super) log: Option<Filter>,
}

impl Environment {
    /// Reads the variables of this process.
    pub(super) fn of_process() -> Result<Self> {
        let read = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        let environment = Self::read(read)?;
        if let Some(filter) = &environment.log {
            filter.clone().set();
        }
        Ok(environment)
    }

    /// Reads variables by a function; an empty one counts as absent.
    fn read(read: impl Fn(&'static str) -> Option<String>) -> Result<Self> {
        let read = |name| read(name).filter(|value: &String| !value.is_empty());
        let wrong = |variable, value: &str, allowed: String| Error::Environment {
            variable,
            value: value.into(),
            allowed,
        };
        let mut environment = Self::default();
        if let Some(value) = read("WINDROW_BACKEND") {
            let backend = value.parse().map_err(|_| {
                let names = Backend::NAMES.map(|(name, _)| name).join(", ");
                wrong("WINDROW_BACKEND", &value, format!("{names}, threading, multiprocessing"))
            })?;
            environment.backend = Some(backend);
        }
        if let Some(value) = read("WINDROW_WORKERS") {
            let workers = value.parse().ok().filter(|count| *count <= WORKERS_MAX);
            environment.workers = Some(workers.ok_or_else(|| {
                wrong("WINDROW_WORKERS", &value, format!("a count from 0 to {WORKERS_MAX}"))
            })?);
        }
        if let Some(value) = read("WINDROW_STRICT") {
            environment.strict = match &*value {
                "0" => false,
                "1" => true,
                _ => return Err(wrong("WINDROW_STRICT", &value, "0 or 1".into())),
            };
        }
        if let Some(value) = read("WINDROW_START_METHOD") {
            let method = value.parse().map_err(|_| {
                wrong("WINDROW_START_METHOD", &value, "spawn, forkserver or fork".into())
            })?;
            environment.start_method = Some(method);
        }
        if let Some(value) = read("WINDROW_LOG") {
            let filter = Filter::parse(&value);
            let filter = filter.ok_or_else(|| wrong("WINDROW_LOG", &value, log::ALLOWED.into()))?;
            environment.log = Some(filter);
        }
        Ok(environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &'static str, value: &str) -> Result<Environment> {
        Environment::read(|asked| (asked == name).then(|| value.to_owned()))
    }

    #[test]
    fn every_good_value_is_taken() {
        assert_eq!(one("", "").unwrap(), Environment::default());
        for (value, backend) in [
            ("auto", Backend::Auto),
            ("threading", Backend::Threads),
            ("multiprocessing", Backend::Processes),
        ] {
            assert_eq!(one("WINDROW_BACKEND", value).unwrap().backend, Some(backend));
        }
        assert_eq!(one("WINDROW_WORKERS", "3").unwrap().workers, Some(3));
        assert!(one("WINDROW_STRICT", "1").unwrap().strict);
        assert!(!one("WINDROW_STRICT", "0").unwrap().strict);
        assert!(one("WINDROW_LOG", "threads=debug").unwrap().log.is_some());
        let method = one("WINDROW_START_METHOD", "fork").unwrap().start_method;
        assert_eq!(method, Some(StartMethod::Fork));
        assert_eq!(one("WINDROW_BACKEND", "").unwrap(), Environment::default());
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
            let message = one(name, value).unwrap_err().to_string();
            for part in [name, value, allowed] {
                assert!(message.contains(part), "{message:?} lacks {part:?}");
            }
        }
    }
}
