//! What becomes of programs in a world that gives them little, or takes it away.

use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::runs::{
    Test, Within, are_gone, command, guard, run, says, says_with, text, with, with_method,
    workers_go,
};
use crate::suspended;

const LIMIT: Duration = Duration::from_secs(60);
const METHODS: [&str; 2] = ["spawn", "forkserver"];
/// Whether workers get memory that has no name and no folder.
const SEALED: bool = cfg!(all(target_os = "linux", not(windrow_portable)));

pub const TESTS: &[Test] = &[
    (
        "a_stop_of_a_program_and_its_workers_costs_no_worker",
        suspended::a_stop_of_all_costs_no_worker,
    ),
    ("nothing_of_a_worker_s_lies_where_a_stray_write_goes", || {
        for method in METHODS {
            says_with(method, "writes", "60 of 60 are good, open are []");
        }
    }),
    ("a_fork_server_that_is_killed_also_while_it_restarts_costs_nothing", || {
        says_with("forkserver", "server dies", "100 of 100 are good");
        says_with("forkserver", "server dies once", "100 of 100 are good");
    }),
    ("a_fork_server_that_is_stopped_is_replaced", || {
        says_with("forkserver", "server stops", "100 of 100 are good");
    }),
    ("a_fork_server_that_restarts_keeps_no_loader_open", || {
        says_with("forkserver", "server opens", "it was closed in time");
    }),
    ("a_sample_that_ends_its_fork_server_is_given_up_with_the_right_words", || {
        // Where the system does not end a worker with its server, the sample may be made.
        let dies = cfg!(not(windrow_portable));
        let said =
            if dies { "19 of 20 are good: killed with its fork server" } else { " of 20 are good" };
        says_with("forkserver", "server always dies", said);
    }),
    ("starts_that_fail_are_counted_by_the_user_s_rule", || {
        for method in METHODS {
            says_with(method, "starts fail", "100 of 100 are good\nerror: worker processes");
        }
    }),
    ("what_was_printed_before_a_split_is_printed_once", || {
        for method in METHODS {
            let output = run_with(method, "prints");
            assert_eq!(text(&output.stdout).matches("loading ").count(), 1, "{output:?}");
            assert_eq!(text(&output.stdout).matches("opened ").count(), 1, "{output:?}");
        }
    }),
    ("a_copy_that_may_not_ask_to_end_with_its_parent_never_runs_main", || {
        for method in METHODS {
            let output = run_with(method, "sealed");
            assert_eq!(text(&output.stdout), "100 of 100 are good\n", "{method}: {output:?}");
        }
    }),
    ("a_worker_with_threads_leaves_its_environment_alone", || {
        says("alone", "0 of 100 could start more");
        says("has threads", "100 of 100 could start more");
    }),
    ("no_process_is_killed_because_a_worker_named_it", || {
        let own = std::env::current_exe().unwrap().display().to_string();
        let mut command = command("bystander");
        command.env("WORKER", format!("env\nROLE=impostor\n{own}"));
        let output = command.spawn().unwrap().wait_with_output_in(LIMIT);
        let said = text(&output.stdout);
        assert!(said.contains("a launcher must become the worker"), "{output:?}");
        assert!(said.contains("the bystander lives"), "{output:?}");
    }),
    ("a_flipped_byte_of_a_worker_s_page_costs_nothing", || {
        for method in METHODS {
            says_with(method, "flips", "4096 came in order");
        }
    }),
    ("no_worker_can_disarm_its_time_limit", || {
        let lost = "19 of 20 are good\n".repeat(2);
        for method in METHODS {
            says_with(method, "disarms", &lost);
        }
    }),
    ("deaths_cost_nothing_where_the_program_waits_for_all_its_children", || {
        says("reaps", "200 are good");
        says_with("forkserver", "reaps", "200 are good");
    }),
    ("workers_outlive_the_thread_that_built_their_loader", || {
        says("moves", "2000 are of the first workers");
        says_with("forkserver", "moves", "2000 are of the first workers");
    }),
    ("workers_of_a_program_that_panics_are_gone", || workers_go("panics", false)),
    ("workers_of_a_program_that_forgot_its_loader_are_gone", || workers_go("forgets", false)),
    ("ctrl_c_in_a_terminal_ends_all_and_prints_nothing", || {
        for method in METHODS {
            let (status, said) = interrupted(with_method(method, "busy"));
            assert_eq!(status.signal(), Some(libc::SIGINT), "{method}: {said:?}");
            // The terminal shows the key, unless all have closed it before it comes to that.
            assert_eq!(said.trim().trim_start_matches("^C"), "", "{method}");
        }
    }),
    ("a_program_that_handles_ctrl_c_closes_its_loader_in_peace", || {
        for method in METHODS {
            let (status, said) = interrupted(with_method(method, "handles"));
            assert_eq!(status.code(), Some(130), "{method}: {said:?}");
            // The loader may say which samples it did not wait for; no worker says anything.
            let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
            let others: Vec<&str> = lines
                .filter(|line| *line != "^C" && !line.contains("still makes the sample"))
                .collect();
            assert_eq!(others, [""; 0], "{method}");
        }
    }),
    ("too_few_processes_are_an_error_that_says_so", too_few_processes),
    ("any_number_of_descriptors_is_enough_or_an_error_that_says_so", || {
        let output = run("descriptors");
        let lines: Vec<&str> = text(&output.stdout).lines().collect();
        assert_eq!((lines[0], lines.len()), ("20 are good", 15), "{output:?}");
        for line in &lines[1..] {
            let said = line.contains("(os error 24)") || line.contains("ulimit -n");
            assert!(line.ends_with(": 20 are good") || said, "{line}");
        }
        assert!(lines[14].ends_with("20 are good"), "{}", lines[14]);
    }),
    ("a_full_dev_shm_costs_a_copy_and_no_sample", || {
        let output = run("full");
        let lines: Vec<&str> = text(&output.stdout).lines().collect();
        match *lines {
            [why] if why.starts_with("skipped: ") => println!("  {why}"),
            _ => assert_eq!(lines, ["20 are good", "20 are good", "0 left"], "{output:?}"),
        }
    }),
    ("shared_memory_that_workers_cannot_reach_costs_a_copy_and_no_sample", || {
        says("unreachable", "20 are good");
    }),
    ("a_worker_that_the_system_kills_for_memory_is_called_that", || {
        let Some(output) = with_memory(200 << 20, "hungry", [("BYTES", 10), ("MORE", 400 << 20)])
        else {
            return;
        };
        let said = text(&output.stdout).trim();
        assert!(said.starts_with("19 are good") && said.contains("position 7"), "{output:?}");
        assert!(!SEALED || said.contains("by the system for lack of memory"), "{output:?}");
    }),
    ("slots_that_do_not_fit_into_memory_are_not_taken", || {
        let Some(output) = with_memory(170 << 20, "hungry", [("BYTES", 10 << 20), ("MORE", 0)])
        else {
            return;
        };
        assert_eq!(text(&output.stdout).trim(), "20 are good", "{output:?}");
        let log = text(&output.stderr);
        let told = log.contains("more than half of the") && log.contains("go through the socket");
        assert!(!SEALED || told, "{output:?}");
    }),
    ("a_worker_of_another_build_is_refused", || {
        says("another", "error: worker processes: the worker is another program: build");
    }),
    ("a_program_started_by_the_dynamic_loader_says_that_it_has_no_workers", || {
        let loader = Path::new("/lib64/ld-linux-x86-64.so.2");
        if !loader.exists() || cfg!(target_env = "musl") {
            return println!("  skipped: this program has no dynamic loader that is known here");
        }
        let mut command = with(Command::new(loader), "well");
        command.arg(std::env::current_exe().unwrap());
        let output = command.spawn().unwrap().wait_with_output_in(LIMIT);
        let said = text(&output.stdout);
        assert!(
            said.contains("loaded by") && said.contains("use the threads backend"),
            "{output:?}"
        );
    }),
    ("a_new_process_for_every_sample_leaves_nothing", || {
        let mut command = command("renews");
        command.env("SAMPLES", "500");
        let output = command.spawn().unwrap().wait_with_output_in(LIMIT);
        let lines: Vec<&str> = text(&output.stdout).lines().collect();
        assert_eq!(lines[1], "500 are good", "{output:?}");
        same_on_both_sides(lines[2]);
    }),
    ("loaders_dropped_in_the_middle_leave_nothing", || {
        same_on_both_sides(text(&run("leaves").stdout));
    }),
];

