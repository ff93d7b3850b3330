//! `processes`, where there are none.

use std::marker::PhantomData;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::recipe::{Expected, Factory, Hooks, Opener};
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

pub(super) fn available() -> std::result::Result<(), String> {
    Err(WHY.into())
}

/// Whether this program can have worker processes, or why not.
pub(crate) fn ready() -> Result<()> {
    let (what, instead) = ("backend processes".into(), "use backend auto".into());
    Err(Error::Unsupported { what, why: WHY.into(), instead })
}

/// What a worker runs.
#[derive(Debug)]
pub(crate) struct Launch;

pub(crate) fn launch<C, P, O>(_: Factory<C, P>, _: &C, _: Hooks) -> Result<Launch>
where
    C: Serialize + DeserializeOwned,
    O: Opener<P>,
{
    Ok(Launch)
}

/// Makes no samples.
pub(crate) struct Processes<T>(PhantomData<fn() -> T>);

impl<T> Processes<T> {
    pub(crate) fn start(
        _: Launch,
        _: Expected,
        _: u32,
        _: Settings,
        _: Decode<T>,
        _: Arc<dyn Fill<T>>,
    ) -> Result<Self> {
        ready().map(|()| Self(PhantomData))
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
