//! The properties of what reads files and documents, with the allocator that they need.

#[path = "../../../formats/decoders/properties/mod.rs"]
mod properties;
#[path = "../../../formats/spy.rs"]
mod spy;

use properties::{PROPERTIES, Property};

#[global_allocator]
static SPY: spy::Spy = spy::Spy;

/// Where fuzzing a property starts from.
pub fn seeds(property: &str) -> Vec<Vec<u8>> {
    named(property).2()
}

/// Runs a property.
pub fn holds(property: &str, bytes: &[u8]) {
    named(property).1(bytes);
}

fn named(property: &str) -> Property {
    PROPERTIES.into_iter().find(|(name, ..)| *name == property).expect("it is there")
}
