//! The pool that one writes by hand: this program again with an argument, frames with their length
//! over standard input and output, a thread for each worker, results put in order by number.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Result, Write, stdin, stdout};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

/// Writes the bytes of one result to a buffer that is used again.
pub type Work = fn(u64, &mut Vec<u8>);

/// The argument that makes this program a worker, before the name of its work.
pub const WORKER: &str = "--pipe-worker";

/// Answers numbers with results until there are no more.
pub fn serve(work: Work) -> Result<()> {
    let mut input = File::from(stdin().as_fd().try_clone_to_owned()?);
    let mut output = File::from(stdout().as_fd().try_clone_to_owned()?);
    let (mut number, mut frame) = ([0; 8], Vec::new());
    while input.read_exact(&mut number).is_ok() {
        frame.clear();
        frame.extend([0; 8]);
        work(u64::from_le_bytes(number), &mut frame);
        let length = frame.len() as u64 - 8;
        frame[..8].copy_from_slice(&length.to_le_bytes());
        output.write_all(&frame)?;
    }
    Ok(())
}

/// Results in order.
pub struct Pool {
    results: mpsc::Receiver<(u64, Vec<u8>)>,
    early: BTreeMap<u64, Vec<u8>>,
    next: u64,
    threads: Vec<JoinHandle<Result<()>>>,
}

impl Pool {
    pub fn new(workers: u32, name: &str, end: u64) -> Result<Self> {
        let (sender, results) = mpsc::sync_channel(8);
        let fresh = Arc::new(AtomicU64::new(0));
        let mut threads = Vec::new();
        for _ in 0..workers {
            let mut command = Command::new(std::env::current_exe()?);
            command.args([WORKER, name]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let (child, fresh, sender) = (command.spawn()?, fresh.clone(), sender.clone());
            threads.push(std::thread::spawn(move || attend(child, end, &fresh, &sender)));
        }
        Ok(Self { results, early: BTreeMap::new(), next: 0, threads })
    }
}

/// Keeps one worker busy: one more number waits in its pipe while it works.
fn attend(
    mut child: Child,
    end: u64,
    fresh: &AtomicU64,
    sender: &mpsc::SyncSender<(u64, Vec<u8>)>,
) -> Result<()> {
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut ask = || -> Result<u64> {
        let number = fresh.fetch_add(1, Ordering::Relaxed);
        if number < end {
            input.write_all(&number.to_le_bytes())?;
        }
        Ok(number)
    };
    let mut asked = [ask()?, ask()?];
    while asked[0] < end {
        let mut length = [0; 8];
        output.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        let mut result = Vec::with_capacity(length as usize);
        output.by_ref().take(length).read_to_end(&mut result)?;
        let number = asked[0];
        asked = [asked[1], ask()?];
        if sender.send((number, result)).is_err() {
            break;
        }
    }
    drop(input);
    child.wait().map(drop)
}

impl Iterator for Pool {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(result) = self.early.remove(&self.next) {
                self.next += 1;
                return Some(result);
            }
            match self.results.recv() {
                Ok((number, result)) => _ = self.early.insert(number, result),
                Err(_) => {
                    self.threads.drain(..).for_each(|thread| thread.join().unwrap().unwrap());
                    return None;
                }
            }
        }
    }
}
