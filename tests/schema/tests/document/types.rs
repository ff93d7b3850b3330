//! `www/package/src/index.d.ts` has the ops, sources, stages and options of the schema.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Schema, is_required, options, read, word};

/// What the types leave out: source, option, why.
const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("csv", "file", "the first argument"),
    ("jsonl", "file", "the first argument"),
    ("tar", "files", "the first argument"),
    ("tar", "identity", "no case of the package's tests reads a file twice for it"),
    ("images", "folder", "the first argument"),
    ("images", "identity", "no case of the package's tests reads a file twice for it"),
];
/// Sources without an object of options: `npy` and `idx` have the files of their fields in its place, and
/// `concat` and `mix` have a list of parts.
const PLAIN: &[&str] = &["range", "npy", "idx", "served", "concat", "mix"];
/// What is called otherwise in JavaScript, and what is no op.
const OTHERWISE: &[(&str, &str)] = &[("call", "js"), ("served", "js")];
const OWN: &[&str] = &["op", "arrays", "folder", "http", "opfs", "path"];

/// A member of a TypeScript type: whether it may be left out, and its type.
#[derive(Debug)]
struct Member {
    optional: bool,
    kind: String,
}

/// The types of the package, with those that a method declares in angle brackets.
struct Types(String);

impl Types {
    fn read() -> Self {
        let text = read("www/package/src/index.d.ts");
        // Comments have braces and colons too.
        let mut code = String::new();
        let mut rest = text.as_str();
        while let Some((before, comment)) = rest.split_once("/*") {
            code += before;
            rest = comment.split_once("*/").unwrap().1;
        }
        let lines = (code + rest)
            .lines()
            .map(|line| line.split("// ").next().unwrap().to_owned())
            .collect::<Vec<_>>();
        Self(lines.join("\n"))
    }

    /// What stands in the braces after some words.
    fn block(&self, start: &str) -> &str {
        let after = self.0.split_once(start).unwrap_or_else(|| panic!("there is no {start:?}")).1;
        enclosed(&after[after.find('{').unwrap()..])
    }

    /// The methods of a constant, by name: what stands in the angle brackets and in the parentheses.
    fn methods(&self, constant: &str) -> Vec<(String, String, String)> {
        let methods = divided(self.block(&format!("export declare const {constant}:")), ";");
        let methods = methods.into_iter().map(|method| {
            let open = method.find(['<', '(']).unwrap();
            let (name, rest) = method.split_at(open);
            let (generics, rest) = match rest.strip_prefix('<') {
                Some(_) => {
                    let generics = enclosed(rest);
                    (generics, &rest[generics.len() + 2..])
                }
                None => ("", rest),
            };
            (name.to_owned(), generics.to_owned(), enclosed(rest).to_owned())
        });
        methods.collect()
    }

    /// The members of an object type or of an interface.
    fn members(&self, kind: &str) -> BTreeMap<String, Member> {
        let inside = match kind.strip_prefix('{') {
            Some(_) => enclosed(kind),
            None => self.block(&format!("export interface {kind} ")),
        };
        let members = divided(inside, ";").into_iter().map(|member| {
            let (name, kind) = member.split_once(':').unwrap_or_else(|| panic!("{member:?}"));
            let name = name.trim().trim_start_matches("readonly ");
            let optional = name.ends_with('?');
            let name = snake(name.trim_end_matches('?'));
            (name, Member { optional, kind: kind.trim().to_owned() })
        });
        members.collect()
    }
}

/// What stands between the bracket that a text starts with and the one that closes it.
fn enclosed(text: &str) -> &str {
    let mut depth = 0;
    let mut before = ' ';
    for (place, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            '>' if before == '=' => {}
            ')' | ']' | '}' | '>' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[1..place];
        }
        before = c;
    }
    panic!("nothing closes {text:.40?}")
}

