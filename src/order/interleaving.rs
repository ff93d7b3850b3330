//! Interleaving: the member and the index behind each position of datasets that take turns.

use crate::error::{Error, Result};

/// The most turns of a round, times the number of members.
const SIZE_MAX: u64 = 1 << 18;

/// The order in which an interleaving takes samples from its members.
///
/// `cycle` members are open at a time, each in a slot, and take turns of `block` samples. A member
/// that ends within a turn leaves its slot. At the slot's next turn, the next member takes the slot. A
/// member that has just given its last sample at the end of a turn leaves at its next turn, which is
/// empty. Grain and tf.data have the same order.
#[derive(Debug, Clone)]
pub(crate) struct Interleaving {
    cycle: u64,
    block: u64,
    members: u64,
    phases: Vec<Phase>,
    len: Option<u64>,
}

/// Rounds in which the same members have turns of the same lengths.
#[derive(Debug, Clone)]
struct Phase {
    start: u64,
    turns: Vec<Turn>,
}

/// The turn of a member in each round of a phase.
#[derive(Debug, Clone)]
struct Turn {
    /// The end of the turn in its round.
    end: u64,
    member: u32,
    /// The index of the member's first sample in the phase.
    first: u64,
    count: u64,
}

impl Interleaving {
    /// Creates the order for members of these lengths; without phases if the options are refused.
    pub(crate) fn new(lengths: &[u64], cycle: u64, block: u64) -> Self {
        let len = lengths.iter().try_fold(0, |sum: u64, len| sum.checked_add(*len));
        let members = lengths.len() as u64;
        let mut this = Self { cycle, block, members, phases: Vec::new(), len };
        if this.check().is_ok() {
            this.phases = phases(lengths, cycle.min(members) as usize, block);
        }
        this
    }

    /// Returns an error for no member, an option of 0, or too large options.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |name: &str, value: String, allowed: String| {
            Err(Error::Setting { name: name.into(), value, allowed })
        };
        let most = SIZE_MAX / self.members.max(1);
        match (self.members, self.cycle, self.block) {
            (0, ..) => {
                wrong("interleave", "made of no dataset".into(), "at least one dataset".into())
            }
            (_, 0, _) => wrong("interleave.cycle_length", "0".into(), "1 or more".into()),
            (.., 0) => wrong("interleave.block_length", "0".into(), "1 or more".into()),
            (members, cycle, _) if cycle.min(members) > most => {
                let allowed = format!("at most {most} for {members} datasets");
                wrong("interleave.cycle_length", cycle.to_string(), allowed)
            }
            _ if self.len.is_none() => wrong(
                "interleave",
                "made of more than 2^64 - 1 samples".into(),
                "at most 2^64 - 1 samples; put `repeat` after `interleave`, not before".into(),
            ),
            _ => Ok(()),
        }
    }

    /// Returns the number of positions; 0 if the options are refused.
    pub(crate) fn len(&self) -> u64 {
        self.len.filter(|_| !self.phases.is_empty()).unwrap_or(0)
    }

    /// Returns the number of members that are open at a time, and the samples of a turn.
    pub(crate) fn options(&self) -> (u64, u64) {
        (self.cycle, self.block)
    }

    /// Returns the member of a position, and the index in the member.
    #[inline]
    pub(crate) fn place(&self, position: u64) -> Option<(u32, u64)> {
        if position >= self.len() {
            return None;
        }
        let after = self.phases.partition_point(|phase| phase.start <= position);
        let phase = self.phases.get(after.checked_sub(1)?)?;
        let per_round = phase.turns.last()?.end;
        let offset = position - phase.start;
        let (round, place) = (offset.checked_div(per_round)?, offset.checked_rem(per_round)?);
        let turn = &phase.turns[phase.turns.partition_point(|turn| turn.end <= place)];
        let within = place - (turn.end - turn.count);
        Some((turn.member, turn.first + round * turn.count + within))
    }
}

