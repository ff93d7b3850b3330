//! The fork server: a process with one thread that opens the pipeline and forks workers.
//!
//! Every worker inherits the resources that the recipe opened and read. All processes share this
//! memory until one writes to it. The server computes no samples, so no sample can crash it.

use std::io;
use std::time::Duration;

use super::super::protocol::frame::Kind;
use super::super::protocol::message::{EndNote, Setup};
use super::super::sys::{self, Ended, Handle};
use super::connection::Connection;
use super::pipeline::{context, open};
use crate::backend::recipe::{Opened, WorkerContext};

/// How often the server checks its children on systems that do not report their ends.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A pipeline that the server opened before it forked the worker.
pub(super) type Inherited<'a> = (&'a Opened, &'static WorkerContext);

/// Forks workers until the loader is gone; each worker runs `work`.
pub(super) fn serve(
    connection: &mut Connection,
    setup: &Setup,
    work: fn(Handle, Inherited<'_>) -> !,
) -> io::Result<()> {
    let context = context(setup);
    let opened = match open(setup, context) {
        Ok(opened) => opened,
        Err(error) => return connection.say(Kind::Refused, &error.why()),
    };
    connection.say(Kind::Ready, &opened.expected)?;
    let mut children: Vec<sys::Process> = Vec::new();
    loop {
        let mut sources = vec![connection.link.source()];
        sources.extend(children.iter().filter_map(sys::Process::source));
        let blind = children.len() >= sources.len();
        let ready = sys::wait_for(&sources, blind.then_some(LOOK_EVERY))?;
        let mut ended = Vec::new();
        children.retain(|child| {
            let end = child.reap();
            ended.extend(end.map(|end| note(child.pid(), end)));
            end.is_none()
        });
        for note in ended {
            connection.say(Kind::Ended, &note)?;
        }
        if !ready[0] {
            continue;
        }
        match connection.hear()? {
            (Kind::Split, _) => {
                let link = connection.link.passed();
                let link =
                    link.ok_or_else(|| io::Error::other("the frame came without a channel"))?;
                match sys::threads() {
                    Some(threads) if threads <= setup.threads => {}
                    threads => {
                        let threads =
                            threads.map_or("an unknown number of".into(), |n| n.to_string());
                        let why = format!(
                            "the recipe left {threads} threads running, and a process with more than \
                             one cannot fork; use start method spawn"
                        );
                        return connection.say(Kind::Refused, &why);
                    }
                }
                let child = sys::Process::split_off(setup.threads, || {
                    connection.link.close();
                    children.clear();
                    work(link, (&opened, context))
                })?;
                connection.say(Kind::Forked, &child.pid())?;
                children.push(child);
            }
            (Kind::Drain, _) => return Ok(()),
            (kind, _) => {
                return Err(io::Error::other(format!(
                    "the loader sent an unexpected {kind:?} frame"
                )));
            }
        }
    }
}

fn note(pid: u32, ended: Ended) -> EndNote {
    let (code, signal) = match ended {
        Ended::Code(code) => (Some(code), None),
        Ended::Signal(signal) => (None, Some(signal)),
        Ended::Unknown | Ended::Untold => (None, None),
    };
    EndNote { pid, code, signal }
}
