//! What reads files and documents, whatever bytes they have: seeds, changed seeds and any bytes.
//! `scripts/fuzz` goes on from here.

mod properties;

use crate::spy;

use proptest::prelude::*;

use properties::PROPERTIES;

#[test]
fn every_seed_goes_all_the_way_in() {
    for (name, holds, seeds) in PROPERTIES {
        for (number, seed) in seeds().iter().enumerate() {
            assert!(holds(seed), "{name} {number}");
        }
    }
}

#[test]
fn no_byte_of_a_seed_can_be_changed_for_the_worse() {
    for (_, holds, seeds) in PROPERTIES {
        for mut seed in seeds() {
            // All of a small one, and some of a picture.
            let step = if seed.len() < 300 { 1 } else { seed.len() / 50 };
            for place in (0..seed.len()).step_by(step) {
                let before = seed[place];
                for byte in [0, before.wrapping_add(1), before ^ 0x80, 0xff] {
                    seed[place] = byte;
                    holds(&seed);
                }
                seed[place] = before;
                holds(&seed[..place]);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_will_do(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        PROPERTIES.iter().for_each(|(_, holds, _)| _ = holds(&bytes));
    }

    #[test]
    fn seeds_with_some_bytes_changed_will_do(
        which in 0..PROPERTIES.len(),
        seed in 0usize..8,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        length in any::<prop::sample::Index>(),
    ) {
        let (_, holds, seeds) = PROPERTIES[which];
        let seeds = seeds();
        let mut bytes = seeds[seed % seeds.len()].clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        holds(&bytes);
        holds(&bytes[..length.index(bytes.len())]);
    }
}
