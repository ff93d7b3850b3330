//! The control groups of this process (Linux, versions 1 and 2): their remaining memory, and their
//! count of killed processes.

use std::fs;
use std::path::{Path, PathBuf};

/// A group's folder, and the names of its files.
struct Group {
    folder: PathBuf,
    limit: &'static str,
    used: &'static str,
    /// The entry of `memory.stat` with the memory used only as a cache of files.
    cache: &'static str,
    kills: &'static str,
}

/// Returns how much more memory the tightest of the groups allows, in bytes.
pub(super) fn room() -> Option<u64> {
    room_in(&groups(Path::new("/sys/fs/cgroup"), &of_process()))
}

/// Returns how many processes of the innermost group were killed for lack of memory.
pub(super) fn kills() -> Option<u64> {
    kills_in(&groups(Path::new("/sys/fs/cgroup"), &of_process()))
}

fn of_process() -> String {
    fs::read_to_string("/proc/self/cgroup").unwrap_or_default()
}

fn room_in(groups: &[Group]) -> Option<u64> {
    let room = |group: &Group| {
        let number =
            |name| fs::read_to_string(group.folder.join(name)).ok()?.trim().parse::<u64>().ok();
        let cache = count(&group.folder.join("memory.stat"), group.cache).unwrap_or(0);
        Some(number(group.limit)?.saturating_sub(number(group.used)?.saturating_sub(cache)))
    };
    groups.iter().filter_map(room).min()
}

fn kills_in(groups: &[Group]) -> Option<u64> {
    groups.iter().find_map(|group| count(&group.folder.join(group.kills), "oom_kill"))
}

/// Returns the groups that limit this process's memory, the innermost first. In a container, the
/// outer groups may be missing or have other names than in `/proc/self/cgroup`.
fn groups(root: &Path, of_process: &str) -> Vec<Group> {
    let mut groups = Vec::new();
    for line in of_process.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let inside = Path::new(path.trim_start_matches('/')).ancestors();
        if controllers.is_empty() {
            groups.extend(inside.map(|inside| Group {
                folder: root.join(inside),
                limit: "memory.max",
                used: "memory.current",
                cache: "inactive_file",
                kills: "memory.events",
            }));
        } else if controllers.split(',').any(|controller| controller == "memory") {
            groups.extend(inside.map(|inside| Group {
                folder: root.join("memory").join(inside),
                limit: "memory.limit_in_bytes",
                used: "memory.usage_in_bytes",
                cache: "total_inactive_file",
                kills: "memory.oom_control",
            }));
        }
    }
    groups
}

/// Returns the number after a word at the start of a line.
fn count(file: &Path, word: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find_map(|(name, number)| (name == word).then(|| number.trim().parse().ok())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn the_tightest_group_counts_and_caches_of_files_do_not() {
        let root = system(&[
            ("memory.max", "max\n"),
            ("memory.current", "5000\n"),
            ("outer/memory.max", "1000\n"),
            ("outer/memory.current", "900\n"),
            ("outer/memory.stat", "anon 100\ninactive_file 300\nactive_file 50\n"),
            ("outer/inner/memory.max", "800\n"),
            ("outer/inner/memory.current", "100\n"),
            ("outer/inner/memory.events", "low 0\noom 3\noom_kill 2\noom_group_kill 0\n"),
        ]);
        let groups = groups(root.path(), "0::/outer/inner\n");
        assert_eq!((room_in(&groups), kills_in(&groups)), (Some(400), Some(2)));
    }

    #[test]
    fn the_first_version_of_groups_has_other_files() {
        let root = system(&[
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/memory.usage_in_bytes", "5000\n"),
            ("memory/job/memory.limit_in_bytes", "1000\n"),
            ("memory/job/memory.usage_in_bytes", "700\n"),
            ("memory/job/memory.stat", "inactive_file 1\ntotal_inactive_file 100\n"),
            ("memory/job/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n"),
        ]);
        let groups = groups(root.path(), "9:name=systemd:/\n4:cpu,memory:/job\n0::/\n");
        assert_eq!((room_in(&groups), kills_in(&groups)), (Some(400), Some(7)));
    }

    #[test]
    fn in_a_container_the_group_s_own_name_may_not_be_there() {
        let root = system(&[
            ("memory.max", "1000\n"),
            ("memory.current", "400\n"),
            ("memory.events", "oom_kill 1\n"),
        ]);
        let groups = groups(root.path(), "0::/machine/box-7\n");
        assert_eq!((room_in(&groups), kills_in(&groups)), (Some(600), Some(1)));
        assert_eq!(room_in(&super::groups(root.path(), "")), None);
    }
}
