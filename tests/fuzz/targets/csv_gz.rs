//! Fuzzes the property `csv_gz` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("csv_gz", decoders::seeds("csv_gz")), |bytes: &[u8]| {
    decoders::holds("csv_gz", bytes);
});
