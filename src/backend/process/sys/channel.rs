//! The channel between a loader and one worker: a private pair of sockets.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair, sockopt,
};
use rustix::time::Timespec;

/// A handle of a channel or of shared memory.
pub(in super::super) type Handle = OwnedFd;
/// A borrowed [`Handle`].
pub(in super::super) type HandleRef<'a> = BorrowedFd<'a>;
/// A source of events: a descriptor that is readable or closed and, if the flag is set, also
/// writable.
pub(in super::super) type Source<'a> = (BorrowedFd<'a>, bool);

/// Borrows a handle.
pub(in super::super) fn borrowed(handle: &Handle) -> HandleRef<'_> {
    handle.as_fd()
}

/// The lowest descriptor number for windrow's own descriptors. User code that writes to a wrong
/// descriptor most often hits a low number.
const HIGH: i32 = 64;

/// Moves a descriptor to a high number, if the process may have one.
pub(super) fn high(fd: OwnedFd) -> OwnedFd {
    copied_high(&fd).unwrap_or(fd)
}

/// Duplicates a descriptor, to a high number if the process may have one.
pub(super) fn copied_high(fd: impl AsFd) -> io::Result<OwnedFd> {
    Ok(fcntl_dupfd_cloexec(&fd, HIGH).or_else(|_| fcntl_dupfd_cloexec(&fd, 3))?)
}

/// The size of a channel's send buffer, in bytes.
const BUFFER: usize = 512 << 10;

/// The loader's end, which never blocks.
#[derive(Debug)]
pub(in super::super) struct Channel(OwnedFd);

impl Channel {
    /// Creates the two ends. On unix, the waker needs no preparation.
    pub(in super::super) fn pair(_: Option<&Waker>) -> io::Result<(Self, OwnedFd)> {
        let (own, other) = pair(SocketType::STREAM)?;
        nonblocking(&own)?;
        // A smaller buffer only makes the channel slower.
        _ = sockopt::set_socket_send_buffer_size(&other, BUFFER);
        Ok((Self(own), other))
    }

    /// Sends as many bytes as possible, with a descriptor beside the first byte; returns
    /// `WouldBlock` if the channel is full.
    pub(in super::super) fn send(
        &mut self,
        bytes: &[u8],
        passed: Option<BorrowedFd<'_>>,
    ) -> io::Result<usize> {
        send(self.0.as_fd(), bytes, passed)
    }

    /// Receives available bytes: 0 at the end, `WouldBlock` if none are available.
    pub(in super::super) fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(&self.0, &mut *into) {
                Err(Errno::INTR) => {}
                Err(Errno::CONNRESET) => return Ok(0),
                other => return Ok(other?),
            }
        }
    }

    pub(in super::super) fn source(&self, write: bool) -> Source<'_> {
        (self.0.as_fd(), write)
    }
}

/// The worker's end, which blocks.
#[derive(Debug)]
pub(in super::super) struct Link {
    fd: OwnedFd,
    passed: std::collections::VecDeque<OwnedFd>,
}

impl Link {
    pub(in super::super) fn new(fd: OwnedFd) -> Self {
        Self { fd, passed: std::collections::VecDeque::new() }
    }

