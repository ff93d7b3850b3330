//! Rounds: every contestant once, then again, so that what disturbs the machine disturbs all alike.

use std::time::Instant;

/// One way to do the work of a case: its name, and what does it.
pub struct Contestant<'a> {
    pub name: &'static str,
    pub run: Box<dyn FnMut() + 'a>,
}

/// A contestant.
pub fn contestant<'a>(name: &'static str, run: impl FnMut() + 'a) -> Contestant<'a> {
    Contestant { name, run: Box::new(run) }
}

/// What the rounds took, a list of seconds for each contestant.
pub struct Rounds {
    names: Vec<&'static str>,
    seconds: Vec<Vec<f64>>,
}

/// The middle of some values, and the quartiles around it.
#[derive(Clone, Copy)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

/// Runs so many rounds after one that is not counted. Each round begins with another contestant.
pub fn rounds(count: usize, mut contestants: Vec<Contestant<'_>>) -> Rounds {
    contestants.iter_mut().for_each(|contestant| (contestant.run)());
    let names: Vec<_> = contestants.iter().map(|contestant| contestant.name).collect();
    let mut seconds = vec![Vec::with_capacity(count); names.len()];
    for round in 0..count {
        for turn in 0..names.len() {
            let place = (round + turn) % names.len();
            let clock = Instant::now();
            (contestants[place].run)();
            seconds[place].push(clock.elapsed().as_secs_f64());
        }
    }
    Rounds { names, seconds }
}

impl Rounds {
    /// How many times as fast as `peer` this contestant was, round by round.
    pub fn ratio(&self, own: &str, peer: &str) -> Spread {
        let pairs = self.of(peer).iter().zip(self.of(own));
        Spread::of(pairs.map(|(peer, own)| peer / own).collect())
    }

    /// How much of something this contestant did in a second, `amount` being that of a round.
    pub fn rate(&self, name: &str, amount: f64) -> Spread {
        Spread::of(self.of(name).iter().map(|seconds| amount / seconds).collect())
    }

    fn of(&self, name: &str) -> &[f64] {
        let place = self.names.iter().position(|own| *own == name);
        &self.seconds[place.unwrap_or_else(|| panic!("there is no contestant {name:?}"))]
    }
}

impl Spread {
    /// The spread of at least one value.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        Self { low: at(0.25), median: at(0.5), high: at(0.75) }
    }

    /// Each value, changed.
    pub fn map(self, change: impl Fn(f64) -> f64) -> Self {
        let (one, other) = (change(self.low), change(self.high));
        Self { low: one.min(other), median: change(self.median), high: one.max(other) }
    }
}
