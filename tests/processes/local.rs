//! Datasets that cannot be shared between threads: worker processes have one thread each.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use crate::common::within;
use windrow::{Backend, Dataset, Error, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(60);

/// A dataset with a memory of its own thread.
fn remembering(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    let memory = Rc::new(RefCell::new(HashMap::new()));
    Ok(range(0..end).map(move |x| *memory.borrow_mut().entry(x % 7).or_insert(x % 7) + x))
}

#[test]
fn a_dataset_that_is_not_made_for_threads_runs_in_worker_processes() {
    within(LIMIT, || {
        for backend in [Backend::Auto, Backend::Processes] {
            let loader = Loader::recipe(remembering, 100).backend(backend).workers(2);
            let loader = loader.build_processes().unwrap();
            assert_eq!(loader.backend().name, "processes");
            let samples: Vec<u64> = loader.map(|x| x.unwrap().into_inner()).collect();
            assert_eq!(samples, (0..100).map(|x| x % 7 + x).collect::<Vec<_>>());
        }
        let batched = |end: u64, context: &'static WorkerContext| {
            Ok(remembering(end, context)?.ordered().batch(10))
        };
        let loader = Loader::recipe(batched, 100).workers(2).build_processes().unwrap();
        assert_eq!(loader.map(|batch| batch.unwrap().len()).sum::<usize>(), 100);
    });
}

#[test]
fn what_would_make_its_samples_elsewhere_is_refused() {
    let builder = || Loader::recipe(remembering, 100).workers(2);
    let refused = [
        builder().backend(Backend::Inline).build_processes().err(),
        builder().backend(Backend::Threads).build_processes().err(),
        builder().custom_backend(|_, _| unreachable!()).build_processes().err(),
        Loader::builder(range(0..9)).build_processes().err(),
    ];
    for error in refused {
        let error = error.expect("it was built");
        assert!(matches!(error, Error::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains("build_processes()"), "{error}");
    }
}
