//! Folders, and where names in them may lead.

use std::fs;
use std::path::Path;

use windrow::source::{Files, Folder};

use super::text;

/// A folder `in/part` with a file, and a file beside `in` that is not for it.
fn tree() -> tempfile::TempDir {
    let tree = tempfile::tempdir().unwrap();
    fs::create_dir_all(tree.path().join("in/part")).unwrap();
    fs::write(tree.path().join("in/part/a.bin"), b"abc").unwrap();
    fs::write(tree.path().join("secret"), b"secret").unwrap();
    tree
}

/// Makes a symbolic link; whether that can be done here.
fn link(target: &str, at: &Path) -> bool {
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(target, at);
    #[cfg(windows)]
    let made = match at.parent().unwrap().join(target).is_dir() {
        true => std::os::windows::fs::symlink_dir(target, at),
        false => std::os::windows::fs::symlink_file(target, at),
    };
    if let Err(error) = &made {
        println!("skipped: no symbolic links here: {error}");
    }
    made.is_ok()
}

/// Whether a name is refused since it leads out.
fn leads_out(files: &Folder, name: &str) {
    for message in [text(files.open(name)), text(files.list(name))] {
        assert!(message.contains("lies outside of"), "{name}: {message}");
    }
}

#[test]
fn names_in_a_folder_start_there_and_stay_there() {
    let tree = tree();
    let files = Folder::new(tree.path().join("in"));
    for name in ["part/a.bin", "./part/a.bin", "part/../part/a.bin"] {
        assert_eq!(files.open(name).unwrap().len(), 3, "{name}");
    }
    let absolute = tree.path().join("in/part/a.bin");
    assert_eq!(files.open(absolute.to_str().unwrap()).unwrap().len(), 3);
    let secret = tree.path().join("secret");
    for name in ["../secret", "part/../../secret", "../in/../secret", "..", "../none", "/", "/none"]
        .into_iter()
        .chain([secret.to_str().unwrap(), tree.path().to_str().unwrap()])
    {
        leads_out(&files, name);
    }
    let message = text(files.open("a.bin"));
    assert!(message.contains("a.bin: ") && !message.contains("outside"), "{message}");
    for name in ["", ".", "part"] {
        assert!(text(files.open(name)).ends_with("is a folder, not a file"), "{name}");
    }
    assert!(text(files.list("part/a.bin")).starts_with("listing "));
}

#[test]
fn links_may_not_lead_out_either() {
    let tree = tree();
    let inside = tree.path().join("in");
    let absolute = tree.path().join("secret");
    let links = [
        ("good", "part/a.bin"),
        ("part/good", "../good"),
        ("file", "../secret"),
        ("absolute", absolute.to_str().unwrap()),
        ("folder", ".."),
    ];
    if !links.iter().all(|(name, target)| link(target, &inside.join(name))) {
        return;
    }
    let files = Folder::new(&inside);
    assert_eq!(files.open("good").unwrap().len(), 3);
    assert_eq!(files.open("part/good").unwrap().len(), 3);
    let around = inside.join("part/a.bin");
    assert!(link(around.to_str().unwrap(), &inside.join("part/around")));
    assert_eq!(files.open("part/around").unwrap().len(), 3);
    for name in ["file", "absolute", "folder", "folder/secret", "part/../file"] {
        let message = text(files.open(name));
        assert!(message.contains("lies outside of"), "{name}: {message}");
    }
    assert!(text(files.list("")).contains("lies outside of"));
    let part = files.list("part").unwrap();
    let mut names: Vec<_> = part.iter().map(|file| (&*file.name, file.bytes.len())).collect();
    names.sort_unstable();
    assert_eq!(names, [("a.bin", 3), ("around", 3), ("good", 3)]);

    let free = Folder::unconfined(&inside);
    assert_eq!(free.open("file").unwrap().len(), 6);
    assert_eq!(free.open("folder/secret").unwrap().len(), 6);
}

#[test]
fn a_file_that_becomes_a_link_after_it_was_listed_leads_nowhere_else() {
    let tree = tree();
    let inside = tree.path().join("in");
    fs::write(tree.path().join("same"), b"xyz").unwrap();
    let listed = Folder::new(&inside).list("part").unwrap();
    listed[0].bytes.read_at(0, &mut [0; 3]).unwrap();
    fs::remove_file(inside.join("part/a.bin")).unwrap();
    if link("../../same", &inside.join("part/a.bin")) {
        let message = text(listed[0].bytes.read_at(0, &mut [0; 3]));
        assert!(message.contains("lies outside of"), "{message}");
    }
}

#[test]
fn a_root_lets_names_lead_out_of_the_folder_and_no_further() {
    let tree = tree();
    fs::create_dir(tree.path().join("in/specs")).unwrap();
    let specs = tree.path().join("in/specs");
    let files = Folder::new(&specs).within(tree.path().join("in"));
    assert_eq!(files.open("../part/a.bin").unwrap().len(), 3);
    assert_eq!(files.list("../part").unwrap().len(), 1);
    let absolute = tree.path().join("in/part/a.bin");
    assert_eq!(files.open(absolute.to_str().unwrap()).unwrap().len(), 3);
    leads_out(&files, "../../secret");
    leads_out(&files, tree.path().join("secret").to_str().unwrap());

    let elsewhere = Folder::new(tree.path()).within(&specs);
    leads_out(&elsewhere, "secret");
    fs::write(specs.join("b.bin"), b"b").unwrap();
    assert_eq!(elsewhere.open(specs.join("b.bin").to_str().unwrap()).unwrap().len(), 1);

    let free = Folder::unconfined(&specs);
    assert_eq!(free.open("../../secret").unwrap().len(), 6);
    assert_eq!(free.open(tree.path().join("secret").to_str().unwrap()).unwrap().len(), 6);
    let everything = Folder::new(&specs).within(specs.ancestors().last().unwrap());
    assert_eq!(everything.open("../../secret").unwrap().len(), 6);
    for missing in [Folder::new(tree.path().join("no")), Folder::new(&specs).within("no/such")] {
        assert!(text(missing.open("a")).starts_with("opening "), "{missing:?}");
    }
}

#[test]
fn the_folder_without_a_name_is_the_current_one() {
    assert!(!Folder::default().open("Cargo.toml").unwrap().is_empty());
    leads_out(&Folder::default(), "../none");
}

#[test]
fn a_folder_crosses_to_other_processes() {
    let folder = Folder::new("specs").within("data");
    let json = serde_json::to_string(&folder).unwrap();
    assert_eq!(serde_json::from_str::<Folder>(&json).unwrap(), folder);
}
