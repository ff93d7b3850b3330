//! Reading a document; each error has the path of the wrong value.

use serde_json::{Map, Value};

use super::choice::{Choice, Options, at, wrong};
use super::document::Spec;
use super::op_spec::STEPS_MAX;
use super::size::bounded;
use super::source_spec::{ConcatOptions, DEPTH_MAX, MixOptions, MixPart, Part};
use super::{whole, words};
use crate::error::{Error, Result};
use crate::order::{Epochs, FOREVER, json};

impl Spec {
    /// Reads a document from its JSON.
    ///
    /// # Errors
    /// Returns [`Error::Spec`](crate::Error::Spec) with the path of the wrong value, such as
    /// `$.ops[2].size`.
    pub fn from_json(json: &str) -> Result<Self> {
        if json.len() as u64 > Spec::BYTES_MAX {
            let (len, most) = (json.len(), Spec::BYTES_MAX);
            let why = format!("the document has {len} bytes; give one of at most {most}");
            return Err(wrong("$", why));
        }
        Self::from_own_json(json)
    }

    /// Reads what [`to_json`](Self::to_json) wrote, which may be longer than the document was:
    /// the float `1` is `1.0` there.
    pub(crate) fn from_own_json(json: &str) -> Result<Self> {
        document(json)
    }
}

/// The version of the format.
const VERSION: u64 = 1;

/// Reads a whole document.
fn document(text: &str) -> Result<Spec> {
    let value = json::value(text)
        .map_err(|error| wrong("$", format!("the document is not JSON: {error}")))?;
    let mut fields = object(value, "$")?;
    match fields.remove("version") {
        Some(version) if version == VERSION => {}
        Some(version) => {
            let why =
                format!("version {version} is unknown; this build of windrow reads {VERSION}");
            return Err(wrong("$.version", why));
        }
        None => {
            return Err(wrong("$", format!("\"version\" is missing; add \"version\": {VERSION}")));
        }
    }
    let source = fields.remove("source").ok_or_else(|| wrong("$", "\"source\" is missing"))?;
    let seed = fields.remove("seed").map(|seed| at::<Seed>("$.seed", seed)).transpose()?;
    let spec = Spec {
        version: VERSION as u32,
        seed: seed.map_or(0, |seed| seed.0),
        epochs: fields.remove("epochs").map(epochs).transpose()?,
        source: choice(source, "$.source")?,
        ops: choices(fields.remove("ops"), "$.ops")?,
        stages: choices(fields.remove("stages"), "$.stages")?,
        keys: fields.remove("keys").map_or(Ok(false), |keys| at("$.keys", keys))?,
    };
    bounded(&spec)?;
    match fields.keys().next() {
        None => Ok(spec),
        Some(name) => {
            let why = format!(
                "unknown field {name:?}; use one of version, seed, epochs, source, ops, stages, keys"
            );
            Err(wrong("$", why))
        }
    }
}

fn epochs(value: Value) -> Result<Epochs> {
    let path = "$.epochs";
    if value == FOREVER {
        return Ok(Epochs::Forever);
    }
    match at::<Seed>(path, value) {
        Ok(Seed(0)) => Err(wrong(path, format!("expected 1 or more or {FOREVER:?}, found 0"))),
        Ok(Seed(count)) => Ok(Epochs::Count(count)),
        Err(Error::Spec { path, why }) => Err(wrong(&path, format!("{why}, or {FOREVER:?}"))),
        Err(other) => Err(other),
    }
}

#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Seed(#[serde(with = "whole")] u64);

fn object(value: Value, path: &str) -> Result<Map<String, Value>> {
    match value {
        Value::Object(fields) => Ok(fields),
        other => Err(wrong(path, format!("expected an object, found {}", short(&other)))),
    }
}

impl Options for ConcatOptions {
    fn read(options: Value, path: &str) -> Result<Self> {
        Ok(Self {
            parts: parts(options, path, |fields, path| part(fields, path, &["source", "ops"]))?,
        })
    }
}

impl Options for MixOptions {
    fn read(options: Value, path: &str) -> Result<Self> {
        let weighted = |mut fields: Map<String, Value>, path: &str| {
            let weight = fields.remove("weight");
            let weight = weight.map(|weight| at::<Seed>(&format!("{path}.weight"), weight));
            let weight = weight.transpose()?.map_or(1, |weight| weight.0);
            let Part { source, ops } = part(fields, path, &["source", "ops", "weight"])?;
            Ok(MixPart { source, ops, weight })
        };
        Ok(Self { parts: parts(options, path, weighted)? })
    }
}

