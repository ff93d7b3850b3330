//! The JSON Schema of pipeline documents: it accepts what the reader accepts, the guide's page is
//! made of it, and the types of the npm package agree with it.

mod accepts;
mod page;
mod types;

use std::path::PathBuf;

use serde_json::Value;
use windrow::spec::Spec;

/// A file or folder of the repository.
fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A schema, and those that it refers to.
struct Schema(Value);

impl Schema {
    fn new() -> Self {
        Self(Spec::json_schema())
    }

    /// The choices that `source`, `op` or `stage` has, in the order of the code.
    fn choices(&self, what: &str) -> &[Value] {
        self.0["$defs"][what]["oneOf"].as_array().unwrap()
    }

    /// The schema that another one refers to, or that one.
    fn target<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(place) => self.0.pointer(&place[1..]).unwrap(),
            None => schema,
        }
    }
}

/// The name of a choice.
fn word(choice: &Value) -> &str {
    choice["title"].as_str().unwrap()
}

/// The names of the options of an object: those that are required, and then the others.
fn options(object: &Value) -> Vec<&str> {
    let required = object["required"].as_array().into_iter().flatten();
    let mut names: Vec<&str> = required.map(|name| name.as_str().unwrap()).collect();
    let more = object["properties"].as_object().unwrap().keys();
    let more: Vec<&str> = more.map(String::as_str).filter(|name| !names.contains(name)).collect();
    names.extend(more);
    names
}

fn is_required(object: &Value, option: &str) -> bool {
    object["required"].as_array().is_some_and(|names| names.iter().any(|name| name == option))
}
