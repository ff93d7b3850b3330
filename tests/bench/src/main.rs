//! Benchmarks of windrow against its peers, printed as ratios.
//!
//! A plain program with a harness of its own. The machines this runs on are shared, so a time says
//! little and a ratio of two times taken minutes apart says no more; here each round runs every
//! contestant once, one after the other, and what is printed is the median of the ratios within a
//! round. The usual bench frameworks time one contestant after another and cannot print that.
//!
//! `scripts/bench` runs everything; `scripts/bench tiny memory` only the cases named.

mod counting;
mod cpu;
mod digest;
mod memory;
mod order;
mod profile;
mod report;
mod rounds;
mod streams;
mod tensors;
mod tiny;

use std::process::ExitCode;

use report::Report;

#[global_allocator]
static ALLOCATOR: counting::Counting = counting::Counting;

/// A case: its name, and what measures it.
type Case = (&'static str, fn(&mut Report));

const CASES: &[Case] = &[
    ("tiny", tiny::run),
    ("cpu", cpu::run),
    ("tensors", tensors::run),
    ("memory", memory::run),
    ("order", order::run),
    ("streams", streams::run),
    ("digest", digest::run),
    ("prefetch", digest::prefetch),
    ("profile", profile::run),
];

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, kind] = &asked[..]
        && flag == memory::CHILD
    {
        return memory::child(kind);
    }
    let known: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
    if let Some(wrong) = asked.iter().find(|name| !known.contains(&name.as_str())) {
        eprintln!("there is no case {wrong:?}; there are {}", known.join(", "));
        return ExitCode::from(2);
    }
    let mut report = Report::start();
    for (name, run) in CASES {
        if asked.is_empty() || asked.iter().any(|own| own == name) {
            run(&mut report);
        }
    }
    report.end();
    ExitCode::SUCCESS
}