fn run_with(method: &str, role: &str) -> Output {
    with_method(method, role).spawn().unwrap().wait_with_output_in(LIMIT)
}

/// What a program held before and after.
fn same_on_both_sides(said: &str) {
    let (before, after) = said.trim().split_once(" and ").expect(said);
    assert_eq!(before, after, "descriptors, children, threads, mappings and names");
}

/// Starts a program in a terminal, presses Ctrl-C when two of its workers are busy, and sees to it
/// that nothing of it runs on. Gives how it ended and what was on the terminal then.
#[allow(clippy::zombie_processes, reason = "it is waited for")]
fn interrupted(mut command: Command) -> (ExitStatus, String) {
    let (mut keys, terminal) = terminal();
    for stream in [Command::stdin, Command::stdout, Command::stderr] {
        stream(&mut command, std::process::Stdio::from(terminal.try_clone().unwrap()));
    }
    // SAFETY: all three calls are allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            // What started the tests in the background may have had them ignore or block the key.
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            let mut none = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, null_mut());
            if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
    let mut child = command.spawn().unwrap();
    drop((command, terminal));
    let guard = guard(child.id(), LIMIT);
    let mut said = String::new();
    let mut workers: Vec<u32> = Vec::new();
    let mut bytes = [0; 1000];
    while let Ok(count @ 1..) = keys.read(&mut bytes) {
        said += text(&bytes[..count]);
        while let Some((line, rest)) = said.split_once('\n') {
            let Some(pid) = line.strip_prefix("worker ") else { break };
            workers.push(pid.trim().parse().unwrap());
            said = rest.to_owned();
            if workers.len() == 2 {
                keys.write_all(b"\x03").unwrap();
            }
        }
    }
    let status = child.wait().unwrap();
    drop(guard);
    assert_eq!(workers.len(), 2, "{said:?}");
    are_gone(&workers, Duration::from_secs(5));
    (status, said)
}

