//! Programs that are stopped and go on, with all their workers, as by Ctrl-Z and `fg`; and programs
//! that split themselves after they had threads.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use windrow::{Backend, Dataset, Loader, Result, WorkerContext, init, range};

use crate::runs::{command, guard, text};
use crate::system::children_of;

/// How long a sample may take, a tenth of which it takes.
const TIMEOUT: Duration = Duration::from_millis(400);

fn steady(end: u64, _: &WorkerContext) -> Result<impl Dataset<Sample = u64> + use<>> {
    Ok(range(0..end).map(|x| {
        std::thread::sleep(TIMEOUT / 10);
        x
    }))
}

/// Plays a role, if it is one of these.
pub fn play(role: &str) -> bool {
    match role {
        "steady" => {
            init();
            let loader =
                Loader::recipe(steady, 200).sample_timeout(TIMEOUT).max_losses(1).max_crashes(0);
            let loader = loader.backend(Backend::Processes).workers(2).build().unwrap();
            let outcomes: Vec<_> = loader
                .inspect(|_| {
                    // Whoever waits for a line knows that the workers are at it.
                    eprintln!("received");
                })
                .collect();
            println!("{} are good", outcomes.iter().filter(|outcome| outcome.is_ok()).count());
            outcomes.iter().filter_map(|x| x.as_ref().err()).for_each(|error| println!("{error}"));
        }
        _ => return false,
    }
    true
}

pub fn a_stop_of_all_costs_no_worker() {
    let mut child = command("steady").spawn().unwrap();
    let guard = guard(child.id(), Duration::from_secs(60));
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().unwrap()));
    for _ in 0..4 {
        for _ in 0..10 {
            assert_eq!(lines.next().unwrap().unwrap(), "received");
        }
        let workers = children_of(child.id());
        assert_eq!(workers.len(), 2);
        let all: Vec<u32> = [child.id()].into_iter().chain(workers).collect();
        signal(&all, Signal::STOP);
        while !all.iter().all(|pid| state(*pid) == Some('T')) {
            std::thread::sleep(Duration::from_millis(1));
        }
        // For twice the limit: that is what is tried.
        std::thread::sleep(2 * TIMEOUT);
        // The parent first, so that it looks at workers that have yet to go on.
        signal(&all, Signal::CONT);
    }
    let rest = std::thread::spawn(move || lines.count());
    let output = child.wait_with_output().unwrap();
    drop(guard);
    rest.join().unwrap();
    assert_eq!(text(&output.stdout).trim(), "200 are good");
}

fn signal(all: &[u32], signal: Signal) {
    for pid in all {
        kill_process(Pid::from_raw(*pid as i32).unwrap(), signal).unwrap();
    }
}

/// The letter by which the system calls what a process does.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}