fn phases(lengths: &[u64], cycle: usize, block: u64) -> Vec<Phase> {
    let mut slots: Vec<Option<(u32, u64)>> = vec![None; cycle];
    let mut rest = (0u32..).zip(lengths).map(|(member, _)| member).peekable();
    let (mut phases, mut start) = (Vec::new(), 0);
    let left = |(member, index): (u32, u64)| lengths[member as usize] - index;
    loop {
        let opens = slots.contains(&None) && rest.peek().is_some();
        let Some(least) =
            slots.iter().flatten().map(|slot| left(*slot)).min().or(opens.then_some(0))
        else {
            return phases;
        };
        // Whole rounds without an end or a start of a member make one phase.
        let rounds = if opens { 0 } else { least / block };
        let (mut turns, mut end) = (Vec::new(), 0);
        for slot in &mut slots {
            let Some((member, first)) = slot.or_else(|| rest.next().map(|member| (member, 0)))
            else {
                continue;
            };
            let count = block.min(left((member, first)));
            if count > 0 {
                end += count;
                turns.push(Turn { end, member, first, count });
            }
            *slot = (count == block).then_some((member, first + rounds.max(1) * count));
        }
        if end > 0 {
            phases.push(Phase { start, turns });
            start += end * rounds.max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the same order, sample by sample.
    fn naive(lengths: &[u64], cycle: u64, block: u64) -> Vec<(u32, u64)> {
        let mut rest = (0u32..).zip(lengths.iter().copied());
        let mut slots: Vec<Option<(u32, std::ops::Range<u64>)>> = vec![None; cycle as usize];
        let (mut out, mut idle) = (Vec::new(), 0);
        for slot in (0..cycle as usize).cycle() {
            if slots[slot].is_none() {
                slots[slot] = rest.next().map(|(member, len)| (member, 0..len));
            }
            idle = if slots[slot].is_some() { 0 } else { idle + 1 };
            if idle == cycle {
                return out;
            }
            for _ in 0..block {
                let Some((member, indices)) = &mut slots[slot] else { break };
                match indices.next() {
                    Some(index) => out.push((*member, index)),
                    None => slots[slot] = None,
                }
            }
        }
        out
    }

    fn all(lengths: &[u64], cycle: u64, block: u64) -> Vec<(u32, u64)> {
        let order = Interleaving::new(lengths, cycle, block);
        assert_eq!(order.place(order.len()), None);
        (0..order.len()).map(|position| order.place(position).unwrap()).collect()
    }

    #[test]
    fn the_order_is_that_of_grain() {
        let members = |lengths: &[u64], cycle| -> Vec<u32> {
            all(lengths, cycle, 1).iter().map(|(member, _)| member + 1).collect()
        };
        let five = [1, 2, 2, 3, 3, 4, 3, 4, 4, 5, 4, 5, 5, 5, 5];
        assert_eq!(members(&[1, 2, 3, 4, 5], 2), five);
        assert_eq!(members(&[3, 0, 4, 2, 0], 3), [1, 3, 1, 4, 3, 1, 4, 3, 3]);
    }

    proptest! {
        #[test]
        fn each_position_is_that_of_the_order_sample_by_sample(
            lengths in proptest::collection::vec(0u64..30, 1..9),
            cycle in 1u64..10,
            block in 1u64..12,
        ) {
            prop_assert_eq!(all(&lengths, cycle, block), naive(&lengths, cycle, block));
        }
    }

    #[test]
    fn long_members_take_few_phases() {
        let long = [1 << 62, 5, 1 << 62, 0, 1 << 61, u64::MAX >> 3];
        let order = Interleaving::new(&long, 3, 4);
        assert!(order.phases.len() < 20, "{} phases", order.phases.len());
        assert_eq!(order.len(), long.iter().sum::<u64>());
        let (member, index) = order.place(order.len() - 1).unwrap();
        assert_eq!(index, long[member as usize] - 1);
    }

    #[test]
    fn what_cannot_be_interleaved_is_refused_and_no_panic() {
        let many = vec![1; 1 << 16];
        for (lengths, cycle, block, says) in [
            (&[][..], 1, 1, "no dataset"),
            (&[1], 0, 1, "interleave.cycle_length is 0"),
            (&[1], 1, 0, "interleave.block_length is 0"),
            (&[u64::MAX, 1], 1, 1, "more than 2^64 - 1 samples"),
            (&many, 5, 1, "interleave.cycle_length is 5; allowed: at most 4 for 65536 datasets"),
        ] {
            let order = Interleaving::new(lengths, cycle, block);
            let message = order.check().unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
            assert_eq!((order.len(), order.place(0)), (0, None));
        }
        assert!(Interleaving::new(&many, 4, u64::MAX).check().is_ok());
        assert_eq!(Interleaving::new(&[0, 0], 9, 1).len(), 0);
        assert_eq!(Interleaving::new(&[2], u64::MAX, u64::MAX).place(1), Some((0, 1)));
    }
}