/// A terminal: what holds the keys and the screen, and what programs see.
fn terminal() -> (std::fs::File, OwnedFd) {
    let (mut keys, mut programs) = (-1, -1);
    // SAFETY: both numbers are written when the answer is 0, and belong to nobody else then.
    unsafe {
        let made =
            libc::openpty(&raw mut keys, &raw mut programs, null_mut(), null_mut(), null_mut());
        assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
        libc::fcntl(keys, libc::F_SETFD, libc::FD_CLOEXEC);
        libc::fcntl(programs, libc::F_SETFD, libc::FD_CLOEXEC);
        (std::fs::File::from_raw_fd(keys), OwnedFd::from_raw_fd(programs))
    }
}

/// As a user that has no rights and may have few processes, from too few to enough.
fn too_few_processes() {
    // A user of whom there are no other processes.
    let user = 1_000_000 + std::process::id();
    let own = std::env::temp_dir();
    let Some(place) = [&*own, Path::new("/tmp"), Path::new("/var/tmp")]
        .into_iter()
        .find(|place| all_may_enter(place))
    else {
        return println!("  skipped: there is no folder that another user may enter");
    };
    let folder = tempfile::tempdir_in(place).unwrap();
    let open = |path: &Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    open(folder.path());
    let copy = folder.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    open(&copy);
    // SAFETY: it only asks.
    let root = unsafe { libc::geteuid() } == 0;
    if !root {
        return println!("  skipped: as another user than root, other programs count too");
    }
    // With one worker, three processes are enough to start it and too few for its second thread.
    for workers in ["1", "2"] {
        let mut said = Vec::new();
        for limit in 1..12 {
            let mut command = with(Command::new(&copy), "crowded");
            command.uid(user).gid(user).env("LIMIT", limit.to_string());
            command.env("WINDROW_WORKERS", workers);
            let output = command.spawn().unwrap().wait_with_output_in(LIMIT);
            let line = text(&output.stdout).trim().to_owned();
            // A worker that started may be lost for want of a thread, and then no other can start.
            let is_error = line.contains("Resource temporarily unavailable");
            assert!(line == "100 are good" || is_error, "{limit} of {workers}: {output:?}");
            said.push(is_error);
        }
        assert!(said[0] && !said[10], "{said:?}");
    }
}

/// Whether every user reaches what is in a folder.
fn all_may_enter(folder: &Path) -> bool {
    let enters = |folder: &Path| {
        std::fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 1 == 1)
    };
    folder.is_absolute() && folder.ancestors().all(enters)
}

/// Runs a program in a group of processes with so much memory; `None`, and says why, where such
/// groups cannot be made.
fn with_memory<const N: usize>(
    bytes: u64,
    role: &str,
    variables: [(&str, u64); N],
) -> Option<Output> {
    let group = match Group::new(bytes) {
        Ok(group) => group,
        Err(why) => {
            println!("  skipped: no group of processes with a limit of its own: {why}");
            return None;
        }
    };
    let mut shell = Command::new("sh");
    let script = format!("echo $$ > {}/cgroup.procs && exec \"$0\"", group.0.display());
    shell.arg("-c").arg(script).arg(std::env::current_exe().unwrap());
    let mut command = with(shell, role);
    command.env("WINDROW_LOG", "info");
    command.envs(variables.map(|(name, value)| (name, value.to_string())));
    Some(command.spawn().unwrap().wait_with_output_in(LIMIT))
}

/// A group of processes, by its folder.
struct Group(PathBuf);

impl Group {
    fn new(bytes: u64) -> std::io::Result<Self> {
        let groups = std::fs::read_to_string("/proc/self/cgroup")?;
        let own = |controller: &str| {
            let line = groups.lines().find(|line| line.split(':').nth(1) == Some(controller))?;
            Some(line.splitn(3, ':').nth(2)?.trim_start_matches('/').to_owned())
        };
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("windrow-{}-{number}", std::process::id());
        let version_1 = Path::new("/sys/fs/cgroup/memory");
        let (folder, limit) = match own("memory").filter(|_| version_1.is_dir()) {
            Some(own) => (version_1.join(own).join(name), "memory.limit_in_bytes"),
            // A group with processes in it may have no groups that share its memory out.
            None => (Path::new("/sys/fs/cgroup").join(name), "memory.max"),
        };
        std::fs::create_dir(&folder)?;
        let group = Self(folder);
        std::fs::write(group.0.join(limit), bytes.to_string())?;
        Ok(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let start = Instant::now();
        // The last process may be on its way out.
        while std::fs::remove_dir(&self.0).is_err() && start.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
