//! The inputs that a stage holds back, as positions.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

/// The origin of a value in the ordered part of a pipeline.
///
/// The origin of a sample is its position. The origin of a stage's result is the list of inputs
/// that the stage made the result from. The origin of an input of stage *n*, counted from 0, is
/// therefore a tree of depth *n* with positions as leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The sample at this position.
    Sample(u64),
    /// The result that a stage made from these inputs, and the result's number among those that the
    /// stage made from them.
    Result(Arc<[Origin]>, u64),
}

/// Returns the origins in groups, in order: rising results of the same inputs, which a stage makes
/// again together, or one origin alone.
pub(crate) fn made_together(origins: &[Origin]) -> impl Iterator<Item = &[Origin]> {
    origins.chunk_by(|one, next| match (one, next) {
        (Origin::Result(inputs, number), Origin::Result(others, next)) => {
            number < next && inputs == others
        }
        _ => false,
    })
}

/// Returns the inputs and the numbers of results made together; `None` for a sample.
pub(crate) fn inputs_and_numbers(group: &[Origin]) -> Option<(&[Origin], Vec<u64>)> {
    let Some(Origin::Result(inputs, _)) = group.first() else { return None };
    let number = |origin: &Origin| match origin {
        Origin::Sample(_) => None,
        Origin::Result(_, number) => Some(*number),
    };
    Some((inputs, group.iter().map(number).collect::<Option<_>>()?))
}

/// Calls `see` with the position of each sample that makes these values again, in order.
pub(crate) fn positions(origins: &[Origin], see: &mut impl FnMut(u64)) {
    for group in made_together(origins) {
        match &group[0] {
            Origin::Sample(position) => see(*position),
            Origin::Result(inputs, _) => positions(inputs, see),
        }
    }
}

/// Writes the origins of inputs of stage `depth`, relative to a position, as text.
///
/// The text lists the numbers of all trees one after another. A position is written as its distance
/// from the position before it. The first distance counts from `position`. A result is written as
/// the number *c* of its inputs. If the result is not the first made from its inputs, -1 - *c* and the
/// result's number stand there instead. The numbers are zigzag varints after their count, as postcard
/// writes a `Vec<i64>`, in URL-safe Base64.
pub(super) fn write(origins: &[Origin], position: u64) -> String {
    let mut numbers = Vec::new();
    let mut last = position;
    origins.iter().for_each(|origin| number(origin, &mut last, &mut numbers));
    let bytes = postcard::to_stdvec(&numbers).expect("a list of numbers always serialises");
    BASE64.encode(bytes)
}

fn number(origin: &Origin, last: &mut u64, numbers: &mut Vec<i64>) {
    match origin {
        Origin::Sample(position) => {
            numbers.push(position.wrapping_sub(*last).cast_signed());
            *last = *position;
        }
        Origin::Result(inputs, 0) => {
            numbers.push(inputs.len() as i64);
            inputs.iter().for_each(|input| number(input, last, numbers));
        }
        Origin::Result(inputs, result) => {
            numbers.extend([-1 - inputs.len() as i64, result.cast_signed()]);
            inputs.iter().for_each(|input| number(input, last, numbers));
        }
    }
}

/// The largest depth of an origin, as many stages as a document has. Origins are read and dropped by
/// recursion.
const DEPTH_MAX: usize = 1_000;

/// Reads the text that [`write`] returned.
pub(super) fn read(text: &str, position: u64, depth: usize) -> Result<Vec<Origin>, String> {
    let wrong = |why: &str| format!("stages[{depth}].held is {why}");
    if depth >= DEPTH_MAX {
        return Err(wrong("after the last of the 1,000 stages that can hold inputs"));
    }
    let bytes = BASE64.decode(text).map_err(|_| wrong("not Base64"))?;
    let (numbers, rest): (Vec<i64>, _) =
        postcard::take_from_bytes(&bytes).map_err(|_| wrong("not a list of numbers"))?;
    let mut numbers = numbers.into_iter();
    let mut last = position;
    let mut origins = Vec::new();
    while !numbers.as_slice().is_empty() {
        let origin = origin(&mut numbers, &mut last, depth);
        origins.push(origin.ok_or_else(|| wrong("cut short"))?);
    }
    if rest.is_empty() { Ok(origins) } else { Err(wrong("longer than its list of numbers")) }
}

