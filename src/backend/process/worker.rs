//! The worker's side: takes tasks one after another and answers them, until it is told to end.
//!
//! User code runs in the thread that called `init`. A second thread watches the channel and ends
//! the process at once when the loader is gone, whatever user code is doing.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use super::address::image;
use super::frame::{BODY_MAX, Decoder, Encoder, Kind};
use super::init::{MISLED, ORPHANED};
use super::lending::Lending;
use super::message::{
    Greeting, Identity, Order, Report, Setup, SlabNote, Streaming, Where, body, read,
};
use super::parcel::Packing;
use super::sys::{self, Board, Handle, Link, Slots, Stage, exit_now, now_nanos};
use super::{HERE_MAX, init, server};
use crate::backend::recipe::{Opened, WorkerContext};
use crate::dataset::gather::Keys;
use crate::dataset::reduce::Key;
use crate::dataset::{Keeping, caught, discard, keep_index_in, lend};
use crate::error::{Error, Result};

/// Works for the loader at the other end, and ends the process.
pub(super) fn run(link: Handle) -> ! {
    let mut desk = Desk::new(link);
    match desk.work(None) {
        Ok(()) => std::process::exit(0),
        Err(error) => desk.end_in_trouble(&error),
    }
}

/// As [`run`], in a process that was split off with a pipeline open in it.
pub(super) fn run_split_off(link: Handle, shared: Option<Shared<'_>>) -> ! {
    let mut desk = Desk::new(link);
    if let Err(error) = desk.work(shared) {
        desk.end_in_trouble(&error);
    }
    // What the program wants at its exit is not this process's to do.
    sys::flush();
    exit_now(0)
}

/// A pipeline that was opened before the worker was split off.
pub(super) type Shared<'a> = (&'a Opened, &'static WorkerContext);

/// What a worker has before it.
pub(super) struct Desk {
    pub(super) link: Link,
    encoder: Encoder,
    decoder: Decoder,
    lending: Rc<RefCell<Lending>>,
    packing: Packing,
    reducers: Keys,
    hashes: bool,
    out: Vec<u8>,
}

impl Desk {
    fn new(link: Handle) -> Self {
        Self {
            link: Link::new(link),
            encoder: Encoder::default(),
            decoder: Decoder::default(),
            lending: Rc::default(),
            packing: Packing::default(),
            reducers: Keys::default(),
            hashes: false,
            out: Vec::new(),
        }
    }

    /// Tells the loader why it ends. Where that is gone, which is most often the trouble, nobody has
    /// to hear.
    fn end_in_trouble(&mut self, error: &io::Error) -> ! {
        match self.say(Kind::Trouble, &error.to_string()) {
            Ok(()) => exit_now(MISLED),
            Err(_) => exit_now(ORPHANED),
        }
    }

    /// Has another thread end this process when the loader is gone.
    fn watch(&self) -> io::Result<()> {
        let watcher = self.link.watcher()?;
        std::thread::Builder::new().name("windrow-watch".into()).stack_size(64 << 10).spawn(
            move || {
                watcher();
                exit_now(ORPHANED)
            },
        )?;
        Ok(())
    }