/// The parts of a text between separators outside of brackets and quotes.
fn divided<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let (mut depth, mut start, mut quoted, mut before) = (0, 0, false, ' ');
    let mut parts = Vec::new();
    for (place, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' | '<' => depth += 1,
            '>' if before == '=' => {}
            ')' | ']' | '}' | '>' => depth -= 1,
            _ if depth == 0 && text[place..].starts_with(separator) => {
                parts.push(text[start..place].trim());
                start = place + separator.len();
            }
            _ => {}
        }
        before = c;
    }
    parts.push(text[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

fn snake(name: &str) -> String {
    let snake =
        |c: char| if c.is_uppercase() { format!("_{}", c.to_lowercase()) } else { c.into() };
    name.chars().map(snake).collect()
}

/// The type that TypeScript has for an option, without `readonly`.
fn expected(schema: &Schema, option: &Value) -> String {
    if let Some(place) = option["$ref"].as_str() {
        return match place.rsplit('/').next().unwrap() {
            "whole" | "positive" => "Whole".into(),
            "Dtype" => "Dtype".into(),
            "Pad" => "number".into(),
            "Columns" => {
                "'all' | number | string | (number | string)[] | { start: number; end: number }"
                    .into()
            }
            "CsvField" | "JsonlField" => place.rsplit('/').next().unwrap().into(),
            _ => {
                let names = schema.target(option)["oneOf"].as_array().unwrap();
                union(names.iter().map(|name| &name["const"]))
            }
        };
    }
    if let Some(values) = option["enum"].as_array() {
        let upper = |value: &Value| value.as_str().is_some_and(|text| text != text.to_lowercase());
        return union(values.iter().filter(|value| !value.is_null() && !upper(value)));
    }
    if let Some(all) = option["anyOf"].as_array() {
        return expected(schema, &all[0]);
    }
    let name = match &option["type"] {
        Value::Array(names) => names[0].as_str().unwrap(),
        Value::String(name) => name,
        _ => return "object".into(),
    };
    match name {
        "array" => {
            let items = expected(schema, &option["items"]);
            match (option["minItems"].as_u64(), option["maxItems"].as_u64()) {
                (Some(min), Some(max)) if min == max => {
                    format!("[{}]", vec![items; min as usize].join(", "))
                }
                _ => format!("{items}[]"),
            }
        }
        "object" if option["additionalProperties"].is_object() => {
            let values = expected(schema, &option["additionalProperties"]);
            format!("{{ [field: string]: {values} }}")
        }
        "integer" => "number".into(),
        other => other.into(),
    }
}

fn union<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    values.map(|value| value.to_string().replace('"', "'")).collect::<Vec<_>>().join(" | ")
}

/// A type without `readonly`, with what a method's type parameters stand for.
fn plain(kind: &str, generics: &str) -> String {
    let kind = kind.replace("readonly ", "");
    let (name, list) = kind.strip_suffix("[]").map_or((&*kind, ""), |name| (name, "[]"));
    for parameter in divided(generics, ",") {
        let parameter = parameter.trim_start_matches("const ");
        let (own, bound) = parameter.split_once(" extends ").unwrap();
        // What follows ` = ` is taken where nothing is given.
        let bound = divided(bound, " = ")[0].replace("readonly ", "");
        if own == name {
            return bound + list;
        }
    }
    kind
}

/// Compares the options of a choice with the members of a type; gives what differs.
fn differences(
    schema: &Schema,
    choice: &Value,
    tag: &str,
    members: &BTreeMap<String, Member>,
    generics: &str,
) -> Vec<String> {
    let name = choice["title"].as_str().unwrap_or(tag);
    let mut faults = Vec::new();
    let known: Vec<&str> = options(choice).into_iter().filter(|option| *option != tag).collect();
    for extra in
        members.keys().filter(|member| !known.contains(&member.as_str()) && **member != tag)
    {
        faults.push(format!("{name}: the schema has no {extra}"));
    }
    for option in known {
        let Some(member) = members.get(option) else {
            if !LEFT_OUT.iter().any(|row| (row.0, row.1) == (name, option)) {
                faults.push(format!("{name}: the types have no {option}"));
            }
            continue;
        };
        if member.optional == is_required(choice, option) {
            faults.push(format!("{name}: {option} is optional in one and not in the other"));
        }
        let (ours, theirs) =
            (expected(schema, &choice["properties"][option]), plain(&member.kind, generics));
        // The dtypes but some, which the schema lists.
        let same = match theirs.strip_prefix("Exclude<Dtype, ") {
            Some(without) => {
                let all = expected(schema, &serde_json::json!({"$ref": "#/$defs/Lower"}));
                let without = without.trim_end_matches('>');
                divided(&all, " | ")
                    .into_iter()
                    .filter(|name| !divided(without, " | ").contains(name))
                    .collect::<Vec<_>>()
                    .join(" | ")
                    == ours
            }
            None => ours == theirs,
        };
        if !same {
            faults.push(format!(
                "{name}: {option} is {ours} in the schema and {theirs} in the types"
            ));
        }
    }
    faults
}

#[test]
fn every_op_and_source_of_the_package_is_documented() {
    let text = read("www/package/src/index.d.ts");
    for constant in ["ops", "source"] {
        let block = text.split_once(&format!("export declare const {constant}:")).unwrap().1;
        let lines: Vec<&str> = block.split("\n};").next().unwrap().lines().collect();
        for pair in lines.windows(2) {
            let name =
                |line: &str| line.strip_prefix("  ")?.split(['<', '(']).next().map(str::to_owned);
            let is_method = pair[1].starts_with("  ") && pair[1].as_bytes()[2].is_ascii_lowercase();
            // An overload is documented by the first one.
            let documented = pair[0].ends_with("*/") || name(pair[0]) == name(pair[1]);
            assert!(!is_method || documented, "{constant}: {} has no comment", pair[1].trim());
        }
    }
}

#[test]
fn the_types_of_the_package_agree_with_the_schema() {
    let mut schema = Schema::new();
    let types = Types::read();
    // The names of all dtypes, as the package has them.
    let lower =
        schema.0["$defs"]["Dtype"]["oneOf"].as_array().unwrap().last().unwrap()["enum"].clone();
    let lower = lower.as_array().unwrap().iter().map(|name| serde_json::json!({"const": name}));
    let lower: Vec<Value> = lower.collect();
    let all = union(lower.iter().map(|name| &name["const"]));
    assert!(types.0.contains(&format!("export type Dtype = {all};")), "Dtype is not {all}");
    schema.0["$defs"]["Lower"] = serde_json::json!({"oneOf": lower});
    let mut faults = Vec::new();
    for (what, constant) in [("op", "ops"), ("source", "source")] {
        let tag = if what == "op" { "op" } else { "kind" };
        let methods = types.methods(constant);
        let called = |name: &str| {
            let other = OTHERWISE.iter().find(|(word, _)| *word == name);
            other.map_or(name.to_owned(), |(_, called)| called.to_string())
        };
        for choice in schema.choices(what) {
            let name = called(word(choice));
            let Some((_, generics, arguments)) =
                methods.iter().find(|(method, ..)| snake(method) == name)
            else {
                faults.push(format!("{constant} has no {name}"));
                continue;
            };
            if PLAIN.contains(&word(choice)) || name == "js" {
                continue;
            }
            let arguments = divided(arguments, ",");
            if arguments.iter().all(|argument| argument.is_empty()) && options(choice) == [tag] {
                continue;
            }
            let Some((options, kind)) = arguments.last().and_then(|last| last.split_once(':'))
            else {
                faults.push(format!("{name} has no options"));
                continue;
            };
            let kind = kind.trim();
            faults.extend(differences(&schema, choice, tag, &types.members(kind), generics));
            let required = crate::options(choice).into_iter().filter(|option| {
                is_required(choice, option)
                    && *option != tag
                    && !LEFT_OUT.iter().any(|row| (row.0, row.1) == (word(choice), option))
            });
            if options.ends_with('?') != (required.count() == 0) {
                faults
                    .push(format!("{name}: the options are optional in one and not in the other"));
            }
        }
        for (method, ..) in &methods {
            let known =
                schema.choices(what).iter().any(|choice| called(word(choice)) == snake(method));
            if !known && !OWN.contains(&method.as_str()) {
                faults.push(format!("the schema has no {constant}.{method}"));
            }
        }
    }
    let stages = types
        .0
        .split_once("export type Stage =")
        .unwrap()
        .1
        .split(';')
        .collect::<Vec<_>>()
        .join(";");
    let mut rest = stages.trim();
    for choice in schema.choices("stage") {
        rest = rest.trim_start_matches(['|', ' ', '\n']);
        let inside = enclosed(rest);
        let members = types.members(rest);
        assert_eq!(members["stage"].kind, format!("'{}'", word(choice)));
        faults.extend(differences(&schema, choice, "stage", &members, ""));
        rest = rest[inside.len() + 2..].trim();
    }
    assert!(rest.starts_with(';'), "Stage has more than the schema");
    for name in ["CsvField", "JsonlField"] {
        let members = types.members(name);
        faults.extend(differences(&schema, &schema.0["$defs"][name], name, &members, ""));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
