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

/// What a channel or shared memory is kept by.
pub(in super::super) type Handle = OwnedFd;
/// See [`Handle`].
pub(in super::super) type HandleRef<'a> = BorrowedFd<'a>;
/// Something to wait for: that it can be read or has ended, or also that it can be written.
pub(in super::super) type Source<'a> = (BorrowedFd<'a>, bool);

/// A handle, lent.
pub(in super::super) fn borrowed(handle: &Handle) -> HandleRef<'_> {
    handle.as_fd()
}

/// The descriptors of this room lie here or above. What user code writes to a wrong descriptor most
/// often goes to a low one.
const HIGH: i32 = 64;

/// The same, at a high number if the process may have one.
pub(super) fn high(fd: OwnedFd) -> OwnedFd {
    copied_high(&fd).unwrap_or(fd)
}

/// A second descriptor, at a high number if the process may have one.
pub(super) fn copied_high(fd: impl AsFd) -> io::Result<OwnedFd> {
    Ok(fcntl_dupfd_cloexec(&fd, HIGH).or_else(|_| fcntl_dupfd_cloexec(&fd, 3))?)
}

/// What a channel may hold that was sent and not received.
const BUFFER: usize = 512 << 10;

/// The loader's end, which never waits.
#[derive(Debug)]
pub(in super::super) struct Channel(OwnedFd);

impl Channel {
    /// The two ends. Waiting for news needs no preparation here.
    pub(in super::super) fn pair(_: Option<&Waker>) -> io::Result<(Self, OwnedFd)> {
        let (own, other) = pair(SocketType::STREAM)?;
        nonblocking(&own)?;
        // Smaller buffers are only slower.
        _ = sockopt::set_socket_send_buffer_size(&other, BUFFER);
        Ok((Self(own), other))
    }

    /// Sends what goes, with a descriptor to go with the first byte; `WouldBlock` when nothing does.
    pub(in super::super) fn send(
        &mut self,
        bytes: &[u8],
        passed: Option<BorrowedFd<'_>>,
    ) -> io::Result<usize> {
        send(self.0.as_fd(), bytes, passed)
    }

    /// Receives what is there: 0 at the end, `WouldBlock` when nothing is.
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

/// The worker's end, which waits.
#[derive(Debug)]
pub(in super::super) struct Link {
    fd: OwnedFd,
    passed: std::collections::VecDeque<OwnedFd>,
}

impl Link {
    pub(in super::super) fn new(fd: OwnedFd) -> Self {
        Self { fd, passed: std::collections::VecDeque::new() }
    }

    /// Sends all of it.
    pub(in super::super) fn send(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            bytes = &bytes[send(self.fd.as_fd(), bytes, None)?..];
        }
        Ok(())
    }

    /// Receives what is there, waiting for the first byte; 0 at the end.
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
                "a descriptor was lost on the way: this process may open no more (ulimit -n)",
            ));
        }
        Ok(got.bytes)
    }

    /// Closes it for this process: what is sent from now on goes nowhere.
    pub(in super::super) fn close(&mut self) {
        if let Ok(nothing) = std::fs::File::open("/dev/null") {
            self.fd = high(nothing.into());
        }
    }

    /// The next descriptor that came.
    pub(in super::super) fn passed(&mut self) -> Option<OwnedFd> {
        self.passed.pop_front()
    }

    /// Waits until the other end is closed, or this one is, and reads nothing.
    pub(in super::super) fn watcher(&self) -> io::Result<impl FnOnce() + Send + use<>> {
        let fd = copied_high(&self.fd)?;
        Ok(move || {
            loop {
                let mut fds = [PollFd::new(&fd, PollFlags::empty())];
                let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
                // User code that closes descriptors which are not its own wakes nobody here.
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

/// Ends another thread's waiting.
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
        // When it is full, it rings already.
        _ = send(self.rings.as_fd(), &[1], None);
    }

    /// Waits until it rings or one of these has news.
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

/// Waits until one of these can be read (or written, where asked for) or has ended, and tells which.
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
