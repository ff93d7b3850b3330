//! `www/guide/document.md`: a page that is written by hand, `tests/schema/page.md`, and below it
//! every option, as the schema describes it.
//!
//! `WINDROW_BLESS=1` writes the page anew.

use std::fmt::Write as _;

use serde_json::{Value, json};
use windrow::spec::Spec;

use crate::{Schema, is_required, known, path, read, word};

const PAGE: &str = "www/guide/document.md";
/// How long a line of text and an example on one line may be.
const WIDTH: usize = 120;
const EXAMPLE: usize = 96;
/// The types that have a section of their own: their name in the schema, and in the page.
const TYPES: &[(&str, &str)] = &[
    ("whole", "whole number"),
    ("positive", "positive number"),
    ("Dtype", "dtype"),
    ("CsvField", "CSV field"),
    ("Part", "part"),
    ("MixPart", "mix part"),
    ("Columns", "columns"),
    ("Column", "column"),
    ("JsonlField", "JSONL field"),
    ("Identity", "identity"),
    ("Pad", "pad"),
    ("Fit", "fit"),
    ("Compare", "comparison"),
    ("ResizeFilter", "resize filter"),
    ("FlipDirection", "flip direction"),
];

#[test]
fn the_page_of_the_guide_is_in_step() {
    let page = page();
    if std::env::var_os("WINDROW_BLESS").is_some() {
        std::fs::create_dir_all(path(PAGE).parent().unwrap()).unwrap();
        std::fs::write(path(PAGE), &page).unwrap();
    }
    let written = std::fs::read_to_string(path(PAGE)).unwrap_or_default();
    let differs = written.lines().zip(page.lines()).position(|(written, now)| written != now);
    assert!(
        written == page,
        "{PAGE} is out of step from line {} on; run this with WINDROW_BLESS=1",
        1 + differs.unwrap_or_else(|| written.lines().count().min(page.lines().count()))
    );
}

#[test]
fn the_documents_of_the_page_are_read() {
    let page = page();
    let blocks = page.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut documents = 0;
    for block in blocks {
        let value: Value = serde_json::from_str(block).unwrap_or_else(|e| panic!("{e}: {block}"));
        if value.get("version").is_some() {
            Spec::from_json(block).unwrap_or_else(|error| panic!("{error}: {block}"));
            documents += 1;
        }
    }
    assert!(documents > 0);
}

fn page() -> String {
    read("tests/schema/page.md") + &reference(&Schema::new())
}

/// The part of the page that the schema makes.
fn reference(schema: &Schema) -> String {
    let mut page = String::from("## Keys of a document\n\n");
    let keys = known(json!({"version": 1, "source": {"kind": "range", "end": 1}, "?": 0}));
    page += &table(&schema.0, "key", &keys);
    for (what, heading) in [("source", "Sources"), ("op", "Ops"), ("stage", "Stages")] {
        _ = write!(page, "\n## {heading}\n");
        for choice in schema.choices(what) {
            _ = write!(page, "\n### `{}`\n\n{}\n", word(choice), wrapped(&choice["description"]));
            let names = schema.order(what, choice);
            if names.len() > 1 {
                _ = write!(page, "\n{}", table(choice, "option", &names[1..]));
            }
            for example in choice["examples"].as_array().into_iter().flatten() {
                _ = write!(page, "\n```json\n{}\n```\n", shown(example, &names, ""));
            }
        }
    }
    page += "\n## Types\n";
    for (name, heading) in TYPES {
        let kind = &schema.0["$defs"][name];
        let mut capital = heading.to_string();
        capital[..1].make_ascii_uppercase();
        _ = write!(page, "\n### {capital}\n\n{}\n", wrapped(&kind["description"]));
        if kind.get("properties").is_some() {
            let options = match *name {
                "CsvField" => field_options("csv"),
                "JsonlField" => field_options("jsonl"),
                "Part" => part_options("concat"),
                _ => part_options("mix"),
            };
            _ = write!(page, "\n{}", table(kind, "option", &options));
        }
        page += &names(kind);
    }
    let others = ["source", "op", "stage"];
    for name in schema.0["$defs"].as_object().unwrap().keys() {
        let known = TYPES.iter().any(|(known, _)| known == name) || others.contains(&&**name);
        assert!(known, "TYPES lacks {name}");
    }
    page
}

/// The options of a field of this source, in the order of the code.
fn field_options(source: &str) -> Vec<String> {
    known(json!({"version": 1, "source": {"kind": source, "file": "", "fields": [{"?": 0}]}}))
}

/// The options of a part of this source, in the order of the code.
fn part_options(source: &str) -> Vec<String> {
    let range = json!({"kind": "range", "end": 1});
    let part = json!({"source": range, "?": 0});
    known(json!({"version": 1, "source": {"kind": source, "parts": [part]}}))
}

/// Some options of an object.
fn table(object: &Value, heading: &str, names: &[String]) -> String {
    let mut rows = format!("| {heading} | type | default | meaning |\n|---|---|---|---|\n");
    for name in names {
        let option = &object["properties"][name];
        let default = match option.get("default") {
            _ if is_required(object, name) => "required".to_owned(),
            Some(value) => format!("`{}`", value.to_string().trim_end_matches(".0")),
            None => "optional".into(),
        };
        let meaning =
            option["description"].as_str().unwrap_or_else(|| panic!("{name} has no text"));
        let meaning = meaning.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|");
        _ = writeln!(rows, "| `{name}` | {} | {default} | {meaning} |", kind(option));
    }
    rows
}