/// Reads the one option of a source with parts.
fn parts<P>(
    options: Value,
    path: &str,
    read: impl Fn(Map<String, Value>, &str) -> Result<P>,
) -> Result<Vec<P>> {
    // Each level adds one step of this name to the path, and no other step has it.
    if path.matches(".parts[").count() >= DEPTH_MAX {
        let why = format!("the parts are more than {DEPTH_MAX} deep; join them in fewer levels");
        return Err(wrong(path, why));
    }
    let mut fields = object(options, path)?;
    let list = fields.remove("parts");
    known(&fields, path, &["parts"])?;
    let path = format!("{path}.parts");
    match list {
        Some(Value::Array(values)) if (1..=STEPS_MAX).contains(&values.len()) => {
            let numbered = values.into_iter().enumerate();
            let read = |(number, value)| {
                let path = format!("{path}[{number}]");
                read(object(value, &path)?, &path)
            };
            numbered.map(read).collect()
        }
        Some(Value::Array(values)) => {
            Err(wrong(&path, format!("the list has {} parts; give 1 to {STEPS_MAX}", values.len())))
        }
        Some(other) => Err(wrong(&path, format!("expected a list, found {}", short(&other)))),
        None => Err(wrong(path.trim_end_matches(".parts"), "\"parts\" is missing")),
    }
}

fn part(mut fields: Map<String, Value>, path: &str, names: &[&str]) -> Result<Part> {
    let source = fields.remove("source").ok_or_else(|| wrong(path, "\"source\" is missing"))?;
    let ops = fields.remove("ops");
    known(&fields, path, names)?;
    let source = choice(source, &format!("{path}.source"))?;
    Ok(Part { source, ops: choices(ops, &format!("{path}.ops"))? })
}

/// Returns an error if a field is left that no option is.
fn known(left: &Map<String, Value>, path: &str, names: &[&str]) -> Result<()> {
    let Some(name) = left.keys().next() else { return Ok(()) };
    Err(wrong(&format!("{path}.{name}"), words::unknown("field", name, names)))
}

fn choices<C: Choice>(value: Option<Value>, path: &str) -> Result<Vec<C>> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(values)) if values.len() > STEPS_MAX => Err(wrong(
            path,
            format!("the list has {} steps; give at most {STEPS_MAX}", values.len()),
        )),
        Some(Value::Array(values)) => {
            let numbered = values.into_iter().enumerate();
            numbered.map(|(number, value)| choice(value, &format!("{path}[{number}]"))).collect()
        }
        Some(other) => Err(wrong(path, format!("expected a list, found {}", short(&other)))),
    }
}

fn choice<C: Choice>(value: Value, path: &str) -> Result<C> {
    let mut fields = object(value, path)?;
    let known = || C::WORDS.join(", ");
    let word = match fields.remove(C::TAG) {
        Some(Value::String(word)) => word,
        Some(other) => {
            let why = format!(
                "{} is not the name of a {}; use one of {}",
                short(&other),
                C::WHAT,
                known()
            );
            return Err(wrong(&format!("{path}.{}", C::TAG), why));
        }
        None => {
            let why =
                format!("{:?} is missing; name the {} as one of {}", C::TAG, C::WHAT, known());
            return Err(wrong(path, why));
        }
    };
    C::read(&word, Value::Object(fields), path).unwrap_or_else(|| {
        let why =
            format!("unknown {} {}; use one of {}", C::WHAT, short(&Value::String(word)), known());
        Err(wrong(&format!("{path}.{}", C::TAG), why))
    })
}

