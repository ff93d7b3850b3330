//! Workers that send what no worker sends: each lie is found out by what it is, and costs nothing.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::common::{system, within};
use crate::faults::Deed;
use windrow::{Backend, Dataset, Error, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(60);

const TASK: u8 = 3;
const HELLO: u8 = 16;
const READY: u8 = 17;
const STREAM: u8 = 19;
const PIECE: u8 = 20;
const DONE: u8 = 21;
const BYE: u8 = 22;
const FORKED: u8 = 23;

/// What the first process writes to its channel instead of an answer, and what it does then.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Lie {
    bytes: Vec<u8>,
    then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
enum Then {
    Waits,
    Dies,
    /// Closes its channel for writing, and lives on.
    Hushes,
}

impl Lie {
    fn tell(&self) {
        system::write_to_channel(&self.bytes);
        match self.then {
            Then::Waits => {}
            Then::Dies => Deed::Kill(9).done().unwrap(),
            Then::Hushes => system::hush_channel(),
        }
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

/// Each sample comes with the number of the process that made it, counted from 0.
fn lying(lie: Lie, context: &WorkerContext) -> Result<impl Dataset<Sample = (u64, u32)> + use<>> {
    let incarnation = context.incarnation();
    Ok(range(0..30).map(move |x| {
        if x == 0 && incarnation == 0 {
            lie.tell();
        }
        (x * 10, incarnation)
    }))
}

/// Tells a lie to a loader that tries again, and to one that does not: gives what was lost there.
///
/// With one worker, its answer to position 0 is its third frame, whatever the machine is doing.
fn told(lie: &Lie) -> Result<(), Error> {
    let loader = |losses| {
        let builder = Loader::recipe(lying, lie.clone()).max_losses(losses);
        builder.backend(Backend::Processes).workers(1).build().unwrap()
    };
    let again: Vec<_> = loader(2).map(|x| x.expect("no loss").into_inner()).collect();
    assert_eq!(
        again.iter().map(|x| x.0).collect::<Vec<_>>(),
        (0..30).map(|x| x * 10).collect::<Vec<_>>()
    );
    assert!(again[1..].iter().all(|x| x.1 == 1), "the liar is gone: {again:?}");
    loader(1).next().unwrap().map(|_| ())
}

/// A frame whose numbers are right, unless they are changed afterwards.
fn frame(kind: u8, sequence: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = b"WRW1\x01\0".to_vec();
    frame.extend([kind, 0, body.len() as u8, 0, 0, 0]);
    frame.extend([0; 4]);
    frame.extend([sequence, 0, 0, 0, 0, 0, 0, 0]);
    frame.extend(body);
    summed(frame)
}

/// With the checksum that it should have.
fn summed(mut frame: Vec<u8>) -> Vec<u8> {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&frame[..12]);
    sum.update(&frame[16..]);
    frame[12..16].copy_from_slice(&sum.finalize().to_le_bytes());
    frame
}

/// A frame with a byte changed and a checksum that fits.
fn changed(at: usize, byte: u8) -> Vec<u8> {
    let mut frame = frame(DONE, 2, &answer(0));
    frame[at] = byte;
    summed(frame)
}

/// That a task is done, with its samples in the frame and no timed one: one sample, the pair `(0, 0)`.
fn answer(task: u8) -> Vec<u8> {
    let word = 1u64 | 2 << 24;
    [&[task, 1, 0, 0][..], &1u64.to_le_bytes(), &word.to_le_bytes(), &[0, 0]].concat()
}

#[test]
fn every_lie_is_found_out_by_what_it_is() {
    within(LIMIT, || {
        let wrong_sum = [&frame(DONE, 2, &answer(0))[..23], &[1], &answer(0)].concat();
        let two = [&frame(STREAM, 2, &[0, 9])[..], &frame(STREAM, 3, &[0, 9])].concat();
        let more = [&frame(STREAM, 2, &[0, 1])[..], &frame(PIECE, 3, &[7, 7])].concat();
        let fewer =
            [frame(STREAM, 2, &[0, 9]), frame(PIECE, 3, &[7]), frame(DONE, 4, &[0, 1, 2, 0])]
                .concat();
        let other = [frame(STREAM, 2, &[1, 0]), frame(DONE, 3, &[0, 1, 2, 0])].concat();
        let cut = &answer(0)[..19];
        let empty = [&[0, 1, 0, 0][..], &0u64.to_le_bytes()].concat();
        let lies: Vec<(Vec<u8>, &str)> = vec![
            (b"hello loader, here is a sample".to_vec(), "bytes that are not a frame"),
            (wrong_sum, "a Done frame with a wrong checksum"),
            (changed(4, 9), "it speaks protocol 9"),
            (changed(6, 99), "a frame of unknown kind 99"),
            (changed(10, 17), "are allowed"),
            (frame(DONE, 1, &answer(0)), "it sent frame 1 where 2 was due"),
            (frame(DONE, 3, &answer(0)), "it sent frame 3 where 2 was due"),
            (frame(HELLO, 2, &[]), "a Hello frame while Working"),
            (frame(READY, 2, &[]), "a Ready frame while Working"),
            (frame(BYE, 2, &[]), "a Bye frame while Working"),
            (frame(TASK, 2, &[]), "a Task frame while Working"),
            (frame(FORKED, 2, &[]), "a Forked frame while Working"),
            (frame(DONE, 2, &[]), "an invalid Done frame"),
            (frame(DONE, 2, &answer(99)), "a task that was not its turn"),
            (frame(DONE, 2, &empty), "0 words for 1 positions"),
            (frame(DONE, 2, cut), "too short"),
            (frame(DONE, 2, &[0, 1, 1, 0, 0, 0, 9, 0]), "not in the task's slot"),
            (frame(DONE, 2, &[0, 1, 2, 0]), "the pieces do not match the report"),
            (frame(STREAM, 2, &[]), "an invalid Stream frame"),
            (frame(PIECE, 2, &[7]), "bytes that it had not announced"),
            (two, "a Stream frame while Working"),
            (more, "bytes that it had not announced"),
            (fewer, "the pieces do not match the report"),
            (other, "it announced a task that was not its turn"),
        ];
        for (bytes, part) in lies {
            match told(&Lie { bytes, then: Then::Waits }) {
                Err(Error::SampleLost { position: 0, attempts, .. }) => {
                    assert!(attempts[0].how.contains(part), "{part:?} is not in {attempts:?}");
                }
                other => panic!("{part:?}: {other:?}"),
            }
        }
    });
}

#[test]
fn a_worker_that_answers_twice_is_killed_and_its_first_answer_stands() {
    within(LIMIT, || {
        let twice = [frame(DONE, 2, &answer(0)), frame(DONE, 3, &answer(0))].concat();
        told(&Lie { bytes: twice, then: Then::Waits }).unwrap();
    });
}

#[test]
fn an_answer_that_is_cut_anywhere_costs_nothing() {
    within(LIMIT, || {
        let whole = frame(DONE, 2, &answer(0));
        for cut in 1..whole.len() {
            let lie = Lie { bytes: whole[..cut].to_vec(), then: Then::Dies };
            let error = told(&lie).unwrap_err();
            assert!(error.to_string().contains(system::KILLED), "after {cut} bytes: {error}");
        }
        // All of it is an answer, whatever became of its worker.
        told(&Lie { bytes: whole, then: Then::Dies }).unwrap();
    });
}

#[test]
fn a_worker_that_closes_its_channel_but_lives_is_killed() {
    within(LIMIT, || {
        let error = told(&Lie { bytes: vec![], then: Then::Hushes }).unwrap_err();
        assert!(error.to_string().contains("closed its channel and did not end"), "{error}");
    });
}

#[cfg(all(target_os = "linux", not(windrow_portable)))]
fn shrinking(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = Vec<u8>>> {
    use windrow::Fault;
    Ok(range(0..20).try_map(|x| {
        let mut refused = 0;
        // A worker has closed it, but reaches it where its loader has it open.
        let loader = format!("/proc/{}/fd", std::os::unix::process::parent_id());
        for fd in std::fs::read_dir(loader)?.flatten() {
            let is_shared = std::fs::read_link(fd.path())
                .is_ok_and(|path| path.to_string_lossy().contains("memfd:windrow"));
            if is_shared {
                let file = std::fs::File::options().read(true).write(true).open(fd.path());
                // Another test's may be gone meanwhile.
                let Ok(file) = file else { continue };
                for length in [0, 1 << 40] {
                    let error = file.set_len(length).expect_err("sealed memory was resized");
                    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
                    refused += 1;
                }
            }
        }
        if refused == 0 { Err(Fault::new("no shared memory")) } else { Ok(vec![x as u8; 20_000]) }
    }))
}

#[cfg(all(target_os = "linux", not(windrow_portable)))]
#[test]
fn a_worker_cannot_make_shared_memory_shorter_or_longer() {
    within(LIMIT, || {
        let builder = Loader::recipe(shrinking, ()).backend(Backend::Processes).workers(2);
        let samples: Vec<_> = builder.build().unwrap().map(|x| x.unwrap().into_inner()).collect();
        assert!(samples.iter().enumerate().all(|(x, bytes)| *bytes == [x as u8; 20_000]));
        assert_eq!(samples.len(), 20);
    });
}
