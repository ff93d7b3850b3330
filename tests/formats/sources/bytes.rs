//! The door to files.

use std::fs;
use std::sync::Arc;

use windrow::source::open;
use windrow::source::{ByteSource, Files, InMemory, LocalFile, MemoryFiles};

use super::text;

pub(crate) fn pattern(length: u64) -> Vec<u8> {
    (0..length).map(|i| ((i * i + i / 7) % 251) as u8).collect()
}

/// The same bytes through every kind of source there is in this build.
pub(crate) fn every_kind(folder: &std::path::Path, bytes: &[u8]) -> Vec<Box<dyn ByteSource>> {
    let path = folder.join(format!("{}.bin", bytes.len()));
    fs::write(&path, bytes).unwrap();
    vec![
        Box::new(InMemory::new("memory.bin", bytes.to_vec())),
        Box::new(LocalFile::open(&path).unwrap()),
        #[cfg(feature = "mmap")]
        #[allow(unsafe_code)]
        // SAFETY: nothing changes the file after it was written.
        Box::new(unsafe { windrow::source::Mapped::open(&path) }.unwrap()),
    ]
}

#[test]
fn every_kind_of_source_gives_the_same_bytes_and_the_same_ends() {
    let folder = tempfile::tempdir().unwrap();
    for length in [0, 1, 4096, 10_000] {
        let bytes = pattern(length);
        for source in every_kind(folder.path(), &bytes) {
            assert_eq!(source.len(), length, "{source:?}");
            assert_eq!(source.is_empty(), length == 0);
            if let Some(slice) = source.as_slice() {
                assert_eq!(slice, bytes);
            }
            for (start, end) in [(0, length), (length, length), (length / 3, length / 2)] {
                let mut part = vec![0xee; (end - start) as usize];
                source.read_at(start, &mut part).unwrap();
                assert_eq!(part, bytes[start as usize..end as usize], "{source:?}");
            }
            for (start, wanted) in [(0, length + 1), (length, 1), (length + 1, 0), (u64::MAX, 1)] {
                let message = text(source.read_at(start, &mut vec![0; wanted as usize]));
                let end =
                    format!("cannot read {wanted} bytes here, the source has {length} in all");
                assert_eq!(message, format!("{} at byte {start}: {end}", source.name()));
            }
        }
    }
}

#[test]
fn threads_may_read_one_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = pattern(100_000);
    for source in every_kind(folder.path(), &bytes) {
        std::thread::scope(|scope| {
            for thread in 0..4usize {
                let (source, bytes) = (&source, &bytes);
                scope.spawn(move || {
                    for round in 0..500 {
                        let start = (thread * 7919 + round * 104_729) % 99_000;
                        let mut part = [0; 1000];
                        source.read_at(start as u64, &mut part).unwrap();
                        assert_eq!(part, bytes[start..start + 1000]);
                    }
                });
            }
        });
    }
}

#[test]
fn a_file_that_was_cut_meanwhile_is_an_error_of_the_read_that_misses_bytes() {
    let folder = tempfile::tempdir().unwrap();
    type Opens = fn(&std::path::Path) -> Arc<dyn ByteSource>;
    let kinds: [Opens; 2] =
        [|path| Arc::new(LocalFile::open(path).unwrap()), |path| open(path).unwrap()];
    for kind in kinds {
        let path = folder.path().join("cut.bin");
        fs::write(&path, pattern(100_000)).unwrap();
        let source = kind(&path);
        // No feature maps what is opened: to read what was cut would end the process.
        assert!(source.as_slice().is_none());
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(400).unwrap();
        let message = text(source.read_at(90_000, &mut [0; 200]));
        // One that is opened anew finds another length.
        let says = [
            "cut.bin at byte 90000: ends here; it had 100000 bytes when it was opened",
            "cut.bin: has 400 bytes; it had 100000 when it was found",
        ];
        assert!(says.iter().any(|says| message.ends_with(says)), "{message}");
    }
    let message =
        text(LocalFile::open(folder.path().join("cut.bin")).unwrap().read_at(300, &mut [0; 200]));
    assert!(
        message.ends_with("cannot read 200 bytes here, the source has 400 in all"),
        "{message}"
    );
}

#[test]
fn more_files_are_read_than_stay_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = |number: u64| folder.path().join(format!("{number}.bin"));
    let sources: Vec<_> = (0..300)
        .map(|number| {
            fs::write(path(number), pattern(number + 1)).unwrap();
            open(path(number)).unwrap()
        })
        .collect();
    match fs::read_dir("/proc/self/fd") {
        Ok(all) => {
            let links = all.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
            let here = links.filter(|link| link.starts_with(folder.path())).count();
            assert!((1..=64).contains(&here), "{here} files are open");
        }
        Err(error) => println!("skipped counting open files: {error}"),
    }
    for (number, source) in (0..).zip(&sources) {
        assert_eq!(source.len(), number + 1);
        assert_eq!(source.name(), path(number).to_str().unwrap());
        let mut bytes = vec![0; number as usize + 1];
        source.read_at(0, &mut bytes).unwrap();
        assert_eq!(bytes, pattern(number + 1));
    }
    // One of them at least is opened anew, so it may not be replaced by a file of another length.
    sources.iter().enumerate().for_each(|(number, _)| fs::write(path(number as u64), b"").unwrap());
    let refused = sources.iter().map(|source| text(source.read_at(0, &mut [0])));
    let told = refused.filter(|why| why.contains("has 0 bytes; it had ")).count();
    assert!(told >= 300 - 64, "{told}");
}

#[test]
fn what_is_no_file_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let message = text(open(folder.path()));
    assert!(message.ends_with("is a folder, not a file"), "{message}");
    if cfg!(unix) {
        assert_eq!(text(open("/dev/null")), "/dev/null: is a pipe or a device, not a file");
    }
    let message = text(open(folder.path().join("none.npy")));
    assert!(message.starts_with("opening ") && message.contains("none.npy: "), "{message}");
}

#[test]
fn a_missing_name_in_memory_is_answered_with_some_that_are_there() {
    let mut files = MemoryFiles::default();
    assert_eq!(text(files.open("x")), "opening x: no file is in memory; add it with `with`");
    for number in 10..35 {
        files = files.with(format!("f{number}"), []);
    }
    let message = text(files.open("x"));
    assert!(
        message.contains("the files are f10, f11, ") && message.ends_with("f29 and 5 more"),
        "{message}"
    );
}