/// The names of an enum, or the kinds of a value, with what is said of each.
fn names(all: &Value) -> String {
    let choices = [&all["oneOf"], &all["anyOf"]].into_iter().filter_map(Value::as_array).flatten();
    let mut list = String::new();
    for choice in choices {
        let Some(about) = choice["description"].as_str() else { continue };
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        match choice["const"].as_str() {
            Some(word) if about == format!("`{word}`") => _ = writeln!(list, "- `{word}`"),
            Some(word) => _ = writeln!(list, "- `{word}`: {about}"),
            None if choice.get("enum").is_some() => _ = write!(list, "\n{about}\n"),
            None => _ = writeln!(list, "- {}: {about}", kind(choice)),
        }
    }
    if list.is_empty() { list } else { format!("\n{list}") }
}

/// The type of an option in a few words.
fn kind(option: &Value) -> String {
    if let Some(place) = option["$ref"].as_str() {
        let name = place.rsplit('/').next().unwrap();
        return match TYPES.iter().find(|(known, _)| *known == name) {
            Some((_, shown)) => {
                format!("[{shown}](#{})", shown.to_lowercase().replace(' ', "-"))
            }
            None => format!("[{name}](#{name}s)"),
        };
    }
    if let Some(value) = option.get("const") {
        return format!("`{value}`");
    }
    if let Some(values) = option["enum"].as_array() {
        // Dtypes in lower case are the same ones.
        let upper = |value: &Value| value.as_str().map(|text| Value::from(text.to_uppercase()));
        let again = |value: &&Value| {
            !upper(value).is_some_and(|upper| upper != **value && values.contains(&upper))
        };
        return values
            .iter()
            .filter(again)
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    if let Some(all) = option["anyOf"].as_array() {
        return all.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let types = match &option["type"] {
        Value::Array(types) => types.iter().map(|name| name.as_str().unwrap()).collect(),
        Value::String(name) => vec![name.as_str()],
        _ => vec!["any JSON"],
    };
    let types = types.into_iter().map(|name| match name {
        "array" => {
            let items = plural(&kind(&option["items"]));
            match (&option["minItems"], &option["maxItems"]) {
                (Value::Null, Value::Null) => format!("list of {items}"),
                (min, Value::Null) => format!("list of {min} or more {items}"),
                (Value::Null, max) => format!("list of at most {max} {items}"),
                (min, max) if min == max => format!("list of {min} {items}"),
                (min, max) => format!("list of {min} to {max} {items}"),
            }
        }
        "object" => match option["properties"].as_object() {
            Some(properties) => {
                let names: Vec<_> = properties.keys().map(|name| format!("`{name}`")).collect();
                format!("object of {}", names.join(" and "))
            }
            None => format!("object of {}", plural(&kind(&option["additionalProperties"]))),
        },
        "integer" | "number" => {
            let bound = |name: &str| option[name].as_f64().map(|bound| (bound, &option[name]));
            match (bound("minimum"), bound("maximum")) {
                (Some((_, min)), Some((max, bound))) if max < 1e18 => {
                    format!("{name} from {min} to {bound}")
                }
                (Some((low, min)), _) if low > -1e18 => format!("{name} from {min} on"),
                _ => name.to_owned(),
            }
        }
        _ => name.to_owned(),
    });
    types.collect::<Vec<_>>().join(" or ")
}

/// A type of which there are several.
fn plural(kind: &str) -> String {
    match kind.split_once(']') {
        Some((name, link)) => format!("{name}s]{link}"),
        None => {
            let (name, rest) = kind.split_once(' ').map_or((kind, ""), |(name, rest)| (name, rest));
            format!("{name}s {rest}").trim_end().to_owned()
        }
    }
}

/// A text in lines of the page's width; tables and lists stay as they are.
fn wrapped(text: &Value) -> String {
    let paragraphs = text.as_str().unwrap_or_else(|| panic!("no text")).split("\n\n");
    let paragraphs = paragraphs.map(|paragraph| {
        if paragraph.starts_with(['|', '-']) {
            return paragraph.to_owned();
        }
        let mut lines = String::new();
        let mut length = 0;
        for word in paragraph.split_whitespace() {
            let next = word.chars().count();
            if length > 0 {
                let fits = length + 1 + next <= WIDTH;
                lines.push(if fits { ' ' } else { '\n' });
                length = if fits { length + 1 } else { 0 };
            }
            lines += word;
            length += next;
        }
        lines
    });
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// An example, with its options in this order.
fn shown(value: &Value, order: &[String], indent: &str) -> String {
    let deeper = format!("{indent}  ");
    let (open, parts, close) = match value {
        Value::Object(fields) => {
            // What is inside an option is a field, a range, or names of the user's.
            let more = ["name", "columns", "start", "end"].map(str::to_owned);
            let place = |name: &String| order.iter().chain(&more).position(|known| known == name);
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort_by_key(|name| place(name).unwrap_or(usize::MAX));
            let part =
                |name: &&String| format!("\"{name}\": {}", shown(&fields[*name], &[], &deeper));
            ("{", names.iter().map(part).collect::<Vec<_>>(), "}")
        }
        Value::Array(values) => {
            ("[", values.iter().map(|value| shown(value, &[], &deeper)).collect(), "]")
        }
        other => return other.to_string(),
    };
    let line = format!("{open}{}{close}", parts.join(", "));
    if indent.len() + line.len() <= EXAMPLE && !line.contains('\n') {
        return line;
    }
    format!("{open}\n{deeper}{}\n{indent}{close}", parts.join(&format!(",\n{deeper}")))
}
