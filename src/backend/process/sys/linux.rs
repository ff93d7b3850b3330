//! Linux: sealed memory, `/proc`, and the build id of the program.

use std::fs;
use std::io;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};

use super::groups;

/// Creates memory that no process can resize; none of its pages is allocated yet.
pub(super) fn shared_memory(bytes: usize) -> io::Result<OwnedFd> {
    let fd = rustix::fs::memfd_create("windrow", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    rustix::fs::ftruncate(&fd, bytes as u64)?;
    rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(fd)
}

/// Allocates the missing pages of a part.
pub(super) fn reserve(fd: &OwnedFd, part: Range<usize>) -> io::Result<()> {
    let (start, bytes) = (part.start as u64, part.len() as u64);
    Ok(rustix::fs::fallocate(fd, FallocateFlags::empty(), start, bytes)?)
}

/// This program's image in memory.
#[derive(Debug)]
pub(in super::super) struct Image {
    /// The id that distinguishes builds.
    pub(in super::super) build: String,
    code: Vec<Range<usize>>,
}

impl Image {
    /// Finds the image of this program. `anchor` must lie in the program itself, not in a library
    /// that it loaded.
    pub(in super::super) fn of_process(anchor: usize) -> Result<Self, String> {
        let maps = fs::read_to_string("/proc/self/maps")
            .map_err(|error| format!("/proc/self/maps cannot be read: {error}"))?;
        let maps: Vec<Mapped<'_>> = maps.lines().filter_map(Mapped::read).collect();
        let own = maps.iter().find(|map| map.range.contains(&anchor));
        let own = own.ok_or("this program is not in its own memory map")?;
        let program = fs::read_link("/proc/self/exe").unwrap_or_default();
        if own.path != program.as_os_str().to_string_lossy() {
            return Err(format!(
                "windrow is part of {}, loaded by {}; workers start only from a program \
                 that itself contains windrow",
                own.path,
                program.display()
            ));
        }
        let code = maps.iter().filter(|map| map.runs && map.path == own.path);
        let code = code.map(|map| map.range.clone()).collect();
        // Under an emulator or a tool such as Valgrind, opening /proc/self/exe may give the tool
        // itself.
        let file = Some(program).filter(|path| own.is(path)).unwrap_or_else(program_path);
        Ok(Self { build: super::build_id::of_program(&file)?, code })
    }

    /// Returns the file whose code contains an address.
    pub(in super::super) fn around(address: usize) -> Option<String> {
        let maps = fs::read_to_string("/proc/self/maps").ok()?;
        let mut maps = maps.lines().filter_map(Mapped::read);
        let path = maps.find(|map| map.range.contains(&address))?.path;
        Some(path.into()).filter(|path: &String| !path.is_empty())
    }

    /// Returns whether an address lies in the program's code.
    pub(in super::super) fn is_code(&self, address: usize) -> bool {
        self.code.iter().any(|range| range.contains(&address))
    }
}

/// Returns a path to this program that stays valid after the file is replaced.
pub(super) fn program_path() -> PathBuf {
    "/proc/self/exe".into()
}

/// Returns a path by which another program finds this one.
pub(in super::super) fn own_path() -> PathBuf {
    let same = |path: &PathBuf| {
        let (here, there) = (fs::metadata("/proc/self/exe").ok(), fs::metadata(path).ok());
        let file = |data: fs::Metadata| (data.dev(), data.ino());
        here.map(file) == there.map(file)
    };
    // After a removal of the file, this process still holds it open.
    let held = || format!("/proc/{}/exe", std::process::id()).into();
    fs::read_link("/proc/self/exe").ok().filter(same).unwrap_or_else(held)
}

struct Mapped<'a> {
    range: Range<usize>,
    runs: bool,
    inode: u64,
    path: &'a str,
}

impl<'a> Mapped<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut fields = line.splitn(6, ' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let address = |text| usize::from_str_radix(text, 16).ok();
        let runs = fields.next()?.contains('x');
        let inode = fields.nth(2)?.parse().ok()?;
        let path = fields.next()?.trim_start();
        Some(Self { range: address(start)?..address(end)?, runs, inode, path })
    }

    /// Returns whether this file is mapped here.
    fn is(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|data| data.ino() == self.inode)
    }
}

/// Returns the resident memory of a process in bytes; `None` after its end.
pub(in super::super) fn rss(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64).filter(|bytes| *bytes > 0)
}

/// Returns how often the system killed a process for lack of memory, in this process's control
/// group if known.
pub(in super::super) fn out_of_memory_kills() -> Option<u64> {
    groups::kills().or_else(|| {
        let text = fs::read_to_string("/proc/vmstat").ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill "))?;
        line.trim().parse().ok()
    })
}

/// Returns the available memory in bytes, by the tightest known limit.
pub(in super::super) fn memory_available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let free = free.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    [groups::room(), free.map(|kib| kib * 1024)].into_iter().flatten().min()
}
