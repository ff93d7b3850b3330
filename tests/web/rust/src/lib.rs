//! A user's own program for WebAssembly, with windrow as a plain dependency: batches by `next_async` on
//! a page, by the blocking iterator in a worker.

use wasm_bindgen::prelude::{JsError, wasm_bindgen};
use windrow::dataset::Record;
use windrow::source::MemoryFiles;
use windrow::spec::Spec;
use windrow::{Dataset, Loader, State, range};

/// The loader of a document, from a state on where there is one.
fn open(document: &str, state: Option<String>) -> windrow::Result<Loader<Record>> {
    let spec = Spec::from_json(document)?;
    let builder = Loader::builder(spec.open(&MemoryFiles::default())?).digest();
    match state {
        Some(state) => builder.resume(&State::from_json(&state)?).build(),
        None => builder.build(),
    }
}

fn digest(loader: &Loader<Record>) -> String {
    loader.digest().unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// At most so many batches without blocking; the state after them.
#[wasm_bindgen]
pub async fn some_async(
    document: String,
    state: Option<String>,
    batches: u32,
) -> Result<String, JsError> {
    let mut loader = open(&document, state)?;
    for _ in 0..batches {
        match loader.next_async().await {
            Some(batch) => _ = batch?,
            None => break,
        }
    }
    Ok(loader.state().to_json())
}

/// All batches without blocking; their digest.
#[wasm_bindgen]
pub async fn all_async(document: String, state: Option<String>) -> Result<String, JsError> {
    let mut loader = open(&document, state)?;
    while let Some(batch) = loader.next_async().await {
        batch?;
    }
    Ok(digest(&loader))
}

/// All batches by the iterator; their digest.
#[wasm_bindgen]
pub fn all_blocking(document: &str, state: Option<String>) -> Result<String, JsError> {
    let mut loader = open(document, state)?;
    for batch in loader.by_ref() {
        batch?;
    }
    Ok(digest(&loader))
}

/// A pipeline of closures: the sum of all samples, and the errors, by both ways.
#[wasm_bindgen]
pub async fn closures() -> Result<Vec<u64>, JsError> {
    let pipeline = || {
        let odd = range(0..10_000).shuffle(3).filter(|x| x % 2 == 1);
        let tried = odd.try_map(|x| match x {
            4_999 => Err(windrow::Fault::new("not this one")),
            _ => Ok(x * 2),
        });
        tried.ordered().batch(64)
    };
    let (mut sums, mut errors) = ([0, 0], [0, 0]);
    for item in Loader::builder(pipeline()).build()? {
        item.map_or_else(|_| errors[0] += 1, |batch| sums[0] += batch.iter().sum::<u64>());
    }
    let mut loader = Loader::builder(pipeline()).build()?;
    while let Some(item) = loader.next_async().await {
        item.map_or_else(|_| errors[1] += 1, |batch| sums[1] += batch.iter().sum::<u64>());
    }
    Ok([sums, errors].concat())
}

/// What is wrong with a document, as a page's error.
#[wasm_bindgen]
pub fn wrong(document: &str) -> Result<(), JsError> {
    Ok(open(document, None).map(drop)?)
}
