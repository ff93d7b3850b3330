//! The reader of a source, which runs in a thread or is called by the loader.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::JoinHandle;
use std::time::Duration;

use super::IterableSource;
use super::pass::{Pass, cursor_of};
use super::table::{Dropped, Table};
use crate::dataset::probe::Clock;
use crate::dataset::{SampleResult, caught, discard};
use crate::error::{Error, Result};
use crate::order::SourceCursor;
use crate::stage::{ReadAhead, ReadStart, ReadTo, Reading};

/// The reader of a source, which workers and the loader share.
pub(super) struct Reader<S: IterableSource> {
    pub(super) source: S,
    table: Mutex<Table<S::Sample>>,
    /// Wakes the reader's thread when the table has room, or when its pass is over.
    room: Condvar,
    /// The pass that no thread has begun.
    pass: Mutex<Option<Pass<S>>>,
    threads: Mutex<Threads>,
    ended: Condvar,
}

/// The threads of a reader. A thread inside of the source may outlive its pass.
#[derive(Default)]
struct Threads {
    alive: u32,
    handles: Vec<JoinHandle<()>>,
}

impl<S: IterableSource> Reader<S> {
    pub(super) fn new(source: S) -> Self {
        Self {
            source,
            table: Mutex::new(Table::new()),
            room: Condvar::new(),
            pass: Mutex::new(None),
            threads: Mutex::default(),
            ended: Condvar::new(),
        }
    }

    /// Takes the sample at a position.
    ///
    /// # Errors
    /// Returns the error of the source for this sample.
    pub(super) fn take(&self, position: u64) -> SampleResult<S::Sample> {
        let (sample, wakes) = lock(&self.table).take(position);
        if wakes {
            self.room.notify_one();
        }
        sample.map(Some)
    }

    /// Ends the current pass, and drops its samples.
    fn end(&self, position: u64) {
        let dropped: Dropped<_> = lock(&self.table).begin(position);
        self.room.notify_all();
        dropped.into_iter().for_each(discard);
        let pass = lock(&self.pass).take();
        discard(pass);
    }

    /// Reads a pass to its end, or until another pass begins.
    fn read(&self, mut pass: Pass<S>, number: u64) {
        let mut table = lock(&self.table);
        if table.pass == number {
            table.time.begin();
        }
        while table.pass == number && !table.read_to.ended {
            if table.is_full() {
                table.sleeps = true;
                table.time.end();
                table = self.room.wait(table).unwrap_or_else(PoisonError::into_inner);
                // The flag may be that of a later pass, whose reader sleeps.
                if table.pass == number {
                    table.sleeps = false;
                    table.time.begin();
                }
                continue;
            }
            drop(table);
            let read = pass.next(&self.source);
            table = lock(&self.table);
            if table.pass != number {
                drop(table);
                discard(read);
                break;
            }
            table.put(read);
            if let Some(waker) = table.waker.take() {
                drop(table);
                wake(waker);
                table = lock(&self.table);
            }
        }
        discard(pass);
    }
}

impl<S: IterableSource> Reading for Reader<S> {
    fn set_read_ahead(&self, bounds: ReadAhead) {
        lock(&self.table).bounds = bounds;
    }

    fn begin(&self, start: ReadStart) -> Result<()> {
        for place in &start.places {
            caught(|| cursor_of::<S>(&place.cursor).map(drop))??;
        }
        let places = start.places.clone();
        let pass = Pass::new(start);
        self.end(pass.first());
        let mut table = lock(&self.table);
        places.into_iter().for_each(|place| table.cursors.push(place.position, place.cursor));
        drop(table);
        *lock(&self.pass) = Some(pass);
        Ok(())
    }

    fn spawn(self: Arc<Self>) -> bool {
        let Some(pass) = lock(&self.pass).take() else { return true };
        let number = lock(&self.table).pass;
        let (reader, given) = (self.clone(), Arc::new(Mutex::new(Some(pass))));
        let taken = given.clone();
        let mut threads = lock(&self.threads);
        let thread = std::thread::Builder::new().name("windrow-reader".into()).spawn(move || {
            if let Some(pass) = lock(&taken).take() {
                reader.read(pass, number);
            }
            lock(&reader.threads).alive -= 1;
            reader.ended.notify_all();
        });
        match thread {
            Ok(thread) => {
                threads.alive += 1;
                threads.handles.retain(|thread| !thread.is_finished());
                threads.handles.push(thread);
                true
            }
            Err(_) => {
                *lock(&self.pass) = lock(&given).take();
                false
            }
        }
    }

    fn pull(&self) {
        let mut pass = lock(&self.pass);
        let Some(pass) = &mut *pass else { return };
        lock(&self.table).time.begin();
        let read = pass.next(&self.source);
        let mut table = lock(&self.table);
        table.time.end();
        table.put(read);
    }

    fn set_clock(&self, clock: Clock) {
        lock(&self.table).time.set_clock(clock);
    }

    fn nanos(&self) -> u64 {
        lock(&self.table).time.so_far()
    }

    fn read_to(&self) -> ReadTo {
        lock(&self.table).read_to
    }

    fn failure(&self) -> Option<Error> {
        lock(&self.table).failure.take()
    }

    fn wake(&self, waker: &Waker, seen: ReadTo) -> bool {
        let mut table = lock(&self.table);
        let is_news = table.read_to != seen;
        table.waker = (!is_news).then(|| waker.clone());
        !is_news
    }

    fn release(&self, position: u64) {
        let dropped = lock(&self.table).release(position);
        dropped.into_iter().for_each(discard);
    }

    fn cursors(&self, position: u64, held: &[u64], front: u64) -> Vec<SourceCursor> {
        lock(&self.table).cursors.of(position, held, front)
    }

    fn stop(&self, limit: Duration) {
        self.end(0);
        let threads = lock(&self.threads);
        let waited = self.ended.wait_timeout_while(threads, limit, |threads| threads.alive > 0);
        let mut threads = waited.unwrap_or_else(PoisonError::into_inner).0;
        let handles = std::mem::take(&mut threads.handles);
        let ended = threads.alive == 0;
        drop(threads);
        // Join the threads: code that forks afterwards relies on their end.
        for thread in handles.into_iter().filter(|thread| ended || thread.is_finished()) {
            _ = thread.join();
        }
    }
}

impl<S: IterableSource> fmt::Debug for Reader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("source", &self.source.op()).finish_non_exhaustive()
    }
}

/// Wakes a waker of the caller, whose panic nobody waits for here.
fn wake(waker: Waker) {
    _ = caught(|| waker.wake());
}

/// Locks a mutex whose contents stay consistent after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
