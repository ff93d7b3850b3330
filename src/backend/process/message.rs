//! What the frames say, as types.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::frame::{BODY_MAX, PROTOCOL};
use super::launch::Launch;
use super::ledger::Place;
use crate::backend::recipe::Expected;
use crate::dataset::reduce::Key;
use crate::engine::Task;
use crate::error::{Error, Result};

/// Which program this is. A worker of another program or build runs nothing by its place.
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

    /// What is different in the worker, in words. By name, a recipe runs in every build: nothing
    /// goes over that depends on the build or on the compiler.
    pub(super) fn difference(&self, worker: &Self, launch: &Launch) -> Option<String> {
        let fields = [
            ("windrow", &self.version, &worker.version),
            ("platform", &self.target, &worker.target),
            ("build", &self.build, &worker.build),
        ];
        let mut fields = fields.into_iter().take(if launch.is_by_name() { 2 } else { 3 });
        let different = fields.find(|(_, own, other)| own != other);
        different.map(|(what, own, other)| {
            format!(
                "the worker is another program: {what} {other}, this one has {own}; was the program \
                 built anew while it ran? start it again"
            )
        })
    }
}

/// From the worker: which program it is, and which process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Greeting {
    pub(super) identity: Identity,
    pub(super) process: u32,
    /// The process that started it, where that is known.
    pub(super) parent: u32,
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
    /// The reducers that the loader collects.
    pub(super) reducers: Vec<Key>,
    /// Whether each sample is followed by its hash.
    pub(super) hashes: bool,
    pub(super) launch: Launch,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::recipe::{Hooks, Opened, Opener};

    struct Nothing;

    impl Opener<()> for Nothing {
        fn open((): ()) -> Result<Opened> {
            Err(Error::Workers { why: "it opens nothing".into() })
        }
    }

    #[test]
    fn another_build_is_refused_by_place_and_another_version_or_platform_always() {
        let own = Identity::own("a");
        let named = Launch::by_name("name", &()).unwrap();
        let placed = Launch::by_place::<(), (), Nothing>(|(), _| Ok(()), &(), Hooks::NONE);
        let placed = placed.unwrap();
        assert_eq!(own.difference(&own, &placed), None);
        let build = Identity { build: "b".into(), ..own.clone() };
        assert!(own.difference(&build, &placed).unwrap().contains("build b, this one has a"));
        assert_eq!(own.difference(&build, &named), None);
        let version = Identity { version: "9.9.9".into(), ..own.clone() };
        let target = Identity { target: "s390x-linux-32".into(), ..own.clone() };
        for launch in [&named, &placed] {
            assert!(own.difference(&version, launch).unwrap().contains("windrow 9.9.9"));
            assert!(own.difference(&target, launch).unwrap().contains("platform s390x-linux-32"));
        }
    }
}
