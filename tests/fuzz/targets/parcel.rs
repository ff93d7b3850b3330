//! Fuzzes the property `parcel` of `src/backend/process/properties.rs`.
#![no_main]

mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("parcel", windrow::backend::properties::seeds("parcel")), |bytes: &[u8]| {
    windrow::backend::properties::parcel(bytes);
});
