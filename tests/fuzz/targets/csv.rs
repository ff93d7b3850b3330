//! Fuzzes the property `csv` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("csv", decoders::seeds("csv")), |bytes: &[u8]| {
    decoders::holds("csv", bytes);
});
