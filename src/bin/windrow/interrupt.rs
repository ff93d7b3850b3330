//! Ctrl-C and termination: the run stops after the current batch, or at once after too long.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use windrow::{Error, Result, State};

use crate::checkpoint::Checkpoint;
use crate::output::complain;
use crate::{INTERRUPTED, code_of};

/// The time that the run has to stop.
const PATIENCE: Duration = Duration::from_secs(2);

/// The data that the run and the signal handler share.
#[derive(Clone, Default)]
pub(crate) struct Interrupt {
    asked: Arc<AtomicBool>,
    latest: Arc<Mutex<Option<(Checkpoint, State)>>>,
}

impl Interrupt {
    /// Installs the handler for Ctrl-C and termination.
    pub(crate) fn listen() -> Result<Self> {
        let interrupt = Self::default();
        let theirs = interrupt.clone();
        ctrlc::set_handler(move || theirs.hear())
            .map_err(|error| Error::io("listen for Ctrl-C", std::io::Error::other(error)))?;
        Ok(interrupt)
    }

    /// Returns `true` if the run was asked to stop.
    pub(crate) fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Records the current state, in case the handler has to save it.
    pub(crate) fn reached(&self, checkpoint: &Checkpoint, state: State) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = Some((checkpoint.clone(), state));
    }

    fn hear(&self) {
        if !self.asked.swap(true, Ordering::Relaxed) {
            let own = self.clone();
            std::thread::spawn(move || {
                // The run normally ends first, and ends the process.
                std::thread::sleep(PATIENCE);
                own.give_up();
            });
        } else {
            self.give_up();
        }
    }

    /// Saves the latest state and ends the process, because a sample is stuck.
    fn give_up(&self) -> ! {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((checkpoint, state)) = &*latest
            && let Err(error) = checkpoint.save(state)
        {
            complain(&error);
            std::process::exit(i32::from(code_of(&error)));
        }
        complain("interrupted while a worker made a sample");
        std::process::exit(i32::from(INTERRUPTED));
    }
}
