//! Progress on standard error: a bar on a terminal, lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use windrow::loader::Progress;

use crate::output::note;

/// The interval between two updates of the bar.
pub(crate) const BAR_EVERY: Duration = Duration::from_millis(100);
/// The interval between two lines, without a terminal.
pub(crate) const LINE_EVERY: Duration = Duration::from_secs(5);

/// The data received in this run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Received {
    pub(crate) batches: u64,
    pub(crate) samples: u64,
    pub(crate) bytes: u64,
}

/// A display of the progress.
pub(crate) struct Display {
    bar: Option<ProgressBar>,
    started: Instant,
    shown: Instant,
}

impl Display {
    pub(crate) fn new(progress: &Progress) -> Self {
        let started = Instant::now();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = progress.positions.map_or_else(ProgressBar::no_length, ProgressBar::new);
            let template = match progress.positions {
                Some(_) => "{bar:30} {percent:>3}% {msg} eta {eta}",
                None => "position {pos} {msg}",
            };
            let style = ProgressStyle::with_template(template);
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_position(progress.position);
            bar.reset_eta();
            bar
        });
        Self { bar, started, shown: started }
    }

    /// Returns `true` if an update is due.
    pub(crate) fn is_due(&self) -> bool {
        self.shown.elapsed() >= if self.bar.is_some() { BAR_EVERY } else { LINE_EVERY }
    }

    pub(crate) fn show(&mut self, progress: &Progress, received: Received) {
        self.shown = Instant::now();
        let rates = self.rates(received);
        match &self.bar {
            Some(bar) => {
                let busy = |worker: &Option<u64>| if worker.is_some() { '●' } else { '·' };
                let workers: String = progress.workers.iter().map(busy).collect();
                bar.set_position(progress.position);
                bar.set_message(format!("{rates} [{workers}]"));
            }
            None => {
                let of = progress.positions.map(|all| format!(" of {all}")).unwrap_or_default();
                note(format!("position {}{of}, {rates}", progress.position));
            }
        }
    }

    /// Removes the bar, so that later output stands alone.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    pub(crate) fn rates(&self, received: Received) -> String {
        let seconds = self.seconds().max(1e-9);
        format!(
            "{:.0} samples/s, {:.1} MB/s",
            received.samples as f64 / seconds,
            received.bytes as f64 / seconds / 1e6
        )
    }
}
