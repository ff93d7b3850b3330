//! `processes`, where there are none.

use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::recipe::{Expected, Factory, Hooks, Named, Opener};
use super::settings::Settings;
use super::{Event, ExecutionBackend, Fill, Full, Info, registry};
use crate::dataset::Owner;
use crate::engine::Task;
use crate::error::{Error, Fault, Result};

/// Puts a sample together.
pub(crate) type Decode<T> = fn(&[u8], Vec<Owner>) -> Result<T, Fault>;
const WHY: &str = "this platform has no worker processes that windrow can start";

/// Makes worker processes possible, where there are any: call it in the first line of `main`.
///
/// There are none here, so it does nothing.
pub fn init() {}

pub(crate) fn not_a_lost_worker() {}

/// That a test binary has an entry for workers.
#[derive(Debug)]
#[doc(hidden)]
pub struct TestEntry;

/// Lets the tests of a binary use worker processes, where there are any.
#[macro_export]
macro_rules! test_entry {
    () => {};
}

/// A recipe and its name.
#[derive(Debug)]
#[doc(hidden)]
pub struct Registered;

impl Registered {
    pub(crate) const fn of(
        _: &'static str,
        _: &'static str,
        _: Hooks,
        _: &'static dyn Named,
    ) -> Self {
        Self
    }
}

/// What keeps a list of names elsewhere.
#[doc(hidden)]
pub mod inventory {
    /// Looks at it and leaves it.
    #[doc(hidden)]
    #[macro_export]
    macro_rules! __submit_nowhere {
        ($entry:expr) => {
            const _: () = {
                _ = $entry;
            };
        };
    }

    pub use __submit_nowhere as submit;
}

pub(crate) fn registered(_: &str, _: TypeId) -> Result<Hooks> {
    Ok(Hooks::NONE)
}

pub(super) fn available() -> std::result::Result<(), String> {
    Err(WHY.into())
}

/// Whether a loader with these settings can have worker processes, or why not.
pub(crate) fn ready(_: &Settings) -> Result<()> {
    let (what, instead) = ("backend processes".into(), "use backend auto".into());
    Err(Error::Unsupported { what, why: WHY.into(), instead })
}

/// What a worker runs.
#[derive(Debug)]
pub(crate) struct Launch;

impl Launch {
    pub(crate) fn by_place<C, P, O>(_: Factory<C, P>, _: &C, _: Hooks) -> Result<Self>
    where
        C: Serialize + DeserializeOwned,
        O: Opener<P>,
    {
        Ok(Self)
    }

    pub(crate) fn by_name<C: Serialize>(_: &str, _: &C) -> Result<Self> {
        Ok(Self)
    }
}

/// Makes no samples.
pub(crate) struct Processes<T>(PhantomData<fn() -> T>);

impl<T> Processes<T> {
    pub(crate) fn start(
        _: Launch,
        _: Expected,
        _: u32,
        settings: Settings,
        _: Decode<T>,
        _: Arc<dyn Fill<T>>,
    ) -> Result<Self> {
        ready(&settings).map(|()| Self(PhantomData))
    }
}

impl<T> ExecutionBackend<T> for Processes<T> {
    fn info(&self) -> &Info {
        &registry::PROCESSES
    }

    fn workers(&self) -> u32 {
        0
    }

    fn submit(&mut self, _: Task) -> Result<(), Full> {
        Err(Full)
    }

    fn wait(&mut self, _: Duration) -> Option<Event<T>> {
        None
    }

    fn wake(&mut self, _: &Waker) {}

    fn activity(&self) -> Vec<Option<u64>> {
        Vec::new()
    }

    fn shutdown(&mut self, _: Duration) -> Vec<u64> {
        Vec::new()
    }
}
