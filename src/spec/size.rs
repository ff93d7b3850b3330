//! The size of a whole document, which its text alone does not bound.

use super::choice::wrong;
use super::document::Spec;
use super::op_spec::{OpSpec, STEPS_MAX};
use super::source_spec::SourceSpec;
use crate::error::Result;
use crate::order::Proportions;

/// Refuses a document that would take too much memory, stack or time to open.
pub(super) fn bounded(spec: &Spec) -> Result<()> {
    let size = Size::of(&spec.source, &spec.ops);
    let refused = |why: String| Err(wrong("$", why));
    match size {
        Size { steps, .. } if steps > ALL_STEPS_MAX => refused(format!(
            "the ops and parts are {steps} in all; at most {ALL_STEPS_MAX} are allowed, so join \
             files in fewer parts"
        )),
        Size { deepest, .. } if deepest > STEPS_MAX => refused(format!(
            "{deepest} ops follow one another from a part to the end; at most {STEPS_MAX} are \
             allowed"
        )),
        Size { turns, .. } if turns > TURNS_MAX => refused(format!(
            "the weights of all mixes add up to {turns} without common divisors; at most \
             {TURNS_MAX} are allowed, so give smaller weights"
        )),
        _ => Ok(()),
    }
}

/// The most ops and parts of a document.
const ALL_STEPS_MAX: usize = 4_000;
/// The most turns of all mixes of a document, 16 bytes each.
const TURNS_MAX: u64 = 1 << 20;

/// What a source with its ops takes.
#[derive(Debug, Clone, Copy)]
struct Size {
    /// The number of ops and parts.
    steps: usize,
    /// The most ops one after another, from a source without parts.
    deepest: usize,
    turns: u64,
}

impl Size {
    /// Parts are at most [`DEPTH_MAX`] deep, so the recursion is bounded.
    fn of(source: &SourceSpec, ops: &[OpSpec]) -> Self {
        let (parts, turns): (Vec<Self>, u64) = match source {
            SourceSpec::Concat(options) => {
                (options.parts.iter().map(|part| Self::of(&part.source, &part.ops)).collect(), 0)
            }
            SourceSpec::Mix(options) => {
                let weights: Vec<u64> = options.parts.iter().map(|part| part.weight).collect();
                let parts = options.parts.iter().map(|part| Self::of(&part.source, &part.ops));
                (parts.collect(), Proportions::turns_of(&weights))
            }
            _ => (Vec::new(), 0),
        };
        let own = Self { steps: ops.len() + parts.len(), deepest: 0, turns };
        let all = parts.into_iter().fold(own, |all, part| Self {
            steps: all.steps + part.steps,
            deepest: all.deepest.max(part.deepest),
            turns: all.turns.saturating_add(part.turns),
        });
        Self { deepest: all.deepest + ops.len(), ..all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(ops: usize) -> String {
        let ops = vec![r#"{"op": "reverse"}"#; ops].join(",");
        format!(r#"{{"source": {{"kind": "range", "end": 1}}, "ops": [{ops}]}}"#)
    }

    fn read(source: &str) -> Result<Spec> {
        Spec::from_json(&format!(r#"{{"version": 1, "source": {source}}}"#))
    }

    #[test]
    fn a_document_of_too_many_steps_or_turns_is_refused_by_its_size() {
        let concat =
            |parts: &[String]| format!(r#"{{"kind": "concat", "parts": [{}]}}"#, parts.join(","));
        let nested =
            |source: &str, ops: usize| range(ops).replace(r#"{"kind": "range", "end": 1}"#, source);
        assert!(read(&concat(&vec![range(999); 4])).is_ok());
        let many = read(&concat(&vec![range(999); 5])).unwrap_err().to_string();
        assert!(many.contains("5000 in all"), "{many}");
        let deep = |ops| concat(&[nested(&concat(&[range(500)]), ops)]);
        assert!(read(&deep(500)).is_ok());
        let deep = read(&deep(501)).unwrap_err().to_string();
        assert!(deep.contains("1001 ops follow one another"), "{deep}");
        let mix = r#"{"kind": "mix", "parts": [{"weight": 65535, "source": {"kind": "range", "end": 1}},
            {"source": {"kind": "range", "end": 1}}]}"#;
        let mixes = |count| concat(&vec![nested(mix, 0); count]);
        assert!(read(&mixes(16)).is_ok());
        let mixes = read(&mixes(17)).unwrap_err().to_string();
        assert!(mixes.contains("1114112"), "{mixes}");
        // The mix itself refuses these weights, at its path.
        assert!(read(&mix.replace("65535", "4294967296")).is_ok());
    }
}
