//! Properties of pipeline documents and states.

use windrow::order::State;
use windrow::source::MemoryFiles;
use windrow::spec::Spec;
use windrow::{Dataset, Loader, range};

use super::{BYTES_MAX, FREE, bounded};

/// A document that can be read is the same after it is written, and opens or says why not.
pub(super) fn spec(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(&bytes[..bytes.len().min(BYTES_MAX)]) else { return false };
    let read = bounded(60 * text.len() + FREE, || Spec::from_json(text));
    let Ok(spec) = read else { return false };
    let written = serde_json::to_string(&spec).expect("what was read can be written");
    assert_eq!(Spec::from_json(&written).expect("and read"), spec, "{written}");
    let files = MemoryFiles::default().with("t.csv", *b"1,2\n3,4\n");
    match bounded(100 * text.len() + (8 << 20), || spec.open(&files)) {
        Ok(pipeline) => _ = pipeline,
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    true
}

pub(super) fn spec_seeds() -> Vec<Vec<u8>> {
    let range = r#"{"version":1,"seed":7,"source":{"kind":"range","end":100},
        "ops":[{"op":"shuffle"},{"op":"cast","field":"value","dtype":"F32"},
        {"op":"resize","field":"x","height":3,"width":4,"filter":"lanczos3"}],
        "stages":[{"stage":"batch","size":10}]}"#;
    let table = r#"{"version":1,"source":{"kind":"csv","file":"t.csv","header":false,
        "fields":[{"name":"x","columns":{"start":0,"end":2},"dtype":"F32"}]}}"#;
    [range, table].map(|text| text.as_bytes().to_vec()).to_vec()
}

/// A state that can be read is the same after it is written.
pub(super) fn state(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(&bytes[..bytes.len().min(BYTES_MAX)]) else { return false };
    let Ok(state) = bounded(60 * text.len() + FREE, || State::from_json(text)) else {
        return false;
    };
    let written = state.to_json();
    let again = State::from_json(&written).expect("what was written can be read");
    assert_eq!(again.to_json(), written);
    true
}

pub(super) fn state_seeds() -> Vec<Vec<u8>> {
    let mut loader =
        Loader::builder(range(0..100).shuffle(1).batch(3)).build().expect("numbers in batches");
    let mut states = vec![loader.state().to_json().into_bytes()];
    loader.by_ref().take(2).for_each(|batch| assert!(batch.is_ok()));
    states.push(loader.state().to_json().into_bytes());
    states
}