fn origin(numbers: &mut std::vec::IntoIter<i64>, last: &mut u64, depth: usize) -> Option<Origin> {
    let number = numbers.next()?;
    if depth == 0 {
        *last = last.wrapping_add(number.cast_unsigned());
        return Some(Origin::Sample(*last));
    }
    let (count, result) = match number {
        0.. => (number, 0),
        _ => (!number, numbers.next()?.cast_unsigned()),
    };
    let count = usize::try_from(count).ok().filter(|&count| count <= numbers.len())?;
    let inputs = (0..count).map(|_| origin(numbers, last, depth - 1));
    Some(Origin::Result(inputs.collect::<Option<_>>()?, result))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(inputs: impl IntoIterator<Item = Origin>) -> Origin {
        Origin::Result(inputs.into_iter().collect(), 0)
    }

    fn part(number: u64, inputs: impl IntoIterator<Item = Origin>) -> Origin {
        Origin::Result(inputs.into_iter().collect(), number)
    }

    #[test]
    fn origins_come_back_from_their_text() {
        let samples: Vec<_> = [7, 3, u64::MAX, 0, 3].map(Origin::Sample).into();
        let parts = [0, 1, u64::MAX].map(|number| part(number, samples.clone()));
        let results = [result(samples.clone()), result([]), part(3, []), result(samples.clone())];
        let results = [results.as_slice(), &parts].concat();
        let deep = [result(results.clone()), result([])];
        for (origins, depth) in [(&samples[..], 0), (&results, 1), (&deep, 2), (&[], 5)] {
            for position in [0, 5, u64::MAX] {
                let text = write(origins, position);
                assert_eq!(read(&text, position, depth).unwrap(), origins);
            }
        }
    }

    #[test]
    fn rising_results_of_the_same_inputs_are_made_together() {
        let of = |position| [Origin::Sample(position)];
        let origins =
            [part(0, of(1)), part(2, of(1)), part(3, of(2)), part(1, of(2)), result(of(2))];
        let groups: Vec<_> = made_together(&origins).map(<[_]>::len).collect();
        assert_eq!(groups, [2, 1, 1, 1]);
        let mut seen = Vec::new();
        positions(&[result(origins), part(1, of(9)), part(2, of(9))], &mut |at| seen.push(at));
        assert_eq!(seen, [1, 2, 2, 2, 9]);
        assert_eq!(made_together(&[of(1), of(1), of(1)].concat()).count(), 3);
    }

    #[test]
    fn neighbours_take_less_than_two_characters_each() {
        let held: Vec<_> = (1_000_000..1_001_000).map(Origin::Sample).collect();
        let text = write(&held, 1_001_000);
        assert!(text.len() < 2 * held.len(), "{} characters", text.len());
    }

    #[test]
    fn the_deepest_origin_fits_the_stack_of_a_thread_and_a_deeper_one_is_refused() {
        let deep = |depth| (0..depth).fold(Origin::Sample(1), |origin, _| result([origin]));
        let deepest = DEPTH_MAX - 1;
        let text = write(&[deep(deepest)], 0);
        // A test runs in a thread with 2 MiB of stack.
        assert_eq!(read(&text, 0, deepest).unwrap(), [deep(deepest)]);
        let refused = read(&write(&[deep(DEPTH_MAX)], 0), 0, DEPTH_MAX).unwrap_err();
        assert!(refused.contains("1,000"), "{refused}");
        let endless = BASE64.encode(postcard::to_stdvec(&vec![1_i64; 100_000]).unwrap());
        assert!(read(&endless, 0, 50_000).is_err());
    }

    #[test]
    fn hostile_texts_are_refused() {
        let good = write(&[result([Origin::Sample(1), Origin::Sample(2)])], 0);
        assert!(read(&good, 0, 1).is_ok());
        for (text, depth) in
            [("*", 0), (&*format!("{good}AA"), 1), (&good[..2], 1), ("_____w8", 0), (&good, 2)]
        {
            assert!(read(text, 0, depth).is_err(), "{text} at depth {depth}");
        }
    }
}
