//! A program with worker processes, whatever kind of target it is.

use windrow::{Backend, Dataset, Loader, Result, WorkerContext, range};

fn processes(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u32> + use<>> {
    Ok(range(0..end).map(|_| std::process::id()))
}

pub fn main() {
    windrow::init();
    let loader = Loader::recipe(processes, 50).backend(Backend::Processes).workers(2);
    let ids: Vec<u32> = loader.build().unwrap().map(|x| x.unwrap().into_inner()).collect();
    assert_eq!(ids.len(), 50);
    assert!(!ids.contains(&std::process::id()), "samples are made in other processes");
}