/// Returns the JSON of a value, cut to at most 40 characters.
fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 {
        text
    } else {
        text.chars().take(37).chain("...".chars()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(ops: &str, stages: &str) -> String {
        format!(
            r#"{{"version":1,"source":{{"kind":"range","end":9}},"ops":[{ops}],"stages":[{stages}]}}"#
        )
    }

    #[test]
    fn a_document_comes_back_from_its_own_json() {
        let text = spec(
            r#"{"op":"shuffle","seed":"18446744073709551615"},{"op":"slice","start":1,"step":2},
               {"op":"cast","field":"value","dtype":"F32"},{"op":"repeat","epochs":3}"#,
            r#"{"stage":"batch","size":4,"pad":0},{"stage":"limit","count":2}"#,
        );
        let spec = document(&text).unwrap();
        assert_eq!(document(&spec.to_json()).unwrap(), spec);
        assert!(spec.to_json().contains(r#""seed":"18446744073709551615""#), "{}", spec.to_json());
    }

    #[test]
    fn parts_come_back_from_their_own_json_and_have_bounds() {
        let around = |part: &str| format!(r#"{{"kind":"mix","parts":[{{"source":{part}}}]}}"#);
        let deep = |depth| {
            (0..depth).fold(r#"{"kind":"range","end":2}"#.into(), |one: String, _| around(&one))
        };
        let read = |source: &str| document(&format!(r#"{{"version":1,"source":{source}}}"#));
        let spec = read(&deep(8)).unwrap();
        assert_eq!(document(&spec.to_json()).unwrap(), spec);
        let wrong = |source: &str| read(source).unwrap_err().to_string();
        assert!(wrong(&deep(9)).contains("the parts are more than 8 deep"), "{}", wrong(&deep(9)));
        for (parts, says) in [
            ("[]", "$.source.parts: the list has 0 parts; give 1 to 1000"),
            ("7", "$.source.parts: expected a list, found 7"),
            ("[7]", "$.source.parts[0]: expected an object, found 7"),
            (r#"[{}]"#, "$.source.parts[0]: \"source\" is missing"),
            (r#"[{"source":{"kind":"x"}}]"#, "$.source.parts[0].source.kind: unknown source"),
            (
                r#"[{"source":{"kind":"range","end":1},"ops":[{"op":"batch"}]}]"#,
                "$.source.parts[0].ops[0]: \"size\" is missing",
            ),
            (
                r#"[{"source":{"kind":"range","end":1},"weight":-1}]"#,
                "$.source.parts[0].weight: expected a whole number",
            ),
            (
                r#"[{"source":{"kind":"range","end":1},"w":1}]"#,
                "$.source.parts[0].w: unknown field \"w\"; use one of source, ops, weight",
            ),
        ] {
            let message = wrong(&format!(r#"{{"kind":"mix","parts":{parts}}}"#));
            assert!(message.starts_with(says), "{message}");
        }
        let many = vec![r#"{"source":{"kind":"range","end":1}}"#; 1001].join(",");
        let message = wrong(&format!(r#"{{"kind":"concat","parts":[{many}]}}"#));
        assert!(message.contains("1001 parts"), "{message}");
    }

    #[test]
    fn epochs_come_back_from_their_own_json() {
        for (epochs, expected) in [
            ("3", Some(Epochs::Count(3))),
            (r#""9007199254740993""#, Some(Epochs::Count(9_007_199_254_740_993))),
            (r#""forever""#, Some(Epochs::Forever)),
        ] {
            let text = spec("", "").replacen('{', &format!(r#"{{"epochs":{epochs},"#), 1);
            let read = document(&text).unwrap();
            assert_eq!(read.epochs, expected);
            assert_eq!(document(&read.to_json()).unwrap(), read);
        }
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        for (text, path, reason) in [
            ("{".into(), "$", "not JSON"),
            ("[]".into(), "$", "object"),
            ("{}".into(), "$", "version"),
            (r#"{"version":2}"#.into(), "$.version", "reads 1"),
            (r#"{"version":1}"#.into(), "$", "source"),
            (r#"{"version":1,"source":{"kind":"zip"}}"#.into(), "$.source.kind", "zip"),
            (r#"{"version":1,"source":{"kind":"range","end":-1}}"#.into(), "$.source.end", "-1"),
            (r#"{"version":1,"source":{"kind":"range","end":1},"op":[]}"#.into(), "$", "\"op\""),
            (
                r#"{"version":1,"seed":1.5,"source":{"kind":"range","end":1}}"#.into(),
                "$.seed",
                "1.5",
            ),
            (
                r#"{"version":1,"epochs":"ever","source":{"kind":"range","end":1}}"#.into(),
                "$.epochs",
                "or \"forever\"",
            ),
            (
                r#"{"version":1,"epochs":0,"source":{"kind":"range"}}"#.into(),
                "$.epochs",
                "1 or more",
            ),
            (spec(r#"{"op":"shuffel"}"#, ""), "$.ops[0].op", "shuffle"),
            (spec(r#"{"op":"shuffle"},{"size":3}"#, ""), "$.ops[1]", "\"op\" is missing"),
            (spec(r#"{"op":"batch","size":"three"}"#, ""), "$.ops[0].size", "three"),
            (spec(r#"{"op":"batch"}"#, ""), "$.ops[0]", "size"),
            (spec(r#"{"op":"batch","size":3,"sise":4}"#, ""), "$.ops[0].sise", "unknown field"),
            (spec("", r#"{"stage":"limit","count":[]}"#), "$.stages[0].count", "found a list"),
            (spec("7", ""), "$.ops[0]", "object"),
            (
                spec("", "").replace(r#","ops""#, r#","keys":1,"ops""#),
                "$.keys",
                "or false, found 1",
            ),
            (" ".repeat(100 << 20), "$", "104857600 bytes"),
        ] {
            let error = Spec::from_json(&text).unwrap_err();
            let Error::Spec { path: got, why } = &error else { panic!("{error}") };
            let text = text.chars().take(90).collect::<String>();
            assert_eq!(got, path, "{why} in {text}");
            assert!(why.contains(reason), "{why:?} lacks {reason:?} for {text}");
        }
    }
}
