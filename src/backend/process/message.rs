//! What the frames say, as types.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::frame::{BODY_MAX, PROTOCOL};
use super::ledger::Place;
use crate::backend::recipe::Expected;
use crate::engine::Task;
use crate::error::{Error, Result};

/// Which program this is. A worker of another program or build runs nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    protocol: u16,
    version: String,
    target: String,
    build: String,
}

impl Identity {
    /// This process.
    pub(super) fn own(build: &str) -> Self {
        let bits = usize::BITS;
        Self {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").into(),
            target: format!("{}-{}-{bits}", std::env::consts::ARCH, std::env::consts::OS),
            build: build.into(),
        }
    }

    /// What is different in the worker, in words.
    pub(super) fn difference(&self, worker: &Self) -> Option<String> {
        let fields = [
            ("windrow", &self.version, &worker.version),
            ("platform", &self.target, &worker.target),
            ("build", &self.build, &worker.build),
        ];
        let different = fields.into_iter().find(|(_, own, other)| own != other);
        different.map(|(what, own, other)| {
            format!(
                "the worker is another program: {what} {other}, this one has {own}; was the program \
                 built anew while it ran? start it again"
            )
        })
    }
}

/// To the worker: who it is and what it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Setup {
    pub(super) identity: Identity,
    pub(super) worker: u32,
    pub(super) workers: u32,
    /// How many processes there were in this worker's place before.
    pub(super) incarnation: u32,
    /// Whether it splits workers off instead of being one.
    pub(super) is_server: bool,
    /// The threads that a server may have: its own, and in a test binary the harness's, which only
    /// waits for the test to end.
    pub(super) threads: usize,
    pub(super) launch: Launch,
}

/// What a worker runs: places of functions in this program, counted from its anchor, and the
/// encoded configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Launch {
    /// The function that opens a pipeline of these types.
    pub(super) open: u64,
    /// The recipe.
    pub(super) factory: u64,
    /// Runs before the recipe.
    pub(super) on_start: Option<u64>,
    /// Runs at every orderly end.
    pub(super) on_exit: Option<u64>,
    pub(super) config: Vec<u8>,
}

/// What is different in the worker's pipeline, in words.
pub(super) fn another_pipeline(own: &Expected, worker: &Expected) -> Option<String> {
    (own != worker).then(|| {
        format!(
            "the recipe made another pipeline in the worker: {} positions of {}, here {} positions \
             of {}; a recipe must give the same for the same configuration",
            worker.positions, worker.pipeline, own.positions, own.pipeline
        )
    })
}

/// To the worker: slots to put samples in.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct SlabNote {
    pub(super) slot_bytes: u64,
    pub(super) slots: u32,
}

/// To the worker: positions to fill, and where to put them.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) id: u64,
    pub(super) start: u64,
    pub(super) count: u64,
    pub(super) slot: Option<(u32, u32)>,
}

impl Order {
    pub(super) fn new(task: Task, place: Option<Place>) -> Self {
        let slot = place.map(|place| (place.slot, place.generation));
        Self { id: task.id, start: task.start, count: task.count, slot }
    }
}

/// From the worker: a task is done. The body of the frame goes on with the parcel if it is `Here`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Report {
    pub(super) task: u64,
    pub(super) nanos: u64,
    pub(super) parcel: Where,
}

/// Where the samples of a task lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Where {
    /// After the report, in the same frame.
    Here,
    /// In the first so many bytes of this slot, with the count at `start`.
    Slot { slot: u32, generation: u32, start: u64, bytes: u64 },
    /// In the pieces that came before.
    Streamed,
}

/// From a fork server: how one of its processes ended; neither a code nor a signal if that is not
/// known.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct EndNote {
    pub(super) pid: u32,
    pub(super) code: Option<i32>,
    pub(super) signal: Option<i32>,
}

/// From the worker: how many bytes come in pieces.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Streaming {
    pub(super) task: u64,
    pub(super) bytes: u64,
}

/// A message as the body of a frame.
pub(super) fn body<T: Serialize>(message: &T) -> Result<Vec<u8>> {
    let wrong = |why: String| Error::Workers { why };
    let body = postcard::to_stdvec(message).map_err(|why| {
        wrong(format!("the configuration of the recipe cannot be encoded: {why}"))
    })?;
    if body.len() > BODY_MAX {
        return Err(wrong(format!(
            "the configuration of the recipe takes {} bytes, {BODY_MAX} can be sent; let the worker \
             read what is large from a file",
            body.len()
        )));
    }
    Ok(body)
}

/// A message from the body of a frame, with what comes after it.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Option<(T, &[u8])> {
    postcard::take_from_bytes(body).ok()
}
