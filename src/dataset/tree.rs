//! A pipeline as a tree of its steps, to read before a run.

use std::fmt::{self, Write};

use super::element_spec::ElementSpec;
use super::probe::Steps;
use crate::order::Op;

/// The most characters of an op that a tree shows.
const OP_SHOWN: usize = 80;

/// A pipeline as a tree: the last step, and the trees of its inputs.
///
/// The text has one line a step, in the order of the samples' way, with the number of samples of an
/// epoch and their [spec](ElementSpec). The inputs of a step with several inputs are indented. An op of
/// more than 80 characters is cut, and its text ends in `...`.
/// [`LoaderBuilder::describe`](crate::loader::LoaderBuilder::describe) returns the tree of a
/// pipeline.
///
/// ```
/// use windrow::{Dataset, Loader, concat, range};
/// let halves = concat(vec![range(0..50), range(50..100)]).shuffle(7).map(|x| x as f32);
/// let tree = Loader::builder(halves.ordered().batch(8)).describe()?;
/// assert_eq!(tree.to_string(), "\
/// ├─ range(start=0,end=50) -> 50
/// ├─ range(start=50,end=100) -> 50
/// concat(members=2) -> 100
/// shuffle(seed=7) -> 100
/// map -> 100
/// batch(size=8,drop_remainder=false) -> 13");
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct PipelineTree {
    op: Option<Op>,
    len: Option<u64>,
    /// Whether gaps or failures may leave fewer samples.
    at_most: bool,
    element_spec: ElementSpec,
    inputs: Vec<PipelineTree>,
    /// Whether the steps below are known by their ops alone, so that nothing tells when a thread is
    /// in one of them.
    is_opaque: bool,
    /// Whether the step is a stage of the ordered part.
    is_stage: bool,
}

impl PipelineTree {
    /// Creates the tree of a step; `len` is `None` for an unknown number of samples, and `at_most`
    /// says that there may be fewer.
    pub(crate) fn new(
        op: Option<Op>,
        len: Option<u64>,
        at_most: bool,
        element_spec: ElementSpec,
        inputs: Vec<Self>,
    ) -> Self {
        Self { op, len, at_most, element_spec, inputs, is_opaque: false, is_stage: false }
    }

    /// Returns the tree of a step that takes its samples in its own way.
    pub(super) fn opaque(self) -> Self {
        Self { is_opaque: true, ..self }
    }

    /// Creates the tree of a stage of the ordered part, which takes the results of `below`.
    pub(crate) fn of_stage(
        op: Option<Op>,
        len: Option<u64>,
        element_spec: ElementSpec,
        below: Self,
    ) -> Self {
        let step = Self::new(op, len, below.at_most, element_spec, vec![below]);
        Self { is_stage: true, ..step }
    }

    /// Returns the number of stages, which are the last steps.
    pub(crate) fn stages(&self) -> usize {
        let below = || self.inputs.first().map_or(0, Self::stages);
        if self.is_stage { 1 + below() } else { 0 }
    }

    /// Returns the steps for a [probe](super::probe), with the numbers of the tree's lines.
    pub(crate) fn steps(&self) -> Steps {
        let mut inputs = Vec::new();
        self.number(&mut inputs);
        Steps::new(inputs)
    }

    /// Adds the inputs of each step, and returns the number of the last step.
    fn number(&self, all: &mut Vec<Vec<usize>>) -> usize {
        let inputs: Vec<usize> = self.inputs.iter().map(|input| input.number(all)).collect();
        all.push(if self.is_opaque { Vec::new() } else { inputs });
        all.len() - 1
    }

    /// Returns the text of each op and whether it is a source, in the order of the tree's lines.
    pub(crate) fn op_texts(&self) -> Vec<(String, bool)> {
        let mut texts: Vec<_> = self.inputs.iter().flat_map(Self::op_texts).collect();
        texts.push((harmless(&self.op_text()), self.inputs.is_empty()));
        texts
    }

    /// Returns the last step with its options; `None` for a step without a description.
    #[must_use]
    pub fn op(&self) -> Option<&Op> {
        self.op.as_ref()
    }

    /// Returns the number of samples in an epoch, gaps included, after the last step; `None` if
    /// unknown.
    #[must_use]
    pub fn samples(&self) -> Option<u64> {
        self.len
    }

    /// Returns whether an epoch may have fewer samples, because an op leaves gaps.
    #[must_use]
    pub fn is_at_most(&self) -> bool {
        self.at_most
    }

    /// Returns the spec of the samples after the last step.
    #[must_use]
    pub fn element_spec(&self) -> &ElementSpec {
        &self.element_spec
    }

    /// Returns the inputs of the last step: none for a source.
    #[must_use]
    pub fn inputs(&self) -> &[Self] {
        &self.inputs
    }

