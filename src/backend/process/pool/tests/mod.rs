//! Schedules of crashes, lies, limits, recycling and shutdown. The test plays the driver and the
//! processes.

mod cases;
mod orders;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::{Action, Exit, Limits, Page, Pool, Said};
use crate::engine::Task;
use crate::error::Error;

const MS: Duration = Duration::from_millis(1);

fn limits() -> Limits {
    Limits {
        sample: None,
        startup: 1000 * MS,
        rss: None,
        samples: None,
        crashes: 3,
        slack: Duration::ZERO,
        program: None,
    }
}

fn exit(how: &str) -> Exit {
    Exit { how: how.into(), clean: false, no_init: None, with_server: false, blameless: false }
}

/// A process as the system sees it.
#[derive(Debug, Clone, Default)]
struct Process {
    is_ready: bool,
    /// The tasks that the process was sent and has not done.
    tasks: VecDeque<Task>,
    is_begun: bool,
    is_drained: bool,
    is_killed: bool,
}

impl Process {
    fn page(&self) -> Page {
        let task = self.tasks.front().filter(|_| self.is_begun);
        Page {
            task: task.map(|task| task.id),
            filling: task.map(|task| task.start),
            doing: "computing the sample",
            index: None,
        }
    }
}

/// The outcome of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Delivered,
    Lost,
}

/// A possible next event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Start(usize),
    Refuse(usize),
    Ready(usize),
    Begin(usize),
    Finish(usize),
    Crash(usize),
    Lie(usize),
    /// The process ends, after a request or a kill.
    End(usize),
    Wait,
}

/// A pool with its processes.
#[derive(Clone)]
struct World {
    pool: Pool<u32>,
    now: Duration,
    processes: Vec<Option<Process>>,
    told: BTreeMap<u64, Told>,
    /// The number of crashes, lies and refusals that may still happen.
    faults: u32,
    broken: Option<Error>,
    tasks: u64,
}

impl World {
    fn new(workers: u32, tasks: u64, faults: u32, limits: Limits) -> Self {
        let mut pool = Pool::new(workers, limits);
        (0..tasks).for_each(|id| pool.submit(Task { id, start: 10 * id, count: 2 }));
        let processes = (0..workers).map(|_| None).collect();
        let told = BTreeMap::new();
        Self { pool, now: Duration::ZERO, processes, told, faults, broken: None, tasks }
    }

    /// Returns all events that may happen now.
    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut waits = false;
        for (number, process) in self.processes.iter().enumerate() {
            let Some(process) = process else {
                match self.pool.start_at(number) {
                    Some(start) if start <= self.now => {
                        steps.push(Step::Start(number));
                        steps.extend((self.faults > 0).then_some(Step::Refuse(number)));
                    }
                    Some(_) => waits = true,
                    None => {}
                }
                continue;
            };
            if process.is_killed {
                steps.push(Step::End(number));
                continue;
            }
            steps.push(match process {
                Process { is_ready: false, .. } => Step::Ready(number),
                Process { is_begun: true, .. } => Step::Finish(number),
                Process { tasks, .. } if !tasks.is_empty() => Step::Begin(number),
                Process { is_drained: true, .. } => Step::End(number),
                _ => continue,
            });
            if self.faults > 0 {
                steps.extend([Step::Crash(number), Step::Lie(number)]);
            }
        }
        if waits && steps.is_empty() {
            steps.push(Step::Wait);
        }
        steps
    }

    fn take(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Start(number) => {
                assert!(self.processes[number].is_none());
                self.processes[number] = Some(Process::default());
                self.pool.started(number, now);
                self.pool.said(number, Said::Hello(Ok(())), now);
            }
            Step::Refuse(number) => {
                self.faults -= 1;
                self.pool.start_refused(number, "no process".into(), now);
            }
            Step::Ready(number) => {
                self.process(number).is_ready = true;
                self.pool.said(number, Said::Ready(Ok(())), now);
            }
            Step::Begin(number) => self.process(number).is_begun = true,
            Step::Finish(number) => {
                let process = self.process(number);
                process.is_begun = false;
                let task = process.tasks.pop_front().unwrap();
                let given = self.pool.reported(number, task.id, false, now).unwrap();
                assert_eq!(given.task, task);
                assert_eq!(self.told.insert(task.id, Told::Delivered), None, "reported twice");
                self.pool.delivered(number, given, Ok(1000), now);
            }
            Step::Crash(number) => {
                self.faults -= 1;
                self.end(number, &exit("killed by SIGKILL"));
            }
            Step::Lie(number) => {
                self.faults -= 1;
                assert!(self.pool.reported(number, 999, false, now).is_none());
            }
            Step::End(number) => {
                let is_killed = self.process(number).is_killed;
                if !is_killed {
                    self.pool.said(number, Said::Bye, now);
                }
                self.end(number, &Exit { clean: !is_killed, ..exit("ended") });
            }
            Step::Wait => self.now += 50 * MS,
        }
        self.settle();
    }

    fn process(&mut self, number: usize) -> &mut Process {
        self.processes[number].as_mut().expect("the process runs")
    }

    fn end(&mut self, number: usize, exit: &Exit) {
        let page = self.process(number).page();
        self.processes[number] = None;
        self.pool.hung_up(number, self.now);
        self.pool.exited(number, exit, &page, self.now);
    }

    /// Carries out the pool's actions until none is left.
    fn settle(&mut self) {
        loop {
            self.pool.hand_out(self.now, |number, _| Ok(Some(number as u32)));
            let mut is_quiet = true;
            while let Some(action) = self.pool.next() {
                is_quiet = false;
                self.act(action);
            }
            if is_quiet {
                return;
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Send(number, task) => {
                let given = self.pool.given(number, task).expect("the task was given");
                assert_eq!(given.lease, Some(number as u32), "the slot belongs to the worker");
                let task = given.task;
                let process = self.process(number);
                assert!(process.is_ready && !process.is_drained && !process.is_killed);
                process.tasks.push_back(task);
            }
            Action::Drain(number) => self.process(number).is_drained = true,
            // A process that has already ended cannot be killed.
            Action::Kill(number) => {
                self.processes[number].iter_mut().for_each(|process| process.is_killed = true);
            }
            Action::Abandon(number) => self.processes[number] = None,
            Action::Lost(task, loss) => {
                assert!(!loss.how.is_empty());
                assert_eq!(self.told.insert(task.id, Told::Lost), None, "reported twice");
            }
            Action::Broken(error) => {
                assert!(self.broken.replace(error).is_none(), "reported twice")
            }
            Action::Ready | Action::Ended { .. } | Action::NotStarted(_) => {}
        }
    }

    /// Checks the state at rest: every task was reported, or no more workers will start.
    fn check_rest(&self) {
        if self.broken.is_none() {
            assert_eq!(self.told.len() as u64, self.tasks, "{:?}", self.pool);
        }
    }

    /// Closes the pool, and continues until all processes have ended.
    fn close(mut self) {
        self.pool.close(self.now);
        self.settle();
        self.faults = 0;
        for _ in 0..1000 {
            let Some(step) = self.steps().pop() else { break };
            self.take(step);
        }
        assert!(self.pool.is_empty() && self.processes.iter().all(Option::is_none));
    }
}
