//! The JSON Schema of pipeline documents, from the types and doc comments that make the reader.
//!
//! Types derive their schemas. Three parts are written by hand here: values that serde reads with a
//! function, the lower-case names of dtypes, and the examples. An example is a `json` block of a doc
//! comment.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::dataset::Dtype;
use crate::order::FOREVER;

/// A number that [`whole`](super::whole) reads, at least `MIN`, which is 0 or 1. JavaScript's
/// numbers lose bits beyond 2^53, so a string of digits is one too.
pub(crate) struct Whole<const MIN: u64>;

impl<const MIN: u64> JsonSchema for Whole<MIN> {
    fn schema_name() -> Cow<'static, str> {
        if MIN == 0 { "whole".into() } else { "positive".into() }
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": format!(
                "A whole number from {MIN} to 2^64 - 1, or a string of its digits, \
                 since JavaScript's numbers lose bits beyond 2^53."
            ),
            "anyOf": [
                {"type": "integer", "minimum": MIN, "maximum": u64::MAX},
                {"type": "string", "pattern": digits(MIN)},
            ],
        })
    }
}

/// Returns the expression for the texts that Rust reads as a `u64` of at least `min`, 0 or 1.
fn digits(min: u64) -> String {
    let max = u64::MAX.to_string();
    let shorter = format!("[1-9][0-9]{{0,{}}}", max.len() - 2);
    // As long as the maximum, and smaller from one digit on.
    let smaller = max.char_indices().filter_map(|(place, digit)| {
        let least = if place == 0 { '1' } else { '0' };
        let below = char::from(digit as u8 - 1);
        let rest = max.len() - place - 1;
        let start = &max[..place];
        (digit > least).then(|| format!("{start}[{least}-{below}][0-9]{{{rest}}}"))
    });
    let all: Vec<String> = [shorter].into_iter().chain(smaller).chain([max.clone()]).collect();
    let zero = if min == 0 { "0+|" } else { "" };
    format!("^\\+?({zero}0*({}))$", all.join("|"))
}

/// Returns the schema of the number of epochs, as `epochs` of `read.rs` reads it.
pub(super) fn epochs(generator: &mut SchemaGenerator) -> Schema {
    let count = generator.subschema_for::<Whole<1>>();
    json_schema!({"anyOf": [count, {"const": FOREVER}]})
}

/// Returns the schema of the dtypes that `scale` makes.
pub(super) fn floats(_: &mut SchemaGenerator) -> Schema {
    dtypes(Dtype::is_float)
}

/// Returns the schema of the dtypes that `decode_number` makes.
pub(super) fn parsed(_: &mut SchemaGenerator) -> Schema {
    dtypes(|dtype| !matches!(dtype, Dtype::BOOL | Dtype::F16 | Dtype::BF16))
}

/// Returns the names of some dtypes, in capitals and then in lower case.
fn dtypes(keep: impl Fn(Dtype) -> bool) -> Schema {
    let names = || Dtype::ALL.into_iter().filter(|&dtype| keep(dtype)).map(Dtype::name);
    let lower = names().map(str::to_lowercase);
    json_schema!({"enum": names().map(Into::into).chain(lower).collect::<Vec<String>>()})
}

/// Returns the schema of a tag's choices, each with its word, its text and its options.
pub(super) fn choice<const COUNT: usize>(
    tag: &str,
    choices: [(&str, &str, Schema); COUNT],
) -> Schema {
    let choices = choices.map(|(word, about, options)| {
        let mut options = Value::from(options);
        options["title"] = json!(word);
        options["properties"][tag] = json!({"const": word});
        let (about, examples) = divided(about);
        if !about.is_empty() {
            options["description"] = json!(about);
        }
        if !examples.is_empty() {
            options["examples"] = json!(examples);
        }
        let more = options["required"].as_array().cloned().unwrap_or_default();
        options["required"] = [vec![json!(tag)], more].concat().into();
        options
    });
    json_schema!({"oneOf": choices.to_vec()})
}

/// Returns the schema of a type, with all definitions that it refers to.
pub(super) fn of<T: JsonSchema>() -> Value {
    let mut schema = Value::from(SchemaGenerator::default().into_root_schema_for::<T>());
    // The derive knows the names of a variant and no alias.
    let lower = Dtype::ALL.map(|dtype| dtype.name().to_lowercase());
    if let Some(Value::Array(names)) = schema.pointer_mut("/$defs/Dtype/oneOf") {
        names.push(
            json!({"description": "The same names in lower case are read too.", "enum": lower}),
        );
    }
    tidy(&mut schema);
    schema
}

/// Rewrites a schema and its inner schemas in the reader's terms, without Rust's.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(schemas) => schemas.iter_mut().for_each(tidy),
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = divided(text).0;
            }
            bounds(fields);
            for (key, inside) in fields {
                match (key.as_str(), inside) {
                    ("const" | "default" | "enum" | "examples", _) => {}
                    ("properties" | "$defs", Value::Object(named)) => {
                        named.values_mut().for_each(tidy);
                    }
                    (_, schemas) => tidy(schemas),
                }
            }
        }
        _ => {}
    }
}

/// Puts the bounds of a Rust type in the place of its name.
fn bounds(fields: &mut Map<String, Value>) {
    let Some(Value::String(format)) = fields.remove("format") else { return };
    let (min, max) = match format.as_str() {
        "uint8" => (json!(0), json!(u8::MAX)),
        "uint32" => (json!(0), json!(u32::MAX)),
        "uint64" => (json!(0), json!(u64::MAX)),
        "int64" => (json!(i64::MIN), json!(i64::MAX)),
        _ => return,
    };
    if fields.contains_key("enum") {
        fields.remove("minimum");
        fields.remove("maximum");
        return;
    }
    fields.entry("minimum").or_insert(min);
    fields.entry("maximum").or_insert(max);
}

/// Returns a doc comment without code and link targets, and the values of its `json` blocks.
fn divided(doc: &str) -> (String, Vec<Value>) {
    let (mut text, mut examples) = (String::new(), Vec::new());
    for (number, part) in doc.split("```").enumerate() {
        match part.strip_prefix("json") {
            _ if number % 2 == 0 => text += part,
            Some(json) => examples.extend(serde_json::from_str::<Value>(json)),
            None => {}
        }
    }
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    (unlinked(lines.join("\n").trim()), examples)
}

/// Replaces the links to Rust's items in Markdown by their texts.
fn unlinked(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        plain += before;
        let end = link.find(']');
        let (shown, after) = end.map_or((link, ""), |end| (&link[..end], &link[end + 1..]));
        let in_code = plain.matches('`').count() % 2 == 1;
        let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
        rest = match target {
            _ if in_code => {
                plain.push('[');
                link
            }
            Some((target, after)) if target.contains("::") => {
                plain += shown;
                after
            }
            None if shown.starts_with('`') && shown.ends_with('`') => {
                plain += shown;
                after
            }
            _ => {
                plain.push('[');
                link
            }
        };
    }
    plain + rest
}
