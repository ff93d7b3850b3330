//! The JSON Schema of pipeline documents: it accepts what the reader accepts, the guide's page is
//! made of it, and the types of the npm package agree with it.

mod accepts;
mod bounds;
mod page;
mod types;

use std::path::PathBuf;

use serde_json::{Value, json};
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

    /// The options of a choice in the order of the code, as the reader lists them; its tag first.
    fn order(&self, what: &str, choice: &Value) -> Vec<String> {
        let tag = if what == "source" { "kind" } else { what };
        let unknown = json!({tag: word(choice), "?": 0});
        let mut names = vec![tag.to_owned()];
        names.extend(known(match what {
            "source" => json!({"version": 1, "source": unknown}),
            _ => json!({
                "version": 1,
                "source": {"kind": "range", "end": 1},
                format!("{what}s"): [unknown],
            }),
        }));
        names
    }

    /// The schema that another one refers to, or that one.
    fn target<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(place) => self.0.pointer(&place[1..]).unwrap(),
            None => schema,
        }
    }
}

/// The names that the reader says it knows where a document has another one.
fn known(document: Value) -> Vec<String> {
    let message = Spec::from_json(&document.to_string()).unwrap_err().to_string();
    if message.ends_with("unknown field \"?\"; remove it") {
        return Vec::new();
    }
    let (_, names) = message.split_once("use one of ").unwrap_or_else(|| panic!("{message}"));
    names.split(", ").map(str::to_owned).collect()
}

/// The name of a choice.
fn word(choice: &Value) -> &str {
    choice["title"].as_str().unwrap()
}

/// The names of the options of an object.
fn options(object: &Value) -> Vec<&str> {
    object["properties"].as_object().unwrap().keys().map(String::as_str).collect()
}

fn is_required(object: &Value, option: &str) -> bool {
    object["required"].as_array().is_some_and(|names| names.iter().any(|name| name == option))
}
