//! The stand-in for backend `processes` on platforms without worker processes.

use std::any::TypeId;
use std::sync::Arc;

use super::recipe::{Expected, Factory, Hooks, Named, Opener};
use super::settings::Settings;
use super::{Fill, Info, Inline};
use crate::dataset::Owner;
use crate::error::{Error, Fault, Result};

/// A function that decodes a sample.
pub(crate) type Decode<T> = fn(&[u8], Vec<Owner>) -> Result<T, Fault>;
const WHY: &str = "windrow cannot start worker processes on this platform";

/// Makes worker processes available; call it in the first line of `main`.
///
/// Does nothing on this platform.
pub fn init() {}

pub(crate) fn not_a_lost_worker() {}

/// Proof that a test binary has an entry point for workers.
#[derive(Debug)]
#[doc(hidden)]
pub struct TestEntry;

/// Gives a test binary an entry point for workers; expands to no entry on this platform.
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

/// A stand-in for the registration of names on other platforms.
#[doc(hidden)]
pub mod inventory {
    /// Accepts an expression and ignores it.
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

pub(super) static INFO: Info = Info::processes(available);

fn available() -> std::result::Result<(), String> {
    Err(WHY.into())
}

fn refused() -> Error {
    let (what, instead) = ("backend processes".into(), "use backend auto".into());
    Error::Unsupported { what, why: WHY.into(), instead }
}

/// Returns why a loader with these settings cannot use worker processes.
pub(crate) fn ready(_: &Settings) -> Result<()> {
    Err(refused())
}

/// The instructions for a worker; uninhabited on this platform.
#[derive(Debug)]
pub(crate) enum Launch {}

impl Launch {
    pub(crate) fn by_place<C, P, O: Opener<P>>(
        _: Factory<C, P>,
        _: &C,
        _: Vec<u8>,
        _: Hooks,
    ) -> Result<Self> {
        Err(refused())
    }

    pub(crate) fn by_name<C>(_: &str, _: &C) -> Result<Self> {
        Err(refused())
    }
}

/// A pool of worker processes; uninhabited on this platform.
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
