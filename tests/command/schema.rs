//! `windrow schema`.

use crate::{finish, windrow};

#[test]
fn the_schema_is_printed_as_json() {
    let finished = finish(&mut windrow(&["schema"]));
    assert_eq!((finished.code, &*finished.err), (0, ""), "{}", finished.err);
    let schema: serde_json::Value = serde_json::from_str(&finished.out).unwrap();
    assert_eq!(schema, windrow::spec::Spec::json_schema());
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(finished.out.lines().count() > 100, "it is not in lines");
}

#[test]
fn the_schema_is_among_the_commands_of_the_help() {
    let finished = finish(&mut windrow(&["--help"]));
    let line = finished.out.lines().find(|line| line.trim_start().starts_with("schema "));
    assert!(line.is_some_and(|line| line.contains("JSON Schema")), "{}", finished.out);
}