    /// Sends all bytes.
    pub(in super::super) fn send(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            bytes = &bytes[send(self.fd.as_fd(), bytes, None)?..];
        }
        Ok(())
    }

    /// Receives bytes, and waits for the first one; returns 0 at the end.
    pub(in super::super) fn receive(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        #[cfg(target_os = "linux")]
        let flags = RecvFlags::CMSG_CLOEXEC;
        #[cfg(not(target_os = "linux"))]
        let flags = RecvFlags::empty();
        let got = loop {
            match recvmsg(&self.fd, &mut [IoSliceMut::new(into)], &mut control, flags) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                for descriptor in descriptors {
                    fcntl_setfd(&descriptor, FdFlags::CLOEXEC)?;
                    self.passed.push_back(high(descriptor));
                }
            }
        }
        if got.flags.contains(ReturnFlags::CTRUNC) {
            return Err(io::Error::other(
                "a descriptor was lost, because this process has reached its limit of open files; \
                 raise ulimit -n",
            ));
        }
        Ok(got.bytes)
    }

    /// Closes the channel in this process: later writes go to `/dev/null`.
    pub(in super::super) fn close(&mut self) {
        if let Ok(nothing) = std::fs::File::open("/dev/null") {
            self.fd = high(nothing.into());
        }
    }

    /// Returns the next received descriptor.
    pub(in super::super) fn passed(&mut self) -> Option<OwnedFd> {
        self.passed.pop_front()
    }

    /// Returns a function that waits until either end is closed, without reading.
    pub(in super::super) fn watcher(&self) -> io::Result<impl FnOnce() + Send + use<>> {
        let fd = copied_high(&self.fd)?;
        Ok(move || {
            loop {
                let mut fds = [PollFd::new(&fd, PollFlags::empty())];
                let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
                // Polls once a second, because a close by user code wakes no waiting thread.
                match poll(&mut fds, Some(&Timespec { tv_sec: 1, tv_nsec: 0 })) {
                    Ok(_) if fds[0].revents().intersects(gone) => return,
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(_) => return,
                }
            }
        })
    }

    pub(in super::super) fn source(&self) -> Source<'_> {
        (self.fd.as_fd(), false)
    }
}

/// A waker that ends another thread's wait.
#[derive(Debug)]
pub(in super::super) struct Waker {
    hears: OwnedFd,
    rings: OwnedFd,
}

impl Waker {
    pub(in super::super) fn new() -> io::Result<Self> {
        let (hears, rings) = pair(SocketType::STREAM)?;
        nonblocking(&hears)?;
        nonblocking(&rings)?;
        Ok(Self { hears, rings })
    }

    pub(in super::super) fn ring(&self) {
        // A full buffer already wakes the thread.
        _ = send(self.rings.as_fd(), &[1], None);
    }

    /// Waits until the waker rings, one of these sources is ready, or the limit passes.
    pub(in super::super) fn wait<'a>(
        &'a self,
        sources: impl Iterator<Item = Source<'a>>,
        limit: Option<Duration>,
    ) -> io::Result<()> {
        let bell = std::iter::once((self.hears.as_fd(), false));
        let waited = wait_for(&bell.chain(sources).collect::<Vec<_>>(), limit);
        let mut bytes = [0; 64];
        while matches!(rustix::io::read(&self.hears, &mut bytes), Ok(64)) {}
        waited.map(|_| ())
    }
}

/// Waits until at least one source is readable, closed or (if requested) writable; returns which
/// ones are.
pub(in super::super) fn wait_for(
    all: &[Source<'_>],
    limit: Option<Duration>,
) -> io::Result<Vec<bool>> {
    let events = |write| if write { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    let mut fds: Vec<PollFd<'_>> =
        all.iter().map(|(fd, write)| PollFd::new(fd, events(*write))).collect();
    let limit = limit.map(|limit| Timespec {
        tv_sec: limit.as_secs().min(3600) as _,
        tv_nsec: limit.subsec_nanos().into(),
    });
    match poll(&mut fds, limit.as_ref()) {
        Ok(_) => Ok(fds.iter().map(|fd| !fd.revents().is_empty()).collect()),
        Err(Errno::INTR) => Ok(vec![false; all.len()]),
        Err(error) => Err(error.into()),
    }
}

fn pair(kind: SocketType) -> io::Result<(OwnedFd, OwnedFd)> {
    #[cfg(target_os = "linux")]
    let flags = SocketFlags::CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = SocketFlags::empty();
    let (one, other) = socketpair(AddressFamily::UNIX, kind, flags, None)?;
    fcntl_setfd(&one, FdFlags::CLOEXEC)?;
    fcntl_setfd(&other, FdFlags::CLOEXEC)?;
    Ok((high(one), high(other)))
}

fn nonblocking(fd: &OwnedFd) -> io::Result<()> {
    Ok(fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?)
}

fn send(to: BorrowedFd<'_>, bytes: &[u8], passed: Option<BorrowedFd<'_>>) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    let flags = SendFlags::NOSIGNAL;
    #[cfg(not(target_os = "linux"))]
    let flags = SendFlags::empty();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let passed: Vec<BorrowedFd<'_>> = passed.into_iter().collect();
    if !passed.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(&passed));
    }
    loop {
        match sendmsg(to, &[IoSlice::new(bytes)], &mut control, flags) {
            Err(Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}