    /// Returns the tree as a flowchart in the language of [Mermaid](https://mermaid.js.org).
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let tree = Loader::builder(range(0..9).shuffle(7)).describe()?;
    /// assert_eq!(tree.to_mermaid(), "\
    /// flowchart TD
    ///   n0[\"range(start=0,end=9)<br>9\"]
    ///   n1[\"shuffle(seed=7)<br>9\"]
    ///   n0 --> n1");
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut out = "flowchart TD".to_owned();
        self.draw(&mut out, &mut 0);
        out
    }

    /// Draws the steps of the tree and returns the number of the last one.
    fn draw(&self, out: &mut String, drawn: &mut u64) -> u64 {
        let inputs: Vec<u64> = self.inputs.iter().map(|input| input.draw(out, drawn)).collect();
        let number = *drawn;
        *drawn += 1;
        _ = write!(out, "\n  n{number}[\"{}", escaped(&self.op_text()));
        for part in self.result() {
            _ = write!(out, "<br>{}", escaped(&part));
        }
        out.push_str("\"]");
        for input in inputs {
            _ = write!(out, "\n  n{input} --> n{number}");
        }
        number
    }

    /// Adds the lines of the tree.
    fn lines(&self, lines: &mut Vec<String>) {
        match &self.inputs[..] {
            [] => {}
            [input] => input.lines(lines),
            inputs => {
                for input in inputs {
                    let mut below = Vec::new();
                    input.lines(&mut below);
                    let begins = |number| if number == 0 { "├─ " } else { "│  " };
                    let numbered = below.into_iter().enumerate();
                    lines.extend(numbered.map(|(number, line)| begins(number).to_owned() + &line));
                }
            }
        }
        lines.push(format!("{} -> {}", self.op_text(), self.result().join(" x ")));
    }

    fn op_text(&self) -> String {
        let text = self.op.as_ref().map_or("a step without a name".into(), Op::to_string);
        match text.char_indices().nth(OP_SHOWN) {
            Some((cut, _)) => format!("{}...", &text[..cut]),
            None => text,
        }
    }

    /// Returns the number of samples, and the spec unless it is unknown.
    fn result(&self) -> Vec<String> {
        let len = match (self.len, self.at_most) {
            (Some(len), false) => len.to_string(),
            (Some(len), true) => format!("<={len}"),
            (None, _) => "?".into(),
        };
        let is_known = self.element_spec != ElementSpec::unknown();
        [len].into_iter().chain(is_known.then(|| self.element_spec.to_string())).collect()
    }
}

impl fmt::Display for PipelineTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        self.lines(&mut lines);
        f.write_str(&lines.iter().map(|line| harmless(line)).collect::<Vec<_>>().join("\n"))
    }
}

/// Returns a text with its control characters escaped.
fn harmless(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        if c.is_control() {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
        out
    })
}

/// Returns a text as Mermaid shows it inside of quotes.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '"' | '#' | '&' | '<' | '>' | '`' | '\\' => _ = write!(out, "#{};", u32::from(c)),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::super::around::Around;
    use super::super::{Dataset, Dtype, FieldSpec, Record, Tensor, concat};
    use super::*;
    use crate::error::Fault;
    use crate::loader::Loader;
    use crate::source::{Source, from_source, from_vec, range};

    /// A source of one record with an awkward name.
    struct Odd;

    impl Source for Odd {
        type Sample = Record;
        type Error = Fault;

        fn len(&self) -> u64 {
            1
        }

        fn get(&self, _: u64) -> Result<Record, Fault> {
            Record::new().with("a\"<\n", Tensor::scalar(1u8))
        }

        fn op(&self) -> Op {
            Op::new("odd").with("text", "x".repeat(100))
        }

        fn element_spec(&self) -> ElementSpec {
            ElementSpec::new([("a\"<\n", FieldSpec::new(Dtype::U8, []))])
        }
    }

    fn lines<D: Dataset>(dataset: D) -> Vec<String> {
        let tree = Loader::builder(dataset).describe().unwrap();
        tree.to_string().lines().map(String::from).collect()
    }

    #[test]
    fn inputs_of_a_step_are_indented_below_each_other() {
        let zipped = concat(vec![range(0..2), range(2..3)]).zip(range(0..3).reverse());
        assert_eq!(
            lines(zipped.map(|(x, y)| x + y)),
            [
                "├─ ├─ range(start=0,end=2) -> 2",
                "│  ├─ range(start=2,end=3) -> 1",
                "│  concat(members=2) -> 3",
                "├─ range(start=0,end=3) -> 3",
                "│  reverse -> 3",
                "zip(shortest=false) -> 3",
                "map -> 3",
            ]
        );
        let chosen = range(0..9).subset_by(from_vec(vec![3, 1])).filter(|x| *x > 1);
        let chosen = lines(chosen);
        assert_eq!(chosen[0], "├─ range(start=0,end=9) -> 9");
        assert!(chosen[1].starts_with("├─ ") && chosen[1].ends_with(" -> 2"), "{chosen:?}");
        assert_eq!(chosen[2..], ["subset_by -> 2", "filter -> <=2"]);
    }

    #[test]
    fn a_dataset_that_says_nothing_has_a_line_for_each_op() {
        let around = Around(range(0..5).reverse()).shuffle(1);
        let steps =
            ["range(start=0,end=5) -> ?", "reverse -> ?", "around -> 5", "shuffle(seed=1) -> 5"];
        assert_eq!(lines(around), steps);
    }

    #[test]
    fn names_break_neither_lines_nor_the_flowchart() {
        let tree = Loader::builder(from_source(Odd).shuffle(1)).describe().unwrap();
        let long = format!("odd(text={}...", "x".repeat(71));
        assert_eq!(
            tree.to_string().lines().collect::<Vec<_>>(),
            [
                format!("{long} -> 1 x {{a\"<\\n: U8[]}}"),
                "shuffle(seed=1) -> 1 x {a\"<\\n: U8[]}".into()
            ]
        );
        let chart = tree.to_mermaid();
        assert!(chart.contains("n1[\"shuffle(seed=1)<br>1<br>{a#34;#60;\\n: U8[]}\"]"), "{chart}");
    }
}