    fn work(&mut self, shared: Option<Shared<'_>>) -> io::Result<()> {
        let build = image().as_ref().map_or_else(String::clone, |image| image.build.clone());
        let identity = Identity::own(&build);
        let (process, parent) = (std::process::id(), sys::parent());
        self.say(Kind::Hello, &Greeting { identity: identity.clone(), process, parent })?;
        let (kind, setup) = self.hear()?;
        let setup: Option<(Setup, _)> = read(&setup).filter(|_| kind == Kind::Setup);
        let (setup, _) = setup.ok_or_else(|| io::Error::other("it was not set up"))?;
        if let Some(difference) = setup.identity.difference(&identity, &setup.launch) {
            return self.say(Kind::Refused, &difference);
        }
        if setup.is_server {
            return server::serve(self, &setup);
        }
        self.reducers = Key::in_worker(&setup.reducers, setup.identity == identity);
        self.hashes = setup.hashes;
        self.watch().map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("start the thread that watches the loader: {error}"),
            )
        })?;
        let board = self.link.gift().ok_or_else(|| io::Error::other("it was given no board"))?;
        let board: &'static Board = Box::leak(Box::new(Board::received(board)?));
        keep_index_in(board.index());
        board.stage(Stage::Starting);
        let context = shared.map_or_else(|| context(&setup), |(_, context)| context);
        context.become_worker(setup.worker, setup.workers, setup.incarnation);
        if let Err(error) = start(&setup, context) {
            return self.say(Kind::Refused, &error.why());
        }
        let own = match shared.is_none().then(|| open(&setup, context)).transpose() {
            Ok(own) => own,
            Err(error) => {
                self.say(Kind::Refused, &error.why())?;
                setup.launch.close(context);
                return Ok(());
            }
        };
        if let Some(opened) = own.as_ref().or(shared.map(|(opened, _)| opened)) {
            self.say(Kind::Ready, &opened.expected)?;
            board.stage(Stage::Idle);
            self.serve(opened, board)?;
        }
        board.stage(Stage::Ending);
        // A pipeline that panics on its way out does not keep the hooks from running.
        discard(own);
        setup.launch.close(context);
        let bye = self.encoder.frame(Kind::Bye, &[]);
        self.link.send(&bye)
    }

    /// Answers tasks until there are to be no more.
    fn serve(&mut self, opened: &Opened, board: &Board) -> io::Result<()> {
        lend::borrow_from(Some(self.lending.clone()));
        let _keeping = Keeping::new();
        loop {
            let wrong = |what: &str| io::Error::other(what.to_owned());
            match self.hear()? {
                (Kind::Task, order) => {
                    let (order, _) = read(&order).ok_or_else(|| wrong("a task without sense"))?;
                    if !self.answer(order, opened, board)? {
                        return Ok(());
                    }
                }
                (Kind::Slab, note) => {
                    let (note, _): (SlabNote, _) =
                        read(&note).ok_or_else(|| wrong("a slab without sense"))?;
                    let fd = self.link.gift().ok_or_else(|| wrong("a slab without memory"))?;
                    let slots = Slots::received(fd, note.slot_bytes, note.slots)?;
                    self.lending.borrow_mut().set(slots);
                }
                (Kind::Drain, _) => return Ok(()),
                (kind, _) => return Err(wrong(&format!("it was sent a {kind:?} frame"))),
            }
        }
    }

    /// Answers a task; false where the page says that no more samples are wanted. A worker that only
    /// seems to be told so ends, and its loader finds out.
    fn answer(&mut self, order: Order, opened: &Opened, board: &Board) -> io::Result<bool> {
        if board.is_stopped() {
            return Ok(false);
        }
        board.begin(order.id);
        self.lending.borrow_mut().open(&order);
        let outcome = self.fill(order, opened, board);
        // What was sent belongs to the loader; only what user code keeps of it lives on.
        self.packing.clear();
        self.lending.borrow_mut().close();
        board.stage(Stage::Idle);
        outcome
    }

    fn fill(&mut self, order: Order, opened: &Opened, board: &Board) -> io::Result<bool> {
        let start = now_nanos();
        let mut now = start;
        for position in order.start..order.start.saturating_add(order.count) {
            if board.is_stopped() {
                return Ok(false);
            }
            board.fill(position, now);
            let mut encoding = || board.stage(Stage::Encoding);
            let made = caught(|| opened.fill.fill(position, &self.reducers, &mut encoding));
            let (mut outcome, added) = made.unwrap_or_else(|fault| (Err(fault), Vec::new()));
            if let (Ok(Some(wire)), true) = (&mut outcome, self.hashes) {
                let hash = wire.sha256();
                wire.inline.extend_from_slice(&hash);
            }
            self.packing.push_added(&added);
            let before = self.packing.tensors().len();
            self.packing.push(outcome);
            self.lending.borrow_mut().learn(&self.packing.tensors()[before..]);
            now = now_nanos();
        }
        board.stage(Stage::Sending);
        self.send(order, now.saturating_sub(start).max(1)).map(|()| true)
    }

    /// Sends what is packed: in the frame, by a slot, or in pieces.
    fn send(&mut self, order: Order, nanos: u64) -> io::Result<()> {
        let mut report = Report { task: order.id, nanos, parcel: Where::Here };
        let bytes = self.packing.line_up();
        if bytes <= HERE_MAX {
            let head = own(body(&report))?;
            let mut parcel = [0; HERE_MAX];
            self.packing.write_to(&mut parcel[..bytes]);
            self.out.clear();
            self.encoder.write(&mut self.out, Kind::Done, &[&head, &parcel[..bytes]]);
            return self.link.send(&self.out);
        }
        let mut lending = self.lending.borrow_mut();
        let mut placed = lending.place(&mut self.packing);
        let mut parcel = Vec::new();
        if placed.is_none() {
            parcel.resize(self.packing.line_up(), 0);
            self.packing.write_to(&mut parcel);
            self.packing.clear();
            placed = lending.replace(&parcel);
        }
        drop(lending);
        report.parcel = match (placed, order.slot) {
            (Some((start, bytes)), Some((slot, generation))) => {
                Where::Slot { slot, generation, start: start as u64, bytes: bytes as u64 }
            }
            _ => {
                self.stream(order.id, &parcel)?;
                Where::Streamed
            }
        };
        self.say(Kind::Done, &report)
    }

    fn stream(&mut self, task: u64, parcel: &[u8]) -> io::Result<()> {
        self.say(Kind::Stream, &Streaming { task, bytes: parcel.len() as u64 })?;
        for piece in parcel.chunks(BODY_MAX) {
            self.out.clear();
            self.encoder.write(&mut self.out, Kind::Piece, &[piece]);
            self.link.send(&self.out)?;
        }
        Ok(())
    }

    pub(super) fn say<T: serde::Serialize>(&mut self, kind: Kind, message: &T) -> io::Result<()> {
        let frame = self.encoder.frame(kind, &[&own(body(message))?]);
        self.link.send(&frame)
    }

    /// The next frame, waiting for it.
    pub(super) fn hear(&mut self) -> io::Result<(Kind, Vec<u8>)> {
        loop {
            let frame = self.decoder.next().map_err(|wrong| io::Error::other(wrong.0))?;
            if let Some(frame) = frame {
                return Ok((frame.kind, frame.body.to_vec()));
            }
            match self.link.receive(self.decoder.room())? {
                0 => exit_now(init::ORPHANED),
                bytes => self.decoder.came(bytes),
            }
        }
    }
}

/// The context of a process that is a worker from its beginning.
pub(super) fn context(setup: &Setup) -> &'static WorkerContext {
    let context = WorkerContext::new(setup.worker, setup.workers, setup.incarnation, true);
    Box::leak(Box::new(context))
}

fn start(setup: &Setup, context: &'static WorkerContext) -> Result<()> {
    told(|| setup.launch.start(context))
}

pub(super) fn open(setup: &Setup, context: &'static WorkerContext) -> Result<Opened> {
    told(|| setup.launch.open(context))
}

fn told<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(run).unwrap_or_else(|fault| {
        Err(Error::Workers { why: format!("the recipe panicked: {}", fault.message()) })
    })
}

fn own<T>(result: Result<T>) -> io::Result<T> {
    result.map_err(|error| io::Error::other(error.to_string()))
}
