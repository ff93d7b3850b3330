//! Ctrl-C and termination: stop after the batch at hand, or at once when that takes too long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use windrow::{Error, Result, State};

use crate::checkpoint::Checkpoint;
use crate::output::complain;
use crate::{INTERRUPTED, code_of};

/// How long the run may take to stop by itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the run and the signal handler share.
#[derive(Clone, Default)]
pub(crate) struct Interrupt {
    asked: Arc<AtomicBool>,
    latest: Arc<Mutex<Option<(Checkpoint, State)>>>,
}

impl Interrupt {
    /// Listens for Ctrl-C and termination.
    pub(crate) fn listen() -> Result<Self> {
        let interrupt = Self::default();
        let theirs = interrupt.clone();
        ctrlc::set_handler(move || theirs.hear())
            .map_err(|error| Error::io("listen for Ctrl-C", std::io::Error::other(error)))?;
        Ok(interrupt)
    }

    /// Whether the run was asked to stop.
    pub(crate) fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Tells where the stream stands now, in case it has to be saved from here.
    pub(crate) fn reached(&self, checkpoint: &Checkpoint, state: State) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = Some((checkpoint.clone(), state));
    }

    fn hear(&self) {
        if !self.asked.swap(true, Ordering::Relaxed) {
            let own = self.clone();
            std::thread::spawn(move || {
                // The run normally ends first, and the process with it.
                std::thread::sleep(PATIENCE);
                own.give_up();
            });
        } else {
            self.give_up();
        }
    }

    /// Saves what was reached last and ends the process: a sample is stuck.
    fn give_up(&self) -> ! {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((checkpoint, state)) = &*latest
            && let Err(error) = checkpoint.save(state)
        {
            complain(&error);
            std::process::exit(i32::from(code_of(&error)));
        }
        complain("interrupted while a sample was being made");
        std::process::exit(i32::from(INTERRUPTED));
    }
}
