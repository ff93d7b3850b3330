//! `windrow describe`.

use crate::{finish, windrow};

/// The text of the first block of a chapter that begins with these words, without the fence.
fn block(chapter: &str, begins: &str) -> String {
    let path = format!("{}/www/guide/{chapter}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    let start = text.find(&format!("\n{begins}")).unwrap_or_else(|| panic!("no {begins:?}")) + 1;
    let (block, _) = text[start..].split_once("```").unwrap();
    block.to_owned()
}

#[test]
fn the_guide_shows_what_the_command_prints() {
    let tree = finish(&mut windrow(&["describe", "www/data/digits.json"]));
    assert_eq!((tree.code, &*tree.err), (0, ""));
    assert_eq!(tree.out, block("command.md", "csv(len=1797"));
    let chart = finish(&mut windrow(&["describe", "www/data/digits.json", "--mermaid"]));
    assert_eq!((chart.code, &*chart.err), (0, ""));
    assert_eq!(chart.out, block("command.md", "flowchart TD"));
}

#[test]
fn every_document_of_the_repository_can_be_described() {
    for folder in ["www/data", "tests/golden/specs"] {
        let root = env!("CARGO_MANIFEST_DIR");
        for entry in std::fs::read_dir(format!("{root}/{folder}")).unwrap() {
            let path = entry.unwrap().path();
            let json = std::fs::read_to_string(&path).unwrap_or_default();
            if path.extension().is_none_or(|end| end != "json") || !json.contains("\"source\"") {
                continue;
            }
            let described =
                finish(&mut windrow(&["describe", path.to_str().unwrap(), "--root", root]));
            assert_eq!((described.code, &*described.err), (0, ""), "{}", path.display());
            let steps = json.matches("\"op\":").count() + json.matches("\"stage\":").count();
            assert!(described.out.lines().count() > steps, "{}", described.out);
            let open = described.out.lines().any(|line| line.ends_with("...}"));
            assert!(!open, "unknown fields in {}", described.out);
        }
    }
}

#[test]
fn a_wrong_field_is_bad_input_that_names_the_op() {
    let folder = crate::folder();
    let path = folder.path().join("spec.json");
    let spec = r#"{"version": 1, "source": {"kind": "range", "end": 3},
        "ops": [{"op": "shuffle"}, {"op": "cast", "field": "valeu", "dtype": "F32"}]}"#;
    std::fs::write(&path, spec).unwrap();
    for command in ["describe", "run"] {
        let refused = finish(&mut windrow(&[command, path.to_str().unwrap()]));
        let says = "windrow: $.ops[1]: the record has no field \"valeu\"; it has value\n";
        assert_eq!((refused.code, &*refused.out, &*refused.err), (2, "", says), "{command}");
    }
}
