//! Folders of pictures, in memory and on disk.

use std::sync::Arc;

use windrow::source::{ByteSource, Files, Folder, Images, ImagesOptions, MemoryFiles, Source};

use crate::sources::text;

const PATHS: &[&str] = &["c/2.png", "B/1.JPEG", "a-b/3.jpg", "a/9.png", "a/10.png", "é/4.png"];
const OTHERS: &[&str] = &["a/notes.txt", "a/.png", "a/.hidden.png", "a/png", "a/x.png.gz"];

fn memory(folder: &str) -> MemoryFiles {
    let all = PATHS.iter().chain(OTHERS).enumerate();
    all.fold(MemoryFiles::default(), |files, (number, path)| {
        files.with(format!("{folder}{path}"), vec![b'x'; number + 1])
    })
}

fn paths(images: &Images) -> Vec<&str> {
    (0..).map_while(|index| images.path(index)).collect()
}

#[test]
fn pictures_stand_in_the_byte_order_of_their_paths_and_nothing_else_does() {
    let images = Images::open(&memory("all/"), &ImagesOptions::new("all")).unwrap();
    let sorted = ["B/1.JPEG", "a-b/3.jpg", "a/10.png", "a/9.png", "c/2.png", "é/4.png"];
    assert_eq!(paths(&images), sorted);
    assert_eq!(images.get(3).unwrap()["image"].shape(), [4]);
    assert_eq!(images.get(3).unwrap().len(), 1);
    assert!(text(images.get(6)).contains("the source has 6 pictures"));
}

#[test]
fn a_label_is_the_number_of_the_folder_by_its_name() {
    let files = memory("").with("c/a/7.png", *b"7");
    let images = Images::open(&files, &ImagesOptions::new("").label()).unwrap();
    assert_eq!(images.labels(), ["B", "a", "a-b", "c", "é"]);
    let label = |index| images.get(index).unwrap()["label"].to_vec::<u32>().unwrap()[0];
    assert_eq!((0..7).map(label).collect::<Vec<_>>(), [0, 2, 1, 1, 3, 1, 4]);
}

#[test]
fn a_folder_of_the_disk_is_the_folder_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    for (number, path) in PATHS.iter().chain(OTHERS).enumerate() {
        let path = folder.path().join("all").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, vec![b'x'; number + 1]).unwrap();
    }
    let options = ImagesOptions::new("all").label();
    let disk = Images::open(&Folder::new(folder.path()), &options).unwrap();
    let memory = Images::open(&memory("all/"), &options).unwrap();
    assert_eq!(paths(&disk), paths(&memory));
    assert_eq!(disk.op().to_string(), memory.op().to_string());
    for index in 0..memory.len() {
        assert_eq!(disk.get(index).unwrap(), memory.get(index).unwrap());
    }

    std::fs::write(folder.path().join("all/a/9.png"), b"longer than it was").unwrap();
    let changed = text(disk.get(3));
    assert!(changed.starts_with("images of index 3: "), "{changed}");
    assert!(changed.contains("9.png: has 18 bytes; it had 4 when it was found"), "{changed}");
    std::fs::remove_file(folder.path().join("all/a/9.png")).unwrap();
    assert!(text(disk.get(3)).contains("9.png"), "{}", text(disk.get(3)));
    assert!(disk.get(2).is_ok());
}

#[cfg(unix)]
#[test]
fn a_link_in_a_circle_is_an_error_and_not_an_endless_walk() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
    let error = text(Images::open(&Folder::new(folder.path()), &ImagesOptions::new("")));
    assert!(error.contains("again/again"), "{error}");
}

#[test]
fn what_is_missing_is_named() {
    let open = |files: &dyn Files, folder, label| {
        let mut options = ImagesOptions::new(folder);
        options.label = label;
        text(Images::open(files, &options))
    };
    let files = memory("");
    assert!(open(&files, "no", false).starts_with("no: has no picture among 0 files"));
    assert!(open(&Folder::default(), "no/such", false).starts_with("listing no/such: "));
    let loose = files.with("loose.png", *b"x");
    assert!(open(&loose, "", true).contains("has loose.png outside of any folder"));
    assert_eq!(open(&loose, "", false), "no error");

    struct ByName;
    impl Files for ByName {
        fn open(&self, name: &str) -> windrow::Result<Arc<dyn ByteSource>> {
            MemoryFiles::default().open(name)
        }
    }
    assert!(open(&ByName, "all", false).contains("listing the folder all is not available"));
}

/// The golden folder holds the first pictures of the golden archive, in folders by their labels.
#[cfg(feature = "tar")]
#[test]
fn the_golden_folder_holds_what_the_golden_archive_holds() {
    use windrow::source::{Tar, TarOptions};
    let data = Folder::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/data"));
    let tar = Tar::open(&data, &TarOptions::new(["digits.tar"])).unwrap();
    let images = Images::open(&data, &ImagesOptions::new("folder").label()).unwrap();
    assert_eq!(images.len(), 21);
    for index in 0..images.len() {
        let path = images.path(index).unwrap();
        let Some((label, key)) = path.strip_suffix(".png").and_then(|key| key.split_once('/'))
        else {
            assert_eq!(path, "Photos/gray.JPG");
            continue;
        };
        let sample = tar.get(key.parse().unwrap()).unwrap();
        assert_eq!(images.get(index).unwrap()["image"], sample["png"], "{path}");
        assert_eq!(std::str::from_utf8(sample["cls"].bytes()).unwrap().trim(), label, "{path}");
    }
}
