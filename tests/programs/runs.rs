//! What the programs must print, and what they may leave behind.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::system::*;

pub type Test = (&'static str, fn());

const TESTS: &[Test] = &[
    (
        "killed_runs_claim_no_missing_effect_and_end_in_the_same_bytes",
        crate::effects::killed_runs_claim_no_missing_effect_and_end_in_the_same_bytes,
    ),
    ("init_in_the_first_line_works_also_twice", || says("well", "100 of 100 are good")),
    ("auto_is_processes_for_a_recipe", || {
        chooses("auto", None, "processes made 100", None, true);
    }),
    ("auto_without_init_is_threads_and_says_so_in_one_line", || {
        let line = "backend auto uses threads: backend processes is not available: windrow::init() was \
                    not called";
        chooses("auto without init", None, "threads made 100", Some(line), false);
        chooses("auto without init", Some("auto"), "threads made 100", Some(line), false);
    }),
    ("processes_without_init_are_an_error_and_nothing_is_started", || {
        let error = "error: backend processes is not available: windrow::init() was not called";
        chooses("processes without init", None, error, None, false);
        chooses("auto without init", Some("processes"), error, None, false);
        chooses("auto without init", Some("multiprocessing"), error, None, false);
    }),
    ("the_environment_forces_a_backend", || {
        for (forced, made) in [
            ("inline", "inline made 100"),
            ("threads", "threads made 100"),
            ("threading", "threads made 100"),
        ] {
            chooses("auto", Some(forced), made, None, false);
            chooses("processes without init", Some(forced), made, None, false);
        }
        chooses("auto", Some("processes"), "processes made 100", None, true);
        chooses("auto", Some("auto"), "processes made 100", None, true);
    }),
    ("init_never_called_is_said_by_build", || says("never", "windrow::init() was not called")),
    ("init_called_conditionally_is_said", || {
        says("conditionally", "it ran the program's main() instead of windrow::init()");
    }),
    ("a_main_that_returns_before_init_is_said", || {
        says("returns", "it exited with code 0 without calling windrow::init()");
    }),
    ("a_main_that_blocks_before_init_is_killed", || {
        says("blocks", "killed by windrow after 200ms");
    }),
    ("init_called_late_is_said_and_helps_from_then_on", || {
        let output = run("late");
        assert_eq!(text(&output.stdout).lines().count(), 2, "{output:?}");
        assert!(text(&output.stdout).contains("was not called"), "{output:?}");
    }),
    ("a_loader_of_processes_in_a_worker_is_refused", || {
        says("nested", "this process is itself a worker");
    }),
    ("a_loader_in_a_worker_that_may_choose_takes_threads_and_says_so", || {
        let output = run("nested auto");
        assert_eq!(text(&output.stdout), "threads\n", "{output:?}");
        let line = "backend auto uses threads: backend processes is not available: this process is \
                    itself a worker";
        assert!(text(&output.stderr).contains(line), "{output:?}");
        assert_eq!(text(&output.stderr).lines().count(), 1, "{output:?}");
    }),
    ("a_variable_set_by_hand_is_said", || {
        let output = output_of(command("well").env("WINDROW_WORKER", "1"));
        assert_eq!(output.status.code(), Some(88), "{output:?}");
        assert!(
            text(&output.stderr).contains("no loader started this process as a worker"),
            "{output:?}"
        );
    }),
    ("workers_of_a_killed_program_are_gone_at_once", || workers_go("busy", true)),
    ("workers_of_a_program_that_exits_are_gone_at_once", || workers_go("exits", false)),
    ("what_workers_print_disturbs_nothing_and_stdin_is_the_program_s", || {
        let mut child = command("noisy").stdin(Stdio::piped()).start();
        child.stdin.take().unwrap().write_all(b"for the program\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(text(&output.stdout).contains("300 of 300 are good"), "{output:?}");
        assert!(text(&output.stdout).contains("stdin: for the program"), "{output:?}");
        let made = text(&output.stdout).matches("is made and made").count();
        assert_eq!(made, 300);
    }),
    #[cfg(unix)]
    ("deaths_cost_nothing_where_sigchld_is_ignored", || says("ignores", "200 of 200 are good")),
    ("deaths_cost_nothing", || says("suicidal", "200 of 200 are good")),
    ("a_program_replaced_on_disk_goes_on_with_what_it_was", || {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("program");
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let output = output_of(&mut with(Command::new(&copy), "replaced"));
        let expected = if cfg!(all(target_os = "linux", not(windrow_portable))) {
            "200 of 200 are good"
        } else {
            "error: "
        };
        assert!(text(&output.stdout).contains(expected), "{output:?}");
    }),
    #[cfg(unix)]
    ("too_few_descriptors_are_an_error_that_says_so", || says("few", "(os error 24)")),
    ("a_thousand_loaders_leave_nothing", || says("many", "0 more files, 0 children")),
    ("a_stuck_sample_does_not_keep_a_loader_open", || {
        let output = run("stuck");
        let said = text(&output.stdout);
        let (stuck, rest) = said.split_once(" stuck, ").unwrap();
        let (millis, children) = rest.split_once(" ms, ").unwrap();
        assert_eq!((stuck, children.trim()), ("2", "0 children"));
        let millis: u64 = millis.parse().unwrap();
        assert!(millis >= 300, "{said}");
    }),
    #[cfg(unix)]
    ("workers_split_off_a_server_are_as_good", || {
        says_with("forkserver", "well", "100 of 100 are good");
        says_with("forkserver", "suicidal", "200 of 200 are good");
        says_with("forkserver", "ignores", "200 of 200 are good");
        says_with("forkserver", "noisy", "300 of 300 are good");
        says_with("forkserver", "stuck", "2 stuck");
        says_with("forkserver", "nested", "this process is itself a worker");
    }),
    #[cfg(unix)]
    ("a_large_dataset_is_shared_by_the_workers_of_a_server", || {
        let output = output_of(&mut with_method("forkserver", "large"));
        let said = text(&output.stdout).trim();
        let share = said.rsplit(' ').nth(3).and_then(|share| share.parse::<u64>().ok());
        assert!(share.is_some_and(|share| share < 130), "{output:?}");
        println!("  forkserver: of 200 MiB, {said}");
    }),
    #[cfg(unix)]
    ("a_process_with_threads_is_not_split", || {
        says_with("forkserver", "threaded", "the recipe left 2 threads running");
    }),
    #[cfg(unix)]
    ("workers_of_a_killed_server_s_program_are_gone_at_once", || {
        workers_of_go(with_method("forkserver", "busy"), true);
    }),
    #[cfg(windows)]
    ("processes_are_not_split_here_and_what_works_is_said", || {
        says_with("forkserver", "well", "use start method spawn");
    }),
    #[cfg(unix)]
    ("a_launcher_that_becomes_the_worker_is_nothing_to_it", || {
        for launcher in ["env", "nice\n-n\n1", "env\n-u\nWINDROW_WORKER"] {
            runs_workers(launcher);
        }
        let mut server = by("LAUNCHER", "env", "suicidal");
        said_by(server.env("WINDROW_START_METHOD", "forkserver"), "200 of 200 are good");
    }),
    #[cfg(unix)]
    ("a_launcher_that_waits_for_the_worker_dies_with_it", || {
        let launcher = "sh\n-c\n\"$@\"; exit $?\nsh";
        runs_workers(launcher);
        let mut server = by("LAUNCHER", launcher, "suicidal");
        said_by(server.env("WINDROW_START_METHOD", "forkserver"), "200 of 200 are good");
        workers_of_go(by("LAUNCHER", launcher, "busy"), true);
        let output = output_of(&mut by("LAUNCHER", launcher, "stops"));
        assert!(text(&output.stdout).contains("19 of 20 are good"), "{output:?}");
        let stopped = text(&output.stderr).lines().filter_map(|line| line.strip_prefix("worker "));
        let stopped: Vec<u32> = stopped.map(|pid| pid.parse().unwrap()).collect();
        assert!(!stopped.is_empty(), "{output:?}");
        see_off(&stopped);
    }),
    #[cfg(windows)]
    ("a_launcher_that_waits_for_the_worker_dies_with_it", || {
        let launcher = "cmd\n/c";
        runs_workers(launcher);
        workers_of_go(by("LAUNCHER", launcher, "busy"), true);
    }),
    #[cfg(unix)]
    ("a_launcher_further_away_from_the_worker_is_refused", || {
        let launcher = "sh\n-c\n(\"$@\"; true); true\nsh";
        says_by(launcher, "well", "a launcher must become the worker");
    }),
    #[cfg(unix)]
    ("debuggers_run_workers", || {
        for (tool, rest) in [
            ("gdb", "-q\n-batch\n-ex\nrun\n--args"),
            ("strace", "-f\n-o\n/dev/null"),
            ("valgrind", "-q"),
        ] {
            if Command::new(tool).arg("--version").output().is_err() {
                println!("  skipped {tool}: it is not installed");
                continue;
            }
            let output = output_of(&mut by("LAUNCHER", &format!("{tool}\n{rest}"), "well"));
            assert!(text(&output.stdout).contains("100 of 100 are good"), "{tool}: {output:?}");
        }
    }),
    #[cfg(unix)]
    ("a_program_replaced_on_disk_is_launched_as_what_it_was", || {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("program");
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let mut command = with(Command::new(&copy), "replaced");
        let expected = if cfg!(windrow_portable) { "error: " } else { "200 of 200 are good" };
        said_by(command.env("LAUNCHER", "env"), expected);
    }),
    ("a_worker_program_has_the_recipe_by_its_name", || {
        let own = std::env::current_exe().unwrap().display().to_string();
        said_by(&mut by("WORKER", &own, "named"), "100 of 100 are good");
        if cfg!(unix) {
            let own = format!("nice\n{own}");
            said_by(&mut by("WORKER", &own, "named"), "100 of 100 are good");
        }
    }),
    ("a_worker_program_without_a_name_for_the_recipe_is_refused", || {
        said_by(&mut by("WORKER", "/bin/true", "well"), "windrow::register!");
    }),
    ("a_name_must_belong_to_one_recipe_and_to_the_right_one", || {
        says("twice", "2 recipes are registered as \"twice\", in tests");
        says("misnamed", "gives this name to a recipe of another type");
        says("hooked", "give the hooks to windrow::register! as its third argument");
    }),
    ("another_program_is_a_worker_by_name_and_never_by_place", || {
        let Some(windrow) = option_env!("CARGO_BIN_EXE_windrow") else {
            return println!("  skipped: the feature cli is off, so there is no second program");
        };
        said_by(&mut by("WORKER", windrow, "document"), "100 of 100 are good");
        let unknown = "no recipe is registered as \"numbers\"; known are \"windrow::spec\"";
        said_by(&mut by("WORKER", windrow, "named"), unknown);
        // As a launcher it leaves the program that it is given alone.
        said_by(&mut by("LAUNCHER", windrow, "well"), "the worker is another program: build ");
    }),
    #[cfg(unix)]
    ("a_program_that_is_no_worker_is_one_error_in_time_and_leaves_nothing", || {
        for (program, how) in [
            ("/no/such/program", "start a worker process by /no/such/program: "),
            ("true", "by true: it exited with code 0 without calling windrow::init()"),
            ("cat", "by cat: exited with code 1"),
            ("sleep\n600", "by sleep: exited with code 1"),
            ("sh\n-c\nexec sleep 600", "by sh: killed by windrow after 300ms"),
            ("sh\n-c\nexec cat > /dev/null", "by sh: killed by windrow after 300ms"),
        ] {
            let output = output_of(&mut by("WORKER", program, "named"));
            let said = text(&output.stdout);
            assert!(said.contains(how) && said.ends_with("\n0 children\n"), "{how:?}: {output:?}");
            assert_eq!(said.matches("error: ").count(), 1, "{output:?}");
        }
    }),
    ("lines_of_workers_on_stderr_begin_with_the_worker", || {
        let output = run("prefixed");
        assert!(text(&output.stdout).contains("10 of 10 are good"), "{output:?}");
        let lines: Vec<&str> = text(&output.stderr).lines().collect();
        assert_eq!(lines.len(), 20, "{lines:?}");
        assert!(lines.iter().all(|line| line.starts_with("[worker ")), "{lines:?}");
    }),
    ("what_samples_add_is_the_same_in_every_environment", || {
        let mut all = Vec::new();
        for strict in ["0", "1"] {
            for (backend, method, workers) in [
                ("inline", "spawn", "1"),
                ("threads", "spawn", "1"),
                ("threads", "spawn", "5"),
                ("processes", "spawn", "1"),
                ("processes", "spawn", "3"),
                ("processes", "forkserver", "2"),
            ] {
                if !SPLITS && method != "spawn" {
                    continue;
                }
                let mut command = command("adding");
                command.env("WINDROW_STRICT", strict).env("WINDROW_BACKEND", backend);
                command.env("WINDROW_START_METHOD", method).env("WINDROW_WORKERS", workers);
                let output = output_of(&mut command);
                all.push(text(&output.stdout).to_owned());
            }
        }
        assert!(all[0].starts_with("0..300 4") && all[0].contains("\n0..1000 4"), "{}", all[0]);
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
    }),
    ("ctrl_c_is_the_program_s_business", || {
        let child = command("slow").start();
        std::thread::sleep(Duration::from_millis(300));
        // All that the terminal would reach: the program is asked not to mind, its workers do not.
        let reached = children_of(child.id()).into_iter().all(interrupt);
        assert!(reached || leave_to_windows("Ctrl-Break does not reach processes there"));
        let output = child.wait_with_output_in(Duration::from_secs(20));
        assert!(text(&output.stdout).contains("100 of 100 are good"), "{output:?}");
    }),
];

/// Where programs note what they did once.
static FOLDER: OnceLock<PathBuf> = OnceLock::new();
static MARKS: AtomicU32 = AtomicU32::new(0);
/// How many tests run at a time.
const SIDE_BY_SIDE: u32 = 4;

/// All tests: these, and those of programs that have it hard.
fn tests() -> impl Iterator<Item = &'static Test> {
    TESTS.iter().chain(crate::ranks::TESTS).chain(crate::resource_limits::TESTS)
}

pub fn all() {
    let folder = tempfile::tempdir().unwrap();
    FOLDER.get_or_init(|| folder.path().to_owned());
    let (options, filter): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    let is = |option: &str| options.iter().any(|given| given == option);
    if is("--list") {
        // What a test runner asks first; no test here is left out by default.
        let tests = tests().filter(|_| !is("--ignored"));
        return tests.for_each(|(name, _)| println!("{name}: test"));
    }
    let chosen = |name: &str, part: &String| name == part || !is("--exact") && name.contains(part);
    let wanted = |name: &str| filter.is_empty() || filter.iter().any(|part| chosen(name, part));
    let left = Mutex::new(tests().filter(|(name, _)| wanted(name)));
    let failed = AtomicU32::new(0);
    let next = || left.lock().unwrap().next();
    let work = || {
        while let Some((name, test)) = next() {
            let start = Instant::now();
            let outcome = std::panic::catch_unwind(test);
            let word = if outcome.is_ok() { "ok" } else { "FAILED" };
            failed.fetch_add(u32::from(outcome.is_err()), Ordering::Relaxed);
            println!("test {name} ... {word} ({} ms)", start.elapsed().as_millis());
        }
    };
    // Most of the time, they wait for their programs.
    std::thread::scope(|scope| (0..SIDE_BY_SIDE).for_each(|_| _ = scope.spawn(work)));
    drop(folder);
    assert_eq!(failed.into_inner(), 0, "tests failed");
}

pub fn command(role: &str) -> Command {
    with(Command::new(std::env::current_exe().unwrap()), role)
}

pub fn with(mut command: Command, role: &str) -> Command {
    let number = MARKS.fetch_add(1, Ordering::Relaxed);
    let mark = FOLDER.get().unwrap().join(format!("mark-{number}-"));
    command.env("ROLE", role).env("MARK", mark).env_remove("WINDROW_WORKER");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn run(role: &str) -> Output {
    output_of(&mut command(role))
}

pub fn says(role: &str, part: &str) {
    let output = run(role);
    assert!(text(&output.stdout).contains(part), "{part:?} is not in {output:?}");
}

/// Runs a program that builds a loader, with a backend forced or not: what it prints, the one line on
/// standard error if there is any, and whether it starts workers.
fn chooses(role: &str, forced: Option<&str>, said: &str, warned: Option<&str>, starts: bool) {
    let mut command = command(role);
    command.envs(forced.map(|backend| ("WINDROW_BACKEND", backend)));
    let mark = command.get_envs().find(|(name, _)| *name == "MARK").and_then(|(_, mark)| mark);
    let mark = PathBuf::from(format!("{}started", mark.unwrap().display()));
    let output = output_of(&mut command);
    let what = format!("{role} with {forced:?}: {output:?}");
    assert!(text(&output.stdout).starts_with(said), "{what}");
    let lines: Vec<&str> = text(&output.stderr).lines().collect();
    assert_eq!(lines.len(), warned.iter().len(), "{what}");
    assert!(lines.iter().zip(warned).all(|(line, part)| line.contains(part)), "{what}");
    assert_eq!(mark.exists(), starts, "{what}");
}

pub fn with_method(method: &str, role: &str) -> Command {
    let mut command = command(role);
    command.env("WINDROW_START_METHOD", method);
    command
}

pub fn says_with(method: &str, role: &str, part: &str) {
    let output = output_of(&mut with_method(method, role));
    assert!(text(&output.stdout).contains(part), "{method}: {part:?} is not in {output:?}");
}

/// A program whose workers are run by a command, an argument a line.
fn by(variable: &str, line: &str, role: &str) -> Command {
    let mut command = command(role);
    command.env(variable, line);
    command
}

fn says_by(launcher: &str, role: &str, part: &str) {
    said_by(&mut by("LAUNCHER", launcher, role), part);
}

/// A launcher is nothing to workers that work, die, and hang.
fn runs_workers(launcher: &str) {
    says_by(launcher, "well", "100 of 100 are good");
    says_by(launcher, "suicidal", "200 of 200 are good");
    says_by(launcher, "hangs", "19 of 20 are good\n0 children");
}

fn said_by(command: &mut Command, part: &str) {
    let output = output_of(command);
    assert!(text(&output.stdout).contains(part), "{command:?}: {part:?} is not in {output:?}");
}

fn output_of(command: &mut Command) -> Output {
    command.start().wait_with_output_in(Duration::from_secs(60))
}

pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Starts a program.
trait Start {
    fn start(&mut self) -> std::process::Child;
}

impl Start for Command {
    /// Tries twice where Wine says that something inside it went wrong, as it now and then does.
    fn start(&mut self) -> std::process::Child {
        const INTERNAL_ERROR: i32 = 1359;
        match self.spawn() {
            Err(error) if is_wine() && error.raw_os_error() == Some(INTERNAL_ERROR) => {
                println!("  Wine: {error}");
                self.spawn().unwrap()
            }
            child => child.unwrap(),
        }
    }
}

/// Waits with a time limit.
pub trait Within {
    fn wait_with_output_in(self, limit: Duration) -> Output;
}

impl Within for std::process::Child {
    fn wait_with_output_in(self, limit: Duration) -> Output {
        let guard = guard(self.id(), limit);
        let output = self.wait_with_output().unwrap();
        drop(guard);
        output
    }
}

/// Kills a process that has not ended after `PATIENCE` times the limit; not any more when it is dropped.
pub fn guard(pid: u32, limit: Duration) -> std::sync::mpsc::Sender<()> {
    let limit = PATIENCE * limit;
    let (sender, ended) = std::sync::mpsc::channel::<()>();
    std::thread::spawn(move || {
        if ended.recv_timeout(limit) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            eprintln!("killed after {limit:?}");
            // This test started it, and nobody has waited for it.
            kill(pid);
        }
    });
    sender
}

/// Has a program with two busy workers end, and looks how long the workers live on.
pub fn workers_go(role: &str, kill: bool) {
    workers_of_go(command(role), kill);
}

fn workers_of_go(mut command: Command, kill: bool) {
    let mut child = Ends(command.start());
    let child = &mut child.0;
    let guard = guard(child.id(), Duration::from_secs(20));
    let mut workers = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        workers.extend(line.strip_prefix("worker ").map(|pid| pid.parse::<u32>().unwrap()));
        if workers.len() == 2 {
            break;
        }
    }
    assert_eq!(workers.len(), 2);
    drop(guard);
    if kill {
        child.kill().unwrap();
    }
    child.wait().unwrap();
    see_off(&workers);
}

/// Waits until processes have ended, and says how long that took.
fn see_off(workers: &[u32]) {
    let limit = Duration::from_millis(if cfg!(windrow_portable) { 1000 } else { 100 });
    let took = are_gone(workers, Duration::from_secs(20));
    println!("  gone after {} ms, {limit:?} are allowed on an idle machine", took.as_millis());
}

/// Waits until processes are gone that nobody here can wait for; gives how long that took.
pub fn are_gone(workers: &[u32], limit: Duration) -> Duration {
    let start = Instant::now();
    while workers.iter().any(|pid| is_running(*pid)) {
        assert!(start.elapsed() < limit, "they run on: {workers:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
    start.elapsed()
}

/// A program that ends with its test, however that ends.
struct Ends(std::process::Child);

impl Drop for Ends {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}
