//! Errors for JavaScript: `{ code, message, fix?, position? }`.

use serde::Serialize;
use wasm_bindgen::JsValue;

use crate::error::Error;

/// Returns the code of an error with a text that does not start with a code: see [`split`].
fn code_of(error: &Error) -> &'static str {
    match error {
        Error::Sample { .. } | Error::SampleLost { .. } => "SAMPLE",
        Error::Mismatch { .. } | Error::State { .. } => "STATE_MISMATCH",
        Error::Setting { .. } | Error::Environment { .. } => "SETTING",
        Error::Unsupported { .. } => "UNSUPPORTED",
        Error::Format { .. } => "FORMAT",
        Error::Spec { .. } => "SPEC",
        Error::Io { .. } => "READ",
        Error::Workers { .. } => "WORKER",
        Error::Stream { error, .. } => code_of(error),
        Error::Other(_) => "FAILED",
    }
}

fn fix_of(error: &Error) -> Option<String> {
    match error {
        Error::Mismatch { .. } => {
            Some("use the same pipeline and settings, or start without the state".into())
        }
        Error::State { .. } => Some("start without the state".into()),
        Error::Setting { name, allowed, .. } => Some(format!("set {name} to {allowed}")),
        Error::Unsupported { instead, .. } => Some(instead.clone()),
        _ => None,
    }
}

#[derive(Serialize)]
struct Told<'a> {
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<String>,
}

/// Converts an error to an object to throw.
pub(super) fn thrown(error: &Error) -> JsValue {
    let message = error.to_string();
    let (code, message) = split(&message).unwrap_or((code_of(error), message.clone()));
    let position = error.position().map(|position| position.to_string());
    object(&Told { code, message, fix: fix_of(error), position })
}

/// Creates an error for a failure of the binding.
pub(super) fn failed(code: &str, why: impl std::fmt::Display) -> JsValue {
    object(&Told { code, message: why.to_string(), fix: None, position: None })
}

fn object(told: &Told<'_>) -> JsValue {
    serde_wasm_bindgen::to_value(told).unwrap_or_else(|_| JsValue::from_str(&told.message))
}

/// Splits a text with a code such as `[NO_RANGE] ` into the code and the text without the code.
///
/// JavaScript code that reads files has its own error codes. The codes travel inside the text,
/// because a fault from another worker is only text.
fn split(text: &str) -> Option<(&str, String)> {
    text.match_indices('[').find_map(|(start, _)| {
        let (code, rest) = text[start + 1..].split_once("] ")?;
        let named = code.len() > 3 && code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        named.then(|| (code, format!("{}{rest}", &text[..start])))
    })
}
