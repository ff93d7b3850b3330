//! The worker's main loop: answers tasks one after another, until the loader tells the worker to
//! end.
//!
//! User code runs in the thread that called `init`. A second thread watches the channel, and ends
//! the process at once when the loader is gone, even while user code runs.

use std::cell::RefCell;
use std::io;
use std::ops::Range;
use std::rc::Rc;

use super::super::identity::address::image;
use super::super::protocol::frame::{BODY_MAX, Kind};
use super::super::protocol::message::{
    Assignment, Greeting, Identity, PayloadPlace, Report, Setup, SlabNote, Streaming, read,
};
use super::super::protocol::payload::{IN_FRAME_MAX, Packing};
use super::super::shm::region::Slots;
use super::super::shm::status_page::{Phase, StatusPage};
use super::super::sys::{self, Handle, exit_now, now_nanos};
use super::connection::{Connection, encoded};
use super::fork_server::{self, Inherited};
use super::pipeline::{context, open, start};
use super::slot_allocator::SlotAllocator;
use crate::backend::clock;
use crate::backend::profile::{Profiler, Sampled, TaskTimer};
use crate::backend::recipe::Opened;
use crate::dataset::reduce::{Key, Keys};
use crate::dataset::wire::Wire;
use crate::dataset::{Keeping, caught, discard, keep_index_in, lend};
use crate::engine::Task;

/// Serves the loader at the other end of the channel, and then ends the process.
pub(in super::super) fn run(link: Handle) -> ! {
    let mut worker = MainLoop::new(link);
    match worker.work(None) {
        Ok(()) => std::process::exit(0),
        Err(error) => worker.connection.end_in_trouble(&error),
    }
}

/// Serves the loader like [`run`], in a forked process that inherits an open pipeline.
fn run_split_off(link: Handle, shared: Inherited<'_>) -> ! {
    let mut worker = MainLoop::new(link);
    if let Err(error) = worker.work(Some(shared)) {
        worker.connection.end_in_trouble(&error);
    }
    // A forked process must not run the program's exit handlers.
    sys::flush();
    exit_now(0)
}

/// The state of a worker.
struct MainLoop {
    connection: Connection,
    allocator: Rc<RefCell<SlotAllocator>>,
    packing: Packing,
    reducers: Keys,
    hashes: bool,
    profiler: Option<Profiler>,
}

impl MainLoop {
    fn new(link: Handle) -> Self {
        Self {
            connection: Connection::new(link),
            allocator: Rc::default(),
            packing: Packing::default(),
            reducers: Keys::default(),
            hashes: false,
            profiler: None,
        }
    }

