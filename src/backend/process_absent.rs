//! `processes`, where there are none.

use std::any::TypeId;
use std::sync::Arc;

use super::recipe::{Expected, Factory, Hooks, Named, Opener};
use super::settings::Settings;
use super::{Fill, Inline};
use crate::dataset::Owner;
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

fn refused() -> Error {
    let (what, instead) = ("backend processes".into(), "use backend auto".into());
    Error::Unsupported { what, why: WHY.into(), instead }
}

/// Whether a loader with these settings can have worker processes, or why not.
pub(crate) fn ready(_: &Settings) -> Result<()> {
    Err(refused())
}

/// What a worker runs: there is none.
#[derive(Debug)]
pub(crate) enum Launch {}

impl Launch {
    pub(crate) fn by_place<C, P, O: Opener<P>>(_: Factory<C, P>, _: &C, _: Hooks) -> Result<Self> {
        Err(refused())
    }

    pub(crate) fn by_name<C>(_: &str, _: &C) -> Result<Self> {
        Err(refused())
    }
}

/// A pool that cannot be made on this platform.
pub(crate) enum Processes {}

impl Processes {
    pub(crate) fn start<T>(
        launch: Launch,
        _: Expected,
        _: u32,
        _: Settings,
        _: Decode<T>,
        _: Arc<dyn Fill<T>>,
    ) -> Result<Inline<T>> {
        match launch {}
    }
}
