//! What crosses to a worker and back.

use std::time::Duration;

use crate::common::within;
use windrow::dataset::{Record, Tensor};
use windrow::loader::LoaderBuilder;
use windrow::stage::Pipeline;
use windrow::{Backend, Dataset, Error, Fault, Loader, Result, WorkerContext, range};

const LIMIT: Duration = Duration::from_secs(60);

/// Everything that a loader on processes gives.
fn all<P>(builder: LoaderBuilder<P>) -> Vec<Result<P::Batch>>
where
    P: Pipeline,
    P::Sample: Send + 'static,
    P::Batch: 'static,
    P::Dataset: Send + Sync + 'static,
    P::Stages: Send + 'static,
{
    let loader = builder.backend(Backend::Processes).build().unwrap();
    assert_eq!(loader.backend().name, "processes");
    loader.map(|batch| Ok(batch?.into_inner())).collect()
}

fn squares(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64>> {
    let offset = 1;
    Ok(range(0..end).map(move |x| x * x + offset))
}

fn batches(
    end: u64,
    _: &WorkerContext,
) -> Result<
    impl Pipeline<
        Sample = u64,
        Batch = Vec<u64>,
        Dataset: Send + Sync + 'static,
        Stages: Send + 'static,
    >,
> {
    Ok(range(0..end).shuffle(3).filter(|x| x % 3 > 0).ordered().batch(7))
}

fn images(bytes: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = Record>> {
    Ok(range(0..40).try_map(move |x| {
        let pixels = Tensor::build(windrow::dataset::Dtype::U8, [bytes], |out| {
            out.fill(x as u8);
            Ok(())
        });
        Record::new().with("pixels", pixels?)?.with("label", Tensor::scalar(x))
    }))
}

fn faulty(_: (), _: &WorkerContext) -> Result<impl Dataset<Sample = u64>> {
    Ok(range(0..20).try_map(|x| match x {
        3 => Err(Fault::new("three")),
        5 => panic!("five"),
        x => Ok(x),
    }))
}

#[test]
fn samples_come_in_order_and_closures_may_capture() {
    within(LIMIT, || {
        let got = all(Loader::recipe(squares, 1000).workers(2));
        let expected: Vec<u64> = (0..1000).map(|x| x * x + 1).collect();
        assert_eq!(got.into_iter().map(Result::unwrap).collect::<Vec<_>>(), expected);
    });
}

#[test]
fn stages_run_here_and_datasets_there() {
    within(LIMIT, || {
        let got = all(Loader::recipe(batches, 100).workers(3));
        let here = Loader::recipe(batches, 100).backend(Backend::Inline).build().unwrap();
        let here: Vec<_> = here.map(|batch| batch.unwrap().into_inner()).collect();
        assert_eq!(got.into_iter().map(Result::unwrap).collect::<Vec<_>>(), here);
    });
}

#[test]
fn tensors_of_every_size_arrive_whole() {
    within(LIMIT, || {
        for bytes in [0, 1, 4000, 5000, 100_000, 3_000_000] {
            for (x, record) in all(Loader::recipe(images, bytes).workers(2)).into_iter().enumerate()
            {
                let record = record.unwrap();
                let pixels = record.get("pixels").unwrap().bytes();
                assert_eq!(pixels.len() as u64, bytes);
                assert!(pixels.iter().all(|&pixel| pixel == x as u8), "{bytes} bytes, sample {x}");
            }
        }
    });
}

#[test]
fn a_caller_that_keeps_every_sample_gets_them_all() {
    within(LIMIT, || {
        let kept = all(Loader::recipe(images, 1_000_000).workers(2));
        for (x, record) in kept.into_iter().enumerate() {
            let record = record.unwrap();
            assert!(record.get("pixels").unwrap().bytes().iter().all(|&pixel| pixel == x as u8));
        }
    });
}

#[test]
fn errors_and_panics_are_those_of_threads() {
    within(LIMIT, || {
        let text = |result: Result<u64>| result.map_err(|error| error.to_string());
        let got: Vec<_> =
            all(Loader::recipe(faulty, ()).workers(2)).into_iter().map(text).collect();
        let here = Loader::recipe(faulty, ()).backend(Backend::Threads).workers(2).build().unwrap();
        let here: Vec<_> = here.map(|batch| text(batch.map(|b| b.into_inner()))).collect();
        assert_eq!(got, here);
        assert!(got[5].as_ref().unwrap_err().contains("five"));
    });
}

#[cfg(unix)]
#[test]
fn a_launcher_may_run_a_test_binary_without_its_environment() {
    within(LIMIT, || {
        let builder = Loader::recipe(squares, 100).workers(2);
        let got = all(builder.worker_launcher("env", ["-u", "WINDROW_WORKER"]));
        assert_eq!(got.into_iter().filter(Result::is_ok).count(), 100);
    });
}

#[test]
fn a_dataset_is_told_that_it_cannot_cross() {
    let error = Loader::builder(range(0..3)).backend(Backend::Processes).build().unwrap_err();
    assert!(matches!(&error, Error::Unsupported { instead, .. } if instead.contains("recipe")));
}