    fn work(&mut self, shared: Option<Inherited<'_>>) -> io::Result<()> {
        let build = image().as_ref().map_or_else(String::clone, |image| image.build.clone());
        let identity = Identity::own(&build);
        let (process, parent) = (std::process::id(), sys::parent());
        self.connection
            .say(Kind::Hello, &Greeting { identity: identity.clone(), process, parent })?;
        let (kind, setup) = self.connection.hear()?;
        let setup: Option<(Setup, _)> = read(&setup).filter(|_| kind == Kind::Setup);
        let (setup, _) = setup.ok_or_else(|| {
            io::Error::other("the first frame of the loader was not a valid Setup frame")
        })?;
        let beside = self.hear_beside(setup.beside_bytes)?;
        let setup = Setup { launch: setup.launch.with_beside(beside), ..setup };
        if let Some(difference) = setup.identity.difference(&identity, &setup.launch) {
            return self.connection.say(Kind::Refused, &difference);
        }
        if setup.is_server {
            return fork_server::serve(&mut self.connection, &setup, run_split_off);
        }
        self.reducers = Key::in_worker(&setup.reducers, setup.identity == identity);
        self.hashes = setup.hashes;
        self.connection.watch().map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("start the thread that watches the loader: {error}"),
            )
        })?;
        let page = self
            .connection
            .link
            .passed()
            .ok_or_else(|| io::Error::other("the Setup frame came without a status page"))?;
        let page: &'static StatusPage = Box::leak(Box::new(StatusPage::received(page)?));
        keep_index_in(page.index());
        page.enter(Phase::Starting);
        let context = shared.map_or_else(|| context(&setup), |(_, context)| context);
        context.become_worker(setup.worker, setup.workers, setup.incarnation);
        if let Err(error) = start(&setup, context) {
            return self.connection.say(Kind::Refused, &error.why());
        }
        let own = match shared.is_none().then(|| open(&setup, context)).transpose() {
            Ok(own) => own,
            Err(error) => {
                self.connection.say(Kind::Refused, &error.why())?;
                setup.launch.close(context);
                return Ok(());
            }
        };
        if let Some(opened) = own.as_ref().or(shared.map(|(opened, _)| opened)) {
            let (steps, stages) = opened.steps.clone();
            self.profiler = setup.profile.then(|| Profiler::new(steps, stages, 1, setup.trace));
            self.connection.say(Kind::Ready, &opened.expected)?;
            page.enter(Phase::Idle);
            self.serve(opened, page)?;
        }
        page.enter(Phase::Ending);
        // A panic in the pipeline's drop must not prevent the hooks.
        discard(own);
        setup.launch.close(context);
        self.connection.send(Kind::Bye, &[])
    }

    /// Receives so many bytes beside the configuration of the recipe.
    fn hear_beside(&mut self, bytes: u64) -> io::Result<Vec<u8>> {
        let mut beside = Vec::new();
        while (beside.len() as u64) < bytes {
            match self.connection.hear()? {
                (Kind::Beside, piece) if !piece.is_empty() => beside.extend(piece),
                (kind, _) => {
                    let why = format!("a {kind:?} frame came before the end of the setup");
                    return Err(io::Error::other(why));
                }
            }
        }
        Ok(beside)
    }

    /// Answers tasks until the loader or the status page asks the worker to stop.
    fn serve(&mut self, opened: &Opened, page: &StatusPage) -> io::Result<()> {
        lend::borrow_from(Some(self.allocator.clone()));
        let _keeping = Keeping::new();
        loop {
            let wrong = |what: &str| io::Error::other(what.to_owned());
            match self.connection.hear()? {
                (Kind::Task, assignment) => {
                    let (assignment, _) = read(&assignment)
                        .ok_or_else(|| wrong("the loader sent an invalid Task frame"))?;
                    if !self.answer(assignment, opened, page)? {
                        return Ok(());
                    }
                }
                (Kind::Slab, note) => {
                    let (note, _): (SlabNote, _) = read(&note)
                        .ok_or_else(|| wrong("the loader sent an invalid Slab frame"))?;
                    let fd = self
                        .connection
                        .link
                        .passed()
                        .ok_or_else(|| wrong("the Slab frame came without memory"))?;
                    let slots = Slots::received(fd, note.slot_bytes, note.slots)?;
                    self.allocator.borrow_mut().set(slots);
                }
                (Kind::Drain, _) => return Ok(()),
                (kind, _) => {
                    return Err(wrong(&format!("the loader sent an unexpected {kind:?} frame")));
                }
            }
        }
    }

    /// Answers a task; returns false when the status page asks for a stop. After a false request on
    /// the page, the worker ends and the loader detects the end.
    fn answer(
        &mut self,
        assignment: Assignment,
        opened: &Opened,
        page: &StatusPage,
    ) -> io::Result<bool> {
        if page.is_stopped() {
            return Ok(false);
        }
        page.begin(assignment.id);
        self.allocator.borrow_mut().open(&assignment);
        let outcome = self.fill(assignment, opened, page);
        // Sent tensors belong to the loader; only those that user code keeps stay alive here.
        self.packing.clear();
        self.allocator.borrow_mut().close();
        page.enter(Phase::Idle);
        outcome
    }

    fn fill(
        &mut self,
        assignment: Assignment,
        opened: &Opened,
        page: &StatusPage,
    ) -> io::Result<bool> {
        let start = now_nanos();
        let mut now = start;
        let positions = assignment.start..assignment.start.saturating_add(assignment.count);
        if opened.fill.is_together() {
            if !self.fill_together(positions, opened, page) {
                return Ok(false);
            }
            page.enter(Phase::Sending);
            let nanos = now_nanos().saturating_sub(start).max(1);
            return self.send(assignment, nanos, None).map(|()| true);
        }
        let task = Task { id: assignment.id, start: assignment.start, count: assignment.count };
        let mut timer = self.profiler.as_ref().map(|profiler| profiler.begin(task, clock::now()));
        let timed = timer.as_ref().and_then(TaskTimer::position);
        for position in positions {
            if page.is_stopped() {
                return Ok(false);
            }
            page.fill(position, now);
            let is_timed = timed == Some(position);
            let probe = timer.as_ref().filter(|_| is_timed).map(TaskTimer::probe);
            let mut encoding = || page.enter(Phase::Encoding);
            let made = caught(|| opened.fill.fill(position, &self.reducers, &mut encoding));
            let (mut outcome, added) = made.unwrap_or_else(|fault| (Err(fault), Vec::new()));
            let bytes = outcome.as_ref().ok().and_then(Option::as_ref).map(Wire::byte_len);
            if let (Ok(Some(wire)), true) = (&mut outcome, self.hashes) {
                let hash = wire.sha256();
                wire.inline.extend_from_slice(&hash);
            }
            self.packing.push_added(&added);
            let before = self.packing.tensors().len();
            self.packing.push(outcome);
            self.allocator.borrow_mut().learn(&self.packing.tensors()[before..]);
            if let Some((timer, probe)) = timer.as_mut().zip(probe) {
                timer.probed(probe, bytes);
            }
            now = now_nanos();
        }
        let sampled = timer.and_then(TaskTimer::into_sampled);
        page.enter(Phase::Sending);
        self.send(assignment, now.saturating_sub(start).max(1), sampled).map(|()| true)
    }

    /// Packs the results of work that takes the positions of a task together. Returns false if the
    /// page asks for a stop.
    fn fill_together(&mut self, positions: Range<u64>, opened: &Opened, page: &StatusPage) -> bool {
        let mut begin = |position| {
            page.fill(position, now_nanos());
            !page.is_stopped()
        };
        // The samples stay in this process, so their tensors need no slot.
        let filled =
            lend::without(|| caught(|| opened.fill.fill_together(positions.clone(), &mut begin)));
        let outcomes = match filled {
            Ok(Some(outcomes)) => outcomes,
            Ok(None) => return false,
            Err(fault) => positions.map(|_| Err(fault.clone())).collect(),
        };
        for outcome in outcomes {
            self.packing.push_added(&[]);
            self.packing.push(outcome);
        }
        true
    }

    /// Sends the packed samples: in the frame, in a slot, or in pieces.
    fn send(
        &mut self,
        assignment: Assignment,
        nanos: u64,
        sampled: Option<Sampled>,
    ) -> io::Result<()> {
        let payload = PayloadPlace::Here;
        let mut report = Report { task: assignment.id, nanos, payload, sampled };
        let bytes = self.packing.line_up();
        if bytes <= IN_FRAME_MAX {
            let head = encoded(&report)?;
            let mut payload = [0; IN_FRAME_MAX];
            self.packing.write_to(&mut payload[..bytes]);
            return self.connection.send(Kind::Done, &[&head, &payload[..bytes]]);
        }
        let mut allocator = self.allocator.borrow_mut();
        let mut placed = allocator.place(&mut self.packing);
        let mut payload = Vec::new();
        if placed.is_none() {
            payload.resize(self.packing.line_up(), 0);
            self.packing.write_to(&mut payload);
            self.packing.clear();
            placed = allocator.replace(&payload);
        }
        drop(allocator);
        report.payload = match (placed, assignment.slot) {
            (Some((start, bytes)), Some((slot, generation))) => {
                PayloadPlace::Slot { slot, generation, start: start as u64, bytes: bytes as u64 }
            }
            _ => {
                self.stream(assignment.id, &payload)?;
                PayloadPlace::Streamed
            }
        };
        self.connection.say(Kind::Done, &report)
    }

    fn stream(&mut self, task: u64, payload: &[u8]) -> io::Result<()> {
        self.connection.say(Kind::Stream, &Streaming { task, bytes: payload.len() as u64 })?;
        for piece in payload.chunks(BODY_MAX) {
            self.connection.send(Kind::Piece, &[piece])?;
        }
        Ok(())
    }
}
