//! The messages in the frames, as types.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::identity::launch::Launch;
use super::frame::{BODY_MAX, PROTOCOL};
use crate::backend::profile::Sampled;
use crate::backend::recipe::Expected;
use crate::dataset::reduce::Key;
use crate::engine::Task;
use crate::error::{Error, Result};

/// The identity of a program. A worker with another program or build must not use addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Identity {
    protocol: u16,
    version: String,
    target: String,
    build: String,
}

impl Identity {
    /// Returns the identity of this process.
    pub(in super::super) fn own(build: &str) -> Self {
        let bits = usize::BITS;
        Self {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").into(),
            target: format!("{}-{}-{bits}", std::env::consts::ARCH, std::env::consts::OS),
            build: build.into(),
        }
    }

    /// Describes how the worker differs, if it does. A recipe found by name runs in every build,
    /// because then no data depends on the build or the compiler.
    pub(in super::super) fn difference(&self, worker: &Self, launch: &Launch) -> Option<String> {
        let fields = [
            ("windrow", &self.version, &worker.version),
            ("platform", &self.target, &worker.target),
            ("build", &self.build, &worker.build),
        ];
        let mut fields = fields.into_iter().take(if launch.is_by_name() { 2 } else { 3 });
        let different = fields.find(|(_, own, other)| own != other);
        different.map(|(what, own, other)| {
            format!(
                "the worker is another program: {what} {other}, this one has {own}; if the program \
                 was rebuilt while running, start it again"
            )
        })
    }
}

/// From the worker: the identities of its program and its process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Greeting {
    pub(in super::super) identity: Identity,
    pub(in super::super) process: u32,
    /// The process that started the worker, if known.
    pub(in super::super) parent: u32,
}

/// To the worker: its number and pipeline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Setup {
    pub(in super::super) identity: Identity,
    pub(in super::super) worker: u32,
    pub(in super::super) workers: u32,
    /// The number of earlier processes in this worker's place.
    pub(in super::super) incarnation: u32,
    /// Whether the process forks workers instead of being one.
    pub(in super::super) is_server: bool,
    /// The maximum number of threads of a server: its own, and in a test binary the harness's,
    /// which only waits for the test to end.
    pub(in super::super) threads: usize,
    /// The reducers that the loader collects.
    pub(in super::super) reducers: Vec<Key>,
    /// Whether a hash follows each sample.
    pub(in super::super) hashes: bool,
    /// Whether the worker times the steps of some samples, and keeps each call.
    pub(in super::super) profile: bool,
    pub(in super::super) trace: bool,
    pub(in super::super) launch: Launch,
    /// The number of bytes beside the configuration of the recipe, which follow in frames of kind
    /// `Beside`.
    pub(in super::super) beside_bytes: u64,
}

impl Setup {
    /// Returns the bodies of the frames that follow the setup.
    pub(in super::super) fn beside(&self) -> impl Iterator<Item = &[u8]> {
        self.launch.beside().chunks(BODY_MAX)
    }
}

/// Describes how the worker's pipeline differs, if it does.
pub(in super::super) fn another_pipeline(own: &Expected, worker: &Expected) -> Option<String> {
    (own != worker).then(|| {
        format!(
            "the recipe built another pipeline in the worker: {} positions of {}, here {} \
             positions of {}; make the recipe return the same pipeline for the same configuration",
            worker.positions, worker.pipeline, own.positions, own.pipeline
        )
    })
}

/// To the worker: slots for samples.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in super::super) struct SlabNote {
    pub(in super::super) slot_bytes: u64,
    pub(in super::super) slots: u32,
}

/// A slot, and a number for its current use. The loader ignores answers about earlier uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct SlotUse {
    pub(in super::super) slot: u32,
    pub(in super::super) generation: u32,
}

/// To the worker: positions to compute, and the slot for the samples.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in super::super) struct Assignment {
    pub(in super::super) id: u64,
    pub(in super::super) start: u64,
    pub(in super::super) count: u64,
    pub(in super::super) slot: Option<(u32, u32)>,
}

impl Assignment {
    pub(in super::super) fn new(task: Task, place: Option<SlotUse>) -> Self {
        let slot = place.map(|place| (place.slot, place.generation));
        Self { id: task.id, start: task.start, count: task.count, slot }
    }
}

/// From the worker: a task is complete. If the place is `Here`, the payload follows in the same
/// frame.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct Report {
    pub(in super::super) task: u64,
    pub(in super::super) nanos: u64,
    pub(in super::super) payload: PayloadPlace,
    /// The timed sample of the task, if any.
    pub(in super::super) sampled: Option<Sampled>,
}

/// The place of a task's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) enum PayloadPlace {
    /// After the report, in the same frame.
    Here,
    /// In the first `bytes` bytes of this slot, with the count at `start`.
    Slot { slot: u32, generation: u32, start: u64, bytes: u64 },
    /// In the pieces sent before.
    Streamed,
}

/// From a fork server: the end of one of its processes; neither a code nor a signal if unknown.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in super::super) struct EndNote {
    pub(in super::super) pid: u32,
    pub(in super::super) code: Option<i32>,
    pub(in super::super) signal: Option<i32>,
}

/// From the worker: the number of bytes that follow in pieces.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(in super::super) struct Streaming {
    pub(in super::super) task: u64,
    pub(in super::super) bytes: u64,
}

/// Encodes a message as the body of a frame.
pub(in super::super) fn body<T: Serialize>(message: &T) -> Result<Vec<u8>> {
    let wrong = |why: String| Error::Workers { why };
    let body = postcard::to_stdvec(message)
        .map_err(|why| wrong(format!("the recipe's configuration cannot be encoded: {why}")))?;
    if body.len() > BODY_MAX {
        return Err(wrong(format!(
            "the recipe's configuration takes {} bytes, {BODY_MAX} can be sent; let the worker \
             read large data from a file",
            body.len()
        )));
    }
    Ok(body)
}

/// Decodes a message from the body of a frame, and returns the rest of the body.
pub(in super::super) fn read<T: DeserializeOwned>(body: &[u8]) -> Option<(T, &[u8])> {
    postcard::take_from_bytes(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::recipe::{Hooks, Opened, Opener};

    struct Nothing;

    impl Opener<()> for Nothing {
        fn open((): (), _: &[u8]) -> Result<Opened> {
            Err(Error::Workers { why: "this recipe opens no pipeline".into() })
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs this program's addresses in memory")]
    fn another_build_is_refused_by_place_and_another_version_or_platform_always() {
        let own = Identity::own("a");
        let named = Launch::by_name("name", &()).unwrap();
        let placed =
            Launch::by_place::<(), (), Nothing>(|(), _| Ok(()), &(), Vec::new(), Hooks::NONE);
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
