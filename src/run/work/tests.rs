//! The work of a worker: which effects show, and which results stand for them.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::{Arc, Mutex};

use super::{GroupWork, Made, Order, Runs};
use crate::backend::Fill;
use crate::dataset::Dataset;
use crate::error::{BoxError, Fault, Result};
use crate::run::groups::Layout;
use crate::sink::{Partition, Sink, Writer};
use crate::source::range;

/// A sink that lists its calls, and fails where it is told to.
#[derive(Default)]
struct Listing {
    calls: Arc<Mutex<Vec<String>>>,
    block: u64,
    fails: &'static str,
}

struct Line<'a>(&'a Listing, Vec<u64>);

impl Listing {
    fn call(&self, call: String) -> Result<(), BoxError> {
        let call = self.calls.lock().map(|mut calls| {
            calls.push(call.clone());
            call
        });
        match call {
            Ok(call) if call == self.fails => Err(format!("{call} fails").into()),
            Ok(call) if format!("panic in {call}") == self.fails => panic!("{call} panics"),
            _ => Ok(()),
        }
    }
}

impl Sink<u64> for Listing {
    type Output = u64;
    type Writer<'a> = Line<'a>;

    fn describe(&self) -> String {
        "listing".into()
    }

    fn partition(&self, _: u64) -> Partition {
        NonZeroU64::new(self.block).map_or(Partition::Each, Partition::Blocks)
    }

    fn begin(&self, group: &[u64], len: u64) -> Result<Line<'_>> {
        assert_eq!(len, 12);
        self.call(format!("begin {group:?}")).map_err(crate::Error::other)?;
        Ok(Line(self, Vec::new()))
    }
}

impl Writer<u64> for Line<'_> {
    type Output = u64;

    fn write(&mut self, index: u64, sample: u64) -> Result<u64, BoxError> {
        self.1.push(index);
        self.0.call(format!("write {index}")).map(|()| sample)
    }

    fn finish(self) -> Result<(), BoxError> {
        self.0.call(format!("finish {:?}", self.1))
    }
}

/// Runs the first group; returns its results and the sink's calls.
fn first(sink: Listing, source: u64, left_out: &[u64]) -> (Vec<String>, Vec<String>) {
    let source = NonZeroU64::new(source).map_or(Partition::Each, Partition::Blocks);
    let layout = Layout::new(12, None, &source, &sink.partition(12), false).unwrap();
    let order = Order {
        some: None,
        source,
        retries: 1,
        reducers: Vec::new(),
        left_out: left_out.iter().copied().collect::<BTreeSet<u64>>(),
    };
    let calls = sink.calls.clone();
    let tried = Mutex::new(BTreeSet::new());
    let dataset = range(0..12).filter(|x| *x != 2).try_map(move |x| {
        let is_first = tried.lock().is_ok_and(|mut tried| tried.insert(x));
        if x == 1 && is_first || x == 3 { Err(Fault::new("odd")) } else { Ok(x * 10) }
    });
    let positions = layout.positions(0);
    let work = GroupWork::new(Arc::new(dataset), Arc::new(sink), layout, order).unwrap();
    let results = work.fill_together(positions, &mut |_| true).unwrap();
    let text = |result: Result<Option<Made<u64>>, Fault>| match result {
        Ok(Some(Made { output: Some(output), .. })) => output.to_string(),
        Ok(_) => "gap".into(),
        Err(fault) => fault.to_string(),
    };
    let calls = calls.lock().unwrap().clone();
    (results.into_iter().map(text).collect(), calls)
}

#[test]
fn each_index_has_its_result_and_a_failed_sample_is_tried_again() {
    let (results, calls) = first(Listing { block: 4, ..Listing::default() }, 0, &[]);
    assert_eq!(results, ["0", "10", "gap", "try_map of index 3: odd"]);
    assert_eq!(calls, ["begin [0, 1, 2, 3]", "write 0", "write 1", "finish [0, 1]"]);
}

#[test]
fn a_joint_group_has_a_writer_for_each_group_of_the_sink() {
    let (results, calls) = first(Listing { block: 2, ..Listing::default() }, 3, &[]);
    assert_eq!(results, ["0", "10", "gap", "try_map of index 3: odd", "40", "50"]);
    let sink = ["begin [0, 1]", "write 0", "write 1", "finish [0, 1]", "begin [2, 3]", "finish []"];
    assert_eq!(calls[..6], sink);
    assert_eq!(calls[6..], ["begin [4, 5]", "write 4", "write 5", "finish [4, 5]"]);
}

#[test]
fn an_index_that_is_left_out_is_not_in_its_group() {
    let (results, calls) = first(Listing { block: 4, ..Listing::default() }, 0, &[0, 3]);
    assert_eq!(results, ["its workers were lost", "10", "gap", "its workers were lost"]);
    assert_eq!(calls, ["begin [1, 2]", "write 1", "finish [1]"]);
    assert_eq!(first(Listing { block: 2, ..Listing::default() }, 0, &[0, 1]).1.len(), 0);
}

#[test]
fn no_result_stands_for_an_effect_that_is_not_there() {
    let with = |fails| first(Listing { block: 4, fails, ..Listing::default() }, 0, &[]).0;
    let all = |text: &str| vec![text.to_owned(); 4];
    assert_eq!(with("begin [0, 1, 2, 3]"), all("the sink: begin [0, 1, 2, 3] fails"));
    let failed = "the sink: finish [0, 1] fails";
    assert_eq!(with("finish [0, 1]"), [failed, failed, failed, "try_map of index 3: odd"]);
    assert_eq!(
        with("write 0"),
        ["write of index 0: write 0 fails", "10", "gap", "try_map of index 3: odd"]
    );
    // After a panic, the writer is not used again.
    let panicked = "write of index 1 panicked: write 1 panics";
    assert_eq!(with("panic in write 1"), all(panicked));
}

#[test]
fn a_stop_in_the_middle_of_a_group_finishes_no_writer() {
    let sink = Listing { block: 4, ..Listing::default() };
    let calls = sink.calls.clone();
    let layout = Layout::new(12, None, &Partition::Each, &sink.partition(12), false).unwrap();
    let order = Order {
        some: None,
        source: Partition::Each,
        retries: 0,
        reducers: Vec::new(),
        left_out: BTreeSet::new(),
    };
    let work = GroupWork::new(Arc::new(range(0..12)), Arc::new(sink), layout, order).unwrap();
    assert!(work.fill_together(0..4, &mut |position| position < 2).is_none());
    assert_eq!(*calls.lock().unwrap(), ["begin [0, 1, 2, 3]", "write 0", "write 1"]);
}

#[test]
fn indices_come_back_from_their_runs() {
    for indices in [&[][..], &[0], &[5], &[0, 1, 2, 7, 9, 10], &[3, u64::MAX - 1]] {
        assert_eq!(Runs::new(indices).indices(), indices);
    }
    assert_eq!(Runs::new(&[4, 5, 6, 8]), Runs(vec![(4, 3), (1, 1)]));
}
