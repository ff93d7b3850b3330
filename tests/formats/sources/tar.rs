//! Archives: what is read, and how a wrong one is told.

use std::sync::Arc;

use proptest::prelude::*;
use windrow::Result;
use windrow::dataset::{Record, SampleKey};
use windrow::source::{ByteSource, MemoryFiles, Source, Tar, TarOptions};

use super::{bytes, text};
use crate::spy::largest_request;

/// One header and what follows it.
fn member(kind: u8, name: &str, data: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    sealed(&mut block);
    block.extend(data);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

/// Writes the checksum of a header.
fn sealed(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block[..512].iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
}

fn file(name: &str, data: &[u8]) -> Vec<u8> {
    member(b'0', name, data)
}

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    [&members.concat()[..], &[0; 1024]].concat()
}

fn open(archive: impl Into<Vec<u8>>) -> Result<Tar> {
    Tar::new(vec![bytes("x.tar", archive)], &TarOptions::new(["x.tar"]))
}

/// What opening says, without the archive's name.
fn refused(archive: impl Into<Vec<u8>>) -> String {
    let message = text(open(archive));
    message.strip_prefix("x.tar").unwrap_or(&message).trim_start_matches(": ").into()
}

/// The fields of a sample as text.
fn shown(tar: &Tar, index: u64) -> Vec<(String, String)> {
    let record: Record = tar.get(index).unwrap_or_else(|fault| panic!("{fault}"));
    let text = |tensor: &windrow::dataset::Tensor| tensor.bytes().escape_ascii().to_string();
    record.iter().map(|(name, tensor)| (name.to_owned(), text(tensor))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn files_that_differ_after_the_first_dot_are_one_sample() {
    let tar = open(archive(&[
        file("a/b/0001.png", b"one"),
        member(b'5', "a/b.c/", b""),
        file("a/b/0001.cls", b"1"),
        file("a/b/0002.seg.png", b""),
        file("README", b"no field"),
        file("a/.hidden.png", b"no key"),
        file("a/._0001.png", b"no key"),
        file("a/b/0002.", b"no field"),
        file("a/c.d/0001.png", b"other"),
        file("a/b/0002.cls", b"2"),
    ]))
    .unwrap();
    assert_eq!(tar.len(), 3);
    let keys: Vec<_> = (0..4).map(|index| tar.key(index)).collect();
    let names = ["a/b/0001", "a/b/0002", "a/c.d/0001"].map(SampleKey::from);
    assert_eq!(keys[..3], names);
    assert_eq!(keys[3], SampleKey::Index(3));
    assert_eq!(shown(&tar, 0), pairs(&[("cls", "1"), ("png", "one")]));
    assert_eq!(shown(&tar, 1), pairs(&[("cls", "2"), ("seg.png", "")]));
    assert_eq!(shown(&tar, 2), pairs(&[("png", "other")]));
    assert_eq!(text(tar.get(3)), "tar of index 3: the source has 3 samples");
}

#[test]
fn samples_come_in_the_order_of_the_archives_and_a_key_is_one_of_its_archive() {
    let one = archive(&[file("1.x", b"a"), file("0.x", b"b")]);
    let two = archive(&[file("1.x", b"c"), file("1.y", b"d")]);
    let files = MemoryFiles::default().with("b.tar", one).with("a.tar", two);
    let tar = Tar::open(&files, &TarOptions::new(["b.tar", "a.tar"])).unwrap();
    let first: Vec<_> = (0..3).map(|index| shown(&tar, index).remove(0)).collect();
    assert_eq!(first, pairs(&[("x", "a"), ("x", "b"), ("x", "c")]));
    let message = text(Tar::open(&files, &TarOptions::new(["b.tar", "c.tar"])));
    assert!(message.starts_with("opening c.tar: "), "{message}");
}

#[test]
fn fields_are_chosen_and_a_missing_one_is_named_with_the_key() {
    let packed = archive(&[file("k/1.a", b"A"), file("k/1.b", b"B"), file("k/2.a", b"C")]);
    let files = MemoryFiles::default().with("x.tar", packed);
    let options = TarOptions::new(["x.tar"]).fields(["b", "__key__"]);
    let tar = Tar::open(&files, &options).unwrap();
    assert_eq!(shown(&tar, 0), pairs(&[("__key__", "k/1"), ("b", "B")]));
    let says = "tar of index 1: x.tar: sample \"k/2\" has no field \"b\"; it has a";
    assert_eq!(text(tar.get(1)), says);
    let op = tar.op().to_string();
    assert!(op.starts_with("tar(len=2,archives=1,content="), "{op}");
    assert!(op.ends_with(",field=b,field=__key__)"), "{op}");

    for (options, says) in [
        (TarOptions::new([""; 0]), "tar.files is empty; allowed: one archive or more"),
        (TarOptions::new(["x.tar"]).fields([""; 0]), "tar.fields is a list of 0"),
        (TarOptions::new(["x.tar"]).fields(["a", "a"]), "tar.fields is \"a\" twice"),
        (TarOptions::new(["x.tar"]).fields(["a".repeat(256)]), "a name of 256 bytes"),
    ] {
        let message = text(Tar::open(&files, &options));
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn long_names_are_read_in_every_way_they_are_written() {
    let long = format!("{}/{}.png", "d".repeat(120), "n".repeat(60));
    let name = |tar: Tar| format!("{}.png", tar.key(0));

    // ustar: a prefix.
    let mut prefixed = file(&long[121..], b"data");
    prefixed[345..465].copy_from_slice(&long.as_bytes()[..120]);
    sealed(&mut prefixed);
    assert_eq!(name(open(archive(&[prefixed])).unwrap()), long);

    // GNU: a member of its own, with a zero at its end.
    let zero = format!("{long}\0");
    let gnu = [member(b'L', "././@LongLink", zero.as_bytes()), file(&long[..99], b"data")];
    assert_eq!(name(open(archive(&gnu)).unwrap()), long);

    // pax: an attribute, which goes before GNU's.
    let pax = attribute("path", &long);
    let pax = [member(b'x', "PaxHeaders/x", &pax), file("other.x", b"data")];
    let tar = open(archive(&pax)).unwrap();
    assert_eq!(shown(&tar, 0), pairs(&[("png", "data")]));
    assert_eq!(name(tar), long);
    let both = [&pax[..1], &gnu[..1], &pax[1..]].concat();
    let gnu_other = member(b'L', "././@LongLink", b"gnu.png");
    let both = [both[0].clone(), gnu_other, both[2].clone()];
    assert_eq!(name(open(archive(&both)).unwrap()), long);
    // It is for one file only.
    let next = [&pax[..], &[file("next.x", b"")]].concat();
    assert_eq!(open(archive(&next)).unwrap().key(1), "next".into());
}

/// One line of pax attributes.
fn attribute(name: &str, value: &str) -> Vec<u8> {
    let rest = name.len() + value.len() + 3;
    let length = (1..).find(|&digits| (rest + digits).to_string().len() == digits).unwrap();
    format!("{} {name}={value}\n", rest + length).into_bytes()
}

#[test]
fn sizes_are_read_in_every_way_they_are_written() {
    let mut large = file("1.x", b"twelve bytes");
    large[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 12]);
    sealed(&mut large);
    let mut pax = file("2.x", b"");
    pax.extend([b'p'; 512]);
    let pax = [member(b'x', "p", &attribute("size", "5")), pax].concat();
    let comment = member(b'g', "pax_global_header", &attribute("comment", "0123abcd"));
    let label = member(b'V', "a label", b"");
    let mut old = file("3.x", b"abc");
    old[156] = 0;
    old[257..265].fill(0);
    old[124..136].copy_from_slice(b"       3    ");
    sealed(&mut old);
    let tar = open(archive(&[comment, label, large, pax, old])).unwrap();
    let read: Vec<_> = (0..3).map(|index| shown(&tar, index).remove(0).1).collect();
    assert_eq!(read, ["twelve bytes", "ppppp", "abc"]);
}

#[test]
fn what_cannot_be_a_sample_is_refused_with_its_place() {
    let one = file("1.a", b"data");
    let mut sum = one.clone();
    sum[0] = b'2';
    let mut signed = one.clone();
    signed[0] = 0xe9;
    sealed(&mut signed);
    let sized = |size: &[u8]| {
        let mut one = one.clone();
        one[124..136].copy_from_slice(size);
        sealed(&mut one);
        archive(&[one])
    };
    let sparse = attribute("GNU.sparse.major", "1");
    for (packed, says) in [
        (vec![], " at byte 0: is not a tar archive: it has 0 bytes, a header takes 512"),
        (b"hello".repeat(200), " at byte 148: its checksum is "),
        (vec![0; 1024], "has no sample: no file with a name such as 0001.png"),
        (archive(&[file("a", b"")]), "has no sample"),
        (archive(&[one.clone(), sum]), " at byte 1024: is not a sound tar archive: the checksum"),
        (archive(&[signed]), " at byte 0: the name \"\u{fffd}.a\" is not UTF-8"),
        (archive(&[one.clone(), one.clone()]), " at byte 1024: \"1.a\" appears twice"),
        (archive(&[member(b'2', "2.a", b"")]), " at byte 0: \"2.a\" is a link, not a file; pack"),
        (archive(&[member(b'1', "2.a", b"")]), "is a link"),
        (archive(&[member(b'S', "2.a", b"")]), " at byte 156: has a sparse file"),
        (archive(&[member(b'x', "p", &sparse), one.clone()]), " at byte 512: has a sparse file"),
        (archive(&[member(b'M', "2.a", b"")]), "several volumes"),
        (archive(&[member(b'q', "2.a", b"")]), "the unknown type 'q'"),
        (archive(&[member(b'g', "p", &attribute("size", "5")), one.clone()]), "one path or size"),
        (
            archive(&[member(b'x', "p", b"")]),
            " at byte 512: ends after a name or attributes of a file",
        ),
        (archive(&[member(b'x', "p", b"7 a=b")]), " at byte 512: has broken pax attributes"),
        (archive(&[file(&format!("1.{}", "a".repeat(98)), b"")]), "no error"),
        (
            archive(&[member(b'L', "L", format!("1.{}", "a".repeat(256)).as_bytes()), one.clone()]),
            "the field's name has 256 bytes; at most 255 are allowed",
        ),
        (
            archive(&[member(b'L', "L", &[b'a'; 70_000]), one.clone()]),
            " at byte 512: has a name of 70000 bytes; at most 65536 are allowed",
        ),
        (
            archive(&[member(b'x', "L", &[b'a'; (1 << 20) + 1]), one.clone()]),
            " at byte 512: has attributes of 1048577 bytes; at most 1048576 are allowed",
        ),
        (sized(b"00000000008\0"), " at byte 124: its size is \"00000000008\", which is no octal"),
        (sized(b"77777777777\0"), "is cut short: \"1.a\" takes 8589934591 bytes from here on"),
        (sized(&[0xff; 12]), " at byte 124: its size is negative, or beyond 2^63"),
        (sized(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"), "takes 9223372036854775807 bytes"),
        (sized(b"\x80\0\0\0\x80\0\0\0\0\0\0\0"), " at byte 124: its size is beyond 2^63"),
        (archive(std::slice::from_ref(&one)).repeat(2), " at byte 2048: has more"),
        ([&one[..], &[0; 2 << 20]].concat(), " at byte 1536: has 2096640 bytes after its end mark"),
        (b"\x1f\x8b\x08".iter().copied().chain([0; 600]).collect(), "is gzip, which cannot be"),
    ] {
        let mut message = String::new();
        let most = largest_request(|| message = refused(packed));
        assert!(message.starts_with(says) || message.contains(says), "{message} is not {says}");
        assert!(most < 5 << 20, "{most} bytes at once for {message}");
    }
    let fields: Vec<_> = (0..1025).map(|number| file(&format!("1.{number}"), b"")).collect();
    assert!(refused(archive(&fields)).contains("a sample may have at most 1024 fields"));
}

#[test]
fn an_archive_that_is_cut_at_any_byte_is_refused() {
    let long = attribute("path", "long.x");
    let whole = [file("1.a", b"data"), member(b'x', "p", &long), file("2.b", &[7; 600])].concat();
    for length in 0..whole.len() + 512 {
        let cut = [&whole[..], &[0; 512]].concat();
        let message = refused(&cut[..length]);
        assert!(message.starts_with(" at byte "), "{length}: {message}");
    }
    assert!(open([&whole[..], &[0; 512]].concat()).is_ok());
}

/// Bytes that say they are longer than anything, all of them zero but for one header.
#[derive(Debug)]
struct Endless(Vec<u8>);

impl ByteSource for Endless {
    fn name(&self) -> &str {
        "endless.tar"
    }

    fn len(&self) -> u64 {
        u64::MAX
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let part = &self.0[start..self.0.len().min(start + buffer.len())];
        buffer.fill(0);
        buffer[..part.len()].copy_from_slice(part);
        Ok(())
    }
}

#[test]
fn a_source_of_any_length_and_a_size_up_to_its_end_overflow_nothing() {
    let pax = |size: u64| {
        let pax = member(b'x', "p", &attribute("size", &size.to_string()));
        let endless = Endless([pax, file("1.a", b"")].concat());
        text(Tar::new(vec![Arc::new(endless)], &TarOptions::default()))
    };
    assert!(pax(u64::MAX).contains("is cut short"), "{}", pax(u64::MAX));
    assert!(pax(u64::MAX - 1536).contains("is cut short: neither"), "{}", pax(u64::MAX - 1536));
    assert!(pax(u64::MAX - 2500).contains("cut short"), "{}", pax(u64::MAX - 2500));
    assert!(pax(1).contains("bytes after its end mark"), "{}", pax(1));
}

#[test]
fn samples_are_read_where_they_lie_and_only_headers_when_an_archive_is_opened() {
    #[derive(Debug)]
    struct Counted(Arc<dyn ByteSource>, std::sync::Mutex<Vec<(u64, usize)>>);

    impl ByteSource for Counted {
        fn name(&self) -> &str {
            self.0.name()
        }

        fn len(&self) -> u64 {
            self.0.len()
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
            self.1.lock().unwrap().push((offset, buffer.len()));
            self.0.read_at(offset, buffer)
        }
    }

    let large = vec![5; 1 << 20];
    let names = ["1.a", "2.a", "3.a", "4.a"];
    let members: Vec<_> = names.iter().map(|name| file(name, &large)).collect();
    let counted = Arc::new(Counted(bytes("x.tar", archive(&members)), Default::default()));
    let tar = Tar::new(vec![counted.clone()], &TarOptions::default()).unwrap();
    let read: usize = counted.1.lock().unwrap().drain(..).map(|(_, size)| size).sum();
    assert!(read < 400 << 10, "{read} bytes to open 4 MiB");
    tar.get(2).unwrap();
    let place = 2 * (512 + (1 << 20)) + 512;
    assert_eq!(*counted.1.lock().unwrap(), [(place, 1 << 20)]);
}

#[test]
fn another_name_or_size_in_the_middle_is_another_content() {
    let with = |name: &str, size: usize| {
        let pad = file("pad.x", &vec![1; 200 << 10]);
        let members = [pad.clone(), file(name, &vec![2; size]), pad];
        let mut members = archive(&members);
        // The last file must not be the first once more.
        let last = members.len() - 1024 - (200 << 10) - 512;
        members[last] = b'q';
        sealed(&mut members[last..last + 512]);
        open(members).unwrap().op().to_string()
    };
    let ops = [with("1.x", 9), with("2.x", 9), with("1.y", 9), with("1.x", 10)];
    for (place, op) in ops.iter().enumerate() {
        assert!(!ops[..place].contains(op), "{place}: {op}");
    }
    assert_eq!(ops[0], with("1.x", 9));
}

/// Opens what may be anything, and reads what can be read.
fn survive(archive: Vec<u8>) {
    let most = largest_request(|| {
        if let Ok(tar) = open(archive) {
            for index in [0, tar.len() / 2, tar.len() - 1, u64::MAX] {
                _ = tar.get(index);
            }
        }
    });
    assert!(most < 1 << 17, "{most} bytes at once");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn an_archive_with_some_bytes_changed_never_panics(
        changes in prop::collection::vec((0usize..4608, any::<u8>()), 1..6),
        seal: bool,
    ) {
        let long = attribute("path", "long.x");
        let mut packed = archive(&[
            member(b'x', "p", &long), file("1.a", b"data"),
            member(b'L', "L", b"longer.y\0"), file("2.b", b"more"),
        ]);
        changes.into_iter().for_each(|(at, byte)| {
            let at = at % packed.len();
            packed[at] = byte;
        });
        if seal {
            for start in [0, 1024, 2048, 3072] {
                sealed(&mut packed[start..start + 512]);
            }
        }
        survive(packed);
    }

    #[test]
    fn headers_of_any_content_with_a_right_checksum_never_panic(
        fields in prop::collection::vec(any::<u8>(), 512),
        kind in prop::sample::select(b"\x00012356LKxgSMVDq".to_vec()),
        size in prop::sample::select(vec![
            &b"00000000000\0"[..], b"00000000077\0", b"00000010000\0", b"77777777777\0",
        ]),
    ) {
        let mut block = fields;
        block[156] = kind;
        block[124..136].copy_from_slice(size);
        sealed(&mut block);
        survive(archive(&[block, vec![b'x'; 1024], file("1.a", b"data")]));
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        survive(bytes);
    }
}
