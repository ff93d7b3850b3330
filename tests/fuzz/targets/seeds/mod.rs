//! Seeds: where fuzzing starts from.

use std::path::Path;

/// Writes the seeds of a property to where the fuzzer looks for them.
pub fn write(property: &str, seeds: Vec<Vec<u8>>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(property);
    std::fs::create_dir_all(&folder).expect("the corpus can be written to");
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number}")), seed).expect("a seed can be written");
    }
}
